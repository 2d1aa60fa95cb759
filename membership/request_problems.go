package membership

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Problem is what went wrong in one way at one connection: errors of one operation,
// scimType and reason.
type Problem struct {
	Connection ID
	Operation  string
	Outcome    RequestOutcome
	Status     int
	ScimType   string
	Why        string
	Detail     string // of the latest
	First      time.Time
	Last       time.Time
	Count      int64
	LastID     ID     // of the latest request
	Provider   string // as Provider returns it
	Remedy     Remedy

	agent string // of the latest
}

// problemOutcomes are those of errors.
var problemOutcomes = []RequestOutcome{RequestRefused, RequestHeld, RequestFailed, RequestLimited}

const (
	// problemsPeriod is what is looked at unless it is said.
	problemsPeriod = 7 * 24 * time.Hour
	// maxProblemRequests bounds the requests of each outcome that are looked at.
	maxProblemRequests = 5_000
	problemPage        = 500
)

// problemKey is what makes errors one problem.
type problemKey struct {
	connection               ID
	operation, scimType, why string
}

// Problems groups the errors of the tenant, or of one connection, in a period: those
// that came last first. complete is false where there were more errors than are
// looked at: then it tells of the newest.
func (d *Directory) Problems(
	ctx context.Context, call Call, connection ID, from, to time.Time,
) (problems []Problem, complete bool, err error) {
	if err := d.allow(ctx, call, OpReadRequests, ID{}, ID{}); err != nil {
		return nil, false, err
	}
	if d.requests == nil {
		return nil, false, noRequestLog()
	}
	if from.IsZero() {
		from = d.clock.Now().Add(-problemsPeriod)
	}
	of := map[problemKey]*Problem{}
	complete = true
	for _, o := range problemOutcomes {
		f := RequestFilter{Connection: connection, Outcome: o, From: from, To: to, Limit: problemPage}
		all, err := d.problemsOf(ctx, call.Tenant, f, of)
		if err != nil {
			return nil, false, err
		}
		complete = complete && all
	}
	for _, p := range of {
		problems = append(problems, *p)
	}
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(b.Last.Compare(a.Last), a.Connection.Compare(b.Connection), cmp.Compare(a.Operation, b.Operation),
			cmp.Compare(a.Why, b.Why))
	})
	return problems, complete, d.remedy(ctx, call.Tenant, problems)
}

// problemsOf adds the errors that a filter matches to their problems.
func (d *Directory) problemsOf(
	ctx context.Context, tenant ID, f RequestFilter, of map[problemKey]*Problem,
) (all bool, err error) {
	for looked := 0; looked < maxProblemRequests; looked += problemPage {
		page, err := d.requests.RequestLog().Requests(ctx, tenant, f)
		if err != nil {
			return false, err
		}
		for i := range page.Requests {
			for _, r := range errorsIn(&page.Requests[i]) {
				addProblem(of, r)
			}
		}
		if f.Before = page.Last; !page.More {
			return true, nil
		}
	}
	return false, nil
}

// errorsIn are the request, or the operations of a Bulk that have failed.
func errorsIn(r *Request) []Request {
	if len(r.Operations) == 0 {
		return []Request{*r}
	}
	var failed []Request
	for _, o := range r.Operations {
		if o.Outcome == RequestChanged || o.Outcome == RequestNothing {
			continue
		}
		one := *r
		one.Operation, one.Status, one.Count = o.operation(), o.Status, 1
		one.RequestAnswer = RequestAnswer{ScimType: o.ScimType, Detail: o.Detail, Outcome: o.Outcome, Why: o.Why}
		failed = append(failed, one)
	}
	return failed
}

// operation is that of the request that it stands for.
func (o *RequestOperation) operation() string {
	path := o.Path
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		path = path[:i] + "/{id}"
	}
	return strings.TrimSpace(o.Method + " " + path)
}

func addProblem(of map[problemKey]*Problem, r Request) {
	key := problemKey{r.Connection, r.Operation, r.ScimType, r.Why}
	p := of[key]
	if p == nil {
		p = &Problem{
			Connection: r.Connection, Operation: r.Operation, ScimType: r.ScimType, Why: r.Why, First: r.At, Last: r.At,
		}
		of[key] = p
	}
	p.Count += int64(max(r.Count, 1))
	if r.At.Before(p.First) {
		p.First = r.At
	}
	if !r.At.Before(p.Last) {
		p.Last, p.LastID, p.Outcome, p.Status, p.Detail, p.agent = r.At, r.ID, r.Outcome, r.Status, r.Detail,
			r.UserAgent
	}
}

// remedy finds what to do about problems.
func (d *Directory) remedy(ctx context.Context, tenant ID, problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	idps := map[ID]string{}
	err := d.store.Read(ctx, tenant, func(r Reader) error {
		for _, p := range problems {
			if _, known := idps[p.Connection]; known || p.Connection.IsZero() {
				continue
			}
			c, err := r.Connection(ctx, p.Connection)
			if err != nil && KindOf(err) != KindNotFound {
				return err
			}
			idps[p.Connection] = c.IDP
		}
		return nil
	})
	for i := range problems {
		p := &problems[i]
		p.Provider = Provider(idps[p.Connection], p.agent)
		p.Remedy = RemedyFor(p.Provider, p.Operation, p.ScimType, p.Why)
	}
	return err
}
