package membership

import (
	"context"
	"time"
)

// Erased counts what an erasure deleted, and the grants that it closed.
type Erased struct {
	Users, Grants, Reasons, ExternalIDs int
	Answers                             int // kept for idempotency keys
	Requests                            int // of the request log that had their names
}

// ErasedCount is one of the counts, by the name that events and answers give it.
type ErasedCount struct {
	Name string
	N    int
}

// Counts are all of them.
func (e *Erased) Counts() []ErasedCount {
	return []ErasedCount{
		{"users", e.Users},
		{"grants", e.Grants},
		{"reasons", e.Reasons},
		{"external_ids", e.ExternalIDs},
		{"answers", e.Answers},
		{"requests", e.Requests},
	}
}

func (e *Erased) add(o Erased) {
	e.Users += o.Users
	e.Grants += o.Grants
	e.Reasons += o.Reasons
	e.ExternalIDs += o.ExternalIDs
	e.Answers += o.Answers
	e.Requests += o.Requests
}

// facts are those that are not zero.
func (e *Erased) facts() Facts {
	f := Facts{}
	for _, c := range e.Counts() {
		if c.N > 0 {
			f[c.Name] = c.N
		}
	}
	return f
}

// What one step of an erasure deletes at most.
const (
	groupsAnErasureStep = 500
	textsAnErasureStep  = 250
)

// erasers delete what is kept of a person, in this order. Each does what one step may
// do and reports whether it left something: then the rest waits for the next step.
// Whatever is stored of persons has a line here. Notifications have none: they have
// ids only.
var erasers = []func(*erasure, context.Context) (more bool, err error){
	(*erasure).closeGrants,
	(*erasure).eraseTexts,
	(*erasure).eraseCarriedTexts,
	(*erasure).eraseUser,
	(*erasure).eraseAnswers, // last: others wait for the count of their bytes
}

// erasure is one step.
type erasure struct {
	tx      Tx
	tally   *tally
	call    Call
	at      time.Time
	user    User
	deleted bool // before this step
	groups  []ID // locked
	after   int64
	done    Erased
}

// EraseUser deletes what is kept of a person: what they were called, the texts of
// events that name them, and what the request log finds by their names. Their id stays,
// and so do the events, which hold hashes. The reason of the call stays, too, and must
// name no person. A person whom a provider still has is KindLinked. Of a person with
// much it works in steps, each a transaction with its event; where it was stopped, it
// goes on when it is called again. Called once more it finds nothing.
//
// The request log comes first: it is found by the names, which the store has until its
// own steps. It comes last as well, for what was written meanwhile. What waits in other
// servers is written without the names.
func (d *Directory) EraseUser(ctx context.Context, call Call, id ID) (total Erased, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, id); err != nil {
		return Erased{}, err
	}
	if call.Reason == "" {
		return Erased{}, Invalidf("reason is required: why the person is erased, without a word that names them")
	}
	names, err := d.namesToErase(ctx, call.Tenant, id)
	if err != nil {
		return Erased{}, err
	}
	if total.Requests, err = d.eraser.EraseRequests(ctx, call.Tenant, id, names); err != nil {
		return total, err
	}
	for more, after := true, int64(0); more; {
		if _, err := d.numberEvents(ctx, call.Tenant); err != nil {
			return total, err
		}
		var e erasure
		err := d.update(ctx, call.Tenant, func(tx Tx, t *tally) (err error) {
			e = erasure{tx: tx, tally: t, call: call, at: d.clock.Now(), after: after}
			more, err = e.step(ctx, id)
			return err
		})
		if err != nil {
			return total, err
		}
		total.add(e.done)
		after = e.after
	}
	late, err := d.eraser.EraseRequests(ctx, call.Tenant, id, names)
	if total.Requests += late; err != nil {
		return total, err
	}
	return total, d.store.Scrub(ctx)
}

// namesToErase are the names of a person who may be erased.
func (d *Directory) namesToErase(ctx context.Context, tenant, id ID) (n PersonNames, err error) {
	err = d.store.Update(ctx, tenant, func(tx Tx) error {
		if _, _, err := tx.LockErasable(ctx, id); err != nil {
			return err
		}
		links, err := tx.LinksOfUser(ctx, id)
		if err != nil {
			return err
		}
		if len(links) > 0 {
			return stillLinked(links)
		}
		n, err = tx.NamesToErase(ctx, id)
		return err
	})
	return n, err
}

// step does one step with its events.
func (e *erasure) step(ctx context.Context, id ID) (more bool, err error) {
	if e.groups, err = e.tx.LockSomeGroupsOf(ctx, id, groupsAnErasureStep); err != nil {
		return false, err
	}
	if e.user, e.deleted, err = e.tx.LockErasable(ctx, id); err != nil {
		return false, err
	}
	links, err := e.tx.LinksOfUser(ctx, id)
	if err != nil {
		return false, err
	}
	if len(links) > 0 {
		return false, stillLinked(links)
	}
	for i := 0; i < len(erasers) && !more; i++ {
		if more, err = erasers[i](e, ctx); err != nil {
			return false, err
		}
	}
	if e.done == (Erased{}) {
		return more, nil
	}
	facts := e.done.facts()
	if more {
		facts["more"] = true
	}
	return more, e.tx.AppendEvents(ctx, e.call.Event(e.at, ActionUserErased, ID{}, id, nil, facts))
}

func stillLinked(links []UserLink) error {
	ids := make([]ID, len(links))
	for i, l := range links {
		ids[i] = l.Connection
	}
	e := errorf(KindLinked, "an identity provider still has this person and would send them again: "+
		"remove them there, or the connection here, and erase them then")
	e.Details = FirstOf("connections", ids)
	return e
}

// closeGrants closes the grants in the groups that are locked. The user is locked, so
// no grant can be added meanwhile.
func (e *erasure) closeGrants(ctx context.Context) (more bool, err error) {
	if len(e.groups) > 0 {
		before := e.tally.byConnection.closed + e.tally.local.closed
		if err := closeGrantsOf(ctx, e.tx, e.tally, UserGrantsEnd{
			Call: e.call, At: e.at, User: e.user.ID, All: true, Groups: e.groups,
		}); err != nil {
			return false, err
		}
		e.done.Grants = e.tally.byConnection.closed + e.tally.local.closed - before
	}
	if len(e.groups) == groupsAnErasureStep {
		return true, nil
	}
	// One may have come before the user was locked, in a group that was not.
	left, err := e.tx.OpenGrants(ctx, ID{}, e.user.ID)
	return len(left) > 0, err
}

// eraseTexts deletes the texts of events. Those that have no number yet get one
// first: the user is locked, so nothing that names them is being written.
func (e *erasure) eraseTexts(ctx context.Context) (more bool, err error) {
	if more, err = e.tx.NumberEvents(ctx, numberingBatch); err != nil || more {
		return more, err
	}
	t, err := e.tx.EraseTexts(ctx, TextErasure{
		User: e.user.ID, Keep: e.call.Reason, After: e.after, Limit: textsAnErasureStep,
	})
	e.done.Reasons, e.done.ExternalIDs, e.after = t.Reasons, t.ExternalIDs, max(e.after, t.Last)
	return t.More, err
}

func (e *erasure) eraseCarriedTexts(ctx context.Context) (more bool, err error) {
	n, err := e.tx.EraseCarriedTexts(ctx, e.user.ID, e.call.Reason)
	e.done.Reasons += n
	return false, err
}

// eraseUser deletes the person's own data. A living user is deleted by it.
func (e *erasure) eraseUser(ctx context.Context) (more bool, err error) {
	found, err := e.tx.EraseUser(ctx, e.user.ID, e.at)
	if err != nil || !found {
		return false, err
	}
	e.done.Users = 1
	if e.deleted {
		return false, nil
	}
	return false, e.tx.AppendEvents(ctx,
		e.call.Event(e.at, ActionUserDeleted, ID{}, e.user.ID, Facts{"active": e.user.Active}, nil))
}

func (e *erasure) eraseAnswers(ctx context.Context) (more bool, err error) {
	n, bytes, err := e.tx.EraseAnswers(ctx, e.user.ID, e.call.RequestID)
	if err != nil {
		return false, err
	}
	e.done.Answers = n
	return false, takeReservationBytes(ctx, e.tx, -bytes)
}
