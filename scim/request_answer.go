package scim

import (
	"net/http"
	"strings"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// onlyReads is why a request that reads has done nothing.
const onlyReads = "it only reads"

// tell says for the request log what became of a request whose sender is known.
func (x *exchange) tell(note *auth.Note, err error) {
	switch {
	case err != nil:
		tellFailure(x.r, note, err)
	case x.told != nil:
		note.Answer = membership.RequestAnswer{Outcome: outcomeOfBulk(x.told), Operations: x.told}
	case reads(x.r):
		note.Answer = membership.RequestAnswer{Outcome: membership.RequestNothing, Why: onlyReads}
	default:
		note.Did()
	}
	note.Effect.Tell(&note.Answer) // what was done stays done, whatever came behind it
	note.Answer.Ignored = x.ignored
}

// reads reports whether a request asks for an answer and nothing else.
func reads(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodPost:
		path := r.URL.Path
		return len(path) >= len(searchPath) && strings.EqualFold(path[len(path)-len(searchPath):], searchPath)
	}
	return false
}

const searchPath = "/.search"

func tellFailure(r *http.Request, note *auth.Note, err error) {
	outcome, shown, why := failureOf(r, err)
	note.Failed(outcome, shown.scimType, plainDetail(err), why)
}

// failureOf is what became of a request that ended with an error, and why.
func failureOf(r *http.Request, err error) (membership.RequestOutcome, *scimError, string) {
	shown, why := errorOf(err), reason(err)
	outcome := membership.OutcomeOf(err, shown.status)
	if outcome == membership.RequestFailed && r.Context().Err() != nil {
		why = "gone: the caller did not wait for the answer"
	}
	return outcome, shown, why
}

// outcomeOfBulk is changed if one of the operations is, else that of the worst.
func outcomeOfBulk(operations []membership.RequestOperation) membership.RequestOutcome {
	there := map[membership.RequestOutcome]bool{}
	for _, o := range operations {
		there[o.Outcome] = true
	}
	for _, o := range []membership.RequestOutcome{
		membership.RequestChanged, membership.RequestHeld, membership.RequestFailed, membership.RequestLimited,
		membership.RequestRefused,
	} {
		if there[o] {
			return o
		}
	}
	return membership.RequestNothing
}

// told is what the request log says of an operation that was carried out.
func (o *bulkOperation) told(r *http.Request) membership.RequestOperation {
	a := o.effect.Answer()
	t := membership.RequestOperation{
		Method: o.knownMethod(), Path: o.plainPath(), Outcome: a.Outcome, Why: a.Why, Events: o.effect.Events,
	}
	if o.failed != nil {
		outcome, shown, why := failureOf(r, o.failed)
		t.Outcome, t.ScimType, t.Why, t.Detail = outcome, shown.scimType, membership.Plain(why), plainDetail(o.failed)
	}
	return t
}

// knownMethod is the method, unless it is any text.
func (o *bulkOperation) knownMethod() string {
	switch o.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return o.Method
	}
	return ""
}

// plainPath is the path with an id in it, where there is one, and nothing else that
// the caller wrote.
func (o *bulkOperation) plainPath() string {
	switch {
	case o.of == nil:
		return ""
	case o.id == "":
		return o.of.endpoint
	}
	if _, ok := exactID(o.id); !ok {
		return o.of.endpoint + "/(no id)"
	}
	return o.of.endpoint + "/" + o.id
}
