package membership

import (
	"context"
	"errors"
	"time"
)

// Directory has the use cases. Each asks the policy, runs one transaction with
// its audit events inside it, and returns errors of *Error for everything that
// the caller can do something about.
type Directory struct {
	signer   ReportSigner
	store    Store
	policy   Policy
	clock    *steadyClock
	observer Observer
	guard    RemovalGuard
	refusals *Refusals
	watch    *EventWatch
	checkURL func(string) error
	tester   WebhookTester
	exports  *exportLimiter
	answers  *answerBudget
	requests KeptRequests // nil: none
	eraser   RequestEraser
}

// Observer is called after the commit, with how many grants were opened and closed,
// and for each request that the removal guard held.
type Observer interface {
	GrantsChanged(source Source, opened, closed int)
	RemovalHeld()
}

// Options of a Directory; the zero value of each field has a default.
type Options struct {
	Clock    Clock        // time.Now
	Observer Observer     // none
	Guard    RemovalGuard // off
	Refusals *Refusals    // of its own, which is not run
	Answers  AnswerLimits
	Signer   ReportSigner  // signs nothing
	Watch    *EventWatch   // none: no one waits for events
	Requests KeptRequests  // none are kept
	Eraser   RequestEraser // there is no request log
	// CheckURL says of an address whether the program may connect to it; default: of none.
	CheckURL func(string) error
	Webhooks WebhookTester // sends nothing
}

// NewDirectory returns the use cases over a store, guarded by a policy.
func NewDirectory(store Store, policy Policy, o Options) *Directory {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	if o.Refusals == nil {
		o.Refusals = NewRefusals(store, o.Clock)
	}
	if o.Signer == nil {
		o.Signer = unsigned{}
	}
	if o.Eraser == nil {
		o.Eraser = noRequests{}
	}
	if o.CheckURL == nil {
		o.CheckURL = func(string) error { return errors.New("cannot be connected to by this program") }
	}
	if o.Webhooks == nil {
		o.Webhooks = noTester{}
	}
	clock := newSteadyClock(o.Clock)
	return &Directory{
		checkURL: o.CheckURL,
		tester:   o.Webhooks,
		watch:    o.Watch,
		signer:   o.Signer,
		refusals: o.Refusals,
		store:    timedStore{store, clock}, policy: policy, clock: clock, observer: o.Observer, guard: o.Guard,
		exports: newExportLimiter(), answers: newAnswerBudget(o.Answers), requests: o.Requests, eraser: o.Eraser,
	}
}

type noRequests struct{}

func (noRequests) EraseRequests(context.Context, ID, ID, PersonNames) (int, error) { return 0, nil }

type noTester struct{}

func (noTester) Test(context.Context, Webhook) (Outcome, error) {
	return Outcome{}, &Error{Kind: KindUnavailable, Message: "this program sends nothing"}
}

type noObserver struct{}

func (noObserver) GrantsChanged(Source, int, int) {}
func (noObserver) RemovalHeld()                   {}

// refused records an attempt that ends in 403, and returns the error to answer
// with. Other errors pass untouched.
func (d *Directory) refused(ctx context.Context, call Call, op Operation, group, user ID, err error) error {
	if !isRefusal(err) {
		return err
	}
	// Without its event the refusal would be unproven: then the store failed.
	if werr := d.refusals.Record(ctx, call.Tenant, d.refusal(call, op, group, user, err)); werr != nil {
		return werr
	}
	return err
}

// isRefusal reports whether an error ends in 403.
func isRefusal(err error) bool {
	switch KindOf(err) {
	case KindForbidden, KindManagedByIdP, KindGroupManaged:
		return true
	}
	return false
}

// Refused is for a use case outside this package that refuses to administer the
// tenant by a rule of its own: if err ends in 403 it becomes an event. It returns
// the error to answer with.
func (d *Directory) Refused(ctx context.Context, call Call, err error) error {
	return d.refused(ctx, call, OpAdminister, ID{}, ID{}, err)
}

// refusal is what is recorded of a refusal: what was asked for, why not, and which
// policies said so. Their notices are in the policies.
func (d *Directory) refusal(call Call, op Operation, group, user ID, err error) Refusal {
	f := Facts{"operation": string(op), "kind": string(KindOf(err))}
	var e *Error
	if errors.As(err, &e) {
		for _, name := range []string{"policies", "policies_count"} {
			if v, ok := e.Details[name]; ok {
				f[name] = v
			}
		}
	}
	return Refusal{At: d.clock.Now(), Call: call, Action: ActionRefused, Group: group, User: user, Facts: f}
}

// RecordRefusal records a refusal that a door decided before any use case ran,
// such as a credential of another tenant.
func (d *Directory) RecordRefusal(ctx context.Context, call Call, kind string) error {
	return d.refusals.Record(ctx, call.Tenant,
		Refusal{At: d.clock.Now(), Call: call, Action: ActionRefused, Facts: Facts{"kind": kind}})
}

// FlushRefusals writes what was counted of refusals. A caller that gave the
// Directory its Refusals need not call it.
func (d *Directory) FlushRefusals(ctx context.Context) error { return d.refusals.Flush(ctx) }

// Ready reports whether the store answers and is migrated.
func (d *Directory) Ready(ctx context.Context) error { return d.store.Ready(ctx) }

// tally counts grants inside a transaction that may run again.
type tally struct {
	byConnection, local struct{ opened, closed int }
	latest              time.Time // that a link was modified
}

func (t *tally) change(ctx context.Context, tx Tx, c MemberChange) (MemberResult, error) {
	r, err := tx.ChangeMembers(ctx, c)
	if err == nil {
		c.Call.Effect.members(&c, &r)
	}
	if r.LastModified.After(t.latest) {
		t.latest = r.LastModified
	}
	n := &t.byConnection
	if c.Connection.IsZero() {
		n = &t.local
	}
	n.opened += r.Opened
	n.closed += r.Closed
	return r, err
}

// update is Store.Update for use cases that change grants: the observer is
// called once, after the commit.
func (d *Directory) update(ctx context.Context, tenant ID, fn func(Tx, *tally) error) error {
	var t tally
	err := d.store.Update(ctx, tenant, func(tx Tx) error {
		t = tally{}
		return fn(tx, &t)
	})
	if err == nil {
		d.clock.saw(t.latest)
		d.observe(SourceSCIM, t.byConnection.opened, t.byConnection.closed)
		d.observe(SourceLocal, t.local.opened, t.local.closed)
	}
	return err
}

func (d *Directory) observe(s Source, opened, closed int) {
	if opened+closed > 0 {
		d.observer.GrantsChanged(s, opened, closed)
	}
}
