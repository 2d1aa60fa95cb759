package membership

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// RemovalGuard holds requests of connections that would take out more than
// Members members and more than Percent percent of what the connection has in the
// group, or of what it has at all. What counts is the request together with what
// the connection has removed lately. The zero value holds nothing.
//
// A request that takes out one member is never held and never counted, nor is the
// end of a user or a user's active=false, nor anything that comes natively.
type RemovalGuard struct {
	On      bool
	Members int
	Percent int // 0 to 100; with 100 nothing is ever more
}

// RemovalWindow is for how long a removal counts. It is counted by the minute, so
// it can be up to a minute longer.
const RemovalWindow = 10 * time.Minute

// RemovalMinutes are the minute of now, and the last one that does not count any
// more.
func RemovalMinutes(now time.Time) (this, over time.Time) {
	return now.Truncate(time.Minute), now.Add(-RemovalWindow - time.Minute)
}

// DropOldRemovals deletes some of what a tenant keeps of removals that do not count any
// more; more: there may be others. A removal does so too, for its own group.
func DropOldRemovals(ctx context.Context, store Store, tenant ID, now time.Time, limit int) (more bool, err error) {
	err = store.Update(ctx, tenant, func(tx Tx) error {
		_, over := RemovalMinutes(now)
		n, err := tx.DropRemovals(ctx, over, limit)
		more = n >= int64(limit)
		return err
	})
	return more, err
}

// guarded sets the guard of a change.
func (g RemovalGuard) guarded(c MemberChange) MemberChange {
	if g.On && len(c.Close) > 1 {
		c.Guard = g
	}
	return c
}

// removals is what would be closed of one group's grants, or of all that the
// connection has, if the request passed.
type removals struct {
	scope   string // group, or connection
	group   ID     // zero: all
	closing int    // by this request
	before  int    // by those of the window
	open    int    // now
}

func (r removals) total() int { return r.before + r.closing }

// of is how many there were when the window began, as far as one can tell.
func (r removals) of() int { return r.before + r.open }

func (g RemovalGuard) exceeded(r removals) bool {
	return r.total() > g.Members && 100*r.total() > g.Percent*r.of()
}

// Holds reports whether the guard holds what a change would close. openInAll counts
// the connection's open grants; it is called only if they can matter, and the count
// is kept in h. On PostgreSQL the function write_members decides the same.
func (g RemovalGuard) Holds(h *HeldRemovals, openInAll func() (int, error)) (bool, error) {
	if g.exceeded(h.ofGroup(ID{})) {
		return true, nil
	}
	all := h.ofAll()
	if all.open = h.Open; !g.exceeded(all) { // it has no fewer in all groups
		return false, nil
	}
	n, err := openInAll()
	h.OpenInAll = n
	return err == nil && g.exceeded(h.ofAll()), err
}

func (h *HeldRemovals) ofGroup(group ID) removals {
	return removals{scope: "group", group: group, closing: h.Closing, before: h.InGroup, open: h.Open}
}

func (h *HeldRemovals) ofAll() removals {
	return removals{scope: "connection", closing: h.Closing, before: h.InAll, open: h.OpenInAll}
}

// changeGuarded carries out a change of a connection's members, if the guard lets
// it pass. What does not pass is a heldRemoval, unless an allowance lets it; what an
// allowance let pass is not counted, nor is what came before it any more.
func (d *Directory) changeGuarded(ctx context.Context, tx Tx, t *tally, c MemberChange) (MemberResult, error) {
	c = d.guard.guarded(c)
	r, err := t.change(ctx, tx, c)
	if err != nil || r.Held == nil {
		return r, err
	}
	held := &heldRemoval{removals: r.Held.ofGroup(c.Group), guard: d.guard}
	if !d.guard.exceeded(held.removals) {
		held.removals = r.Held.ofAll()
	}
	if err := d.useAllowance(ctx, tx, c.Call, c.Group, d.clock.Now(), held); err != nil {
		return MemberResult{}, err
	}
	if err := tx.ForgetRemovals(ctx, c.Connection, c.Group); err != nil {
		return MemberResult{}, err
	}
	c.Guard, c.At = RemovalGuard{}, d.clock.Now()
	return t.change(ctx, tx, c)
}

// heldRemoval ends the transaction of a request that the guard holds.
type heldRemoval struct {
	removals
	guard RemovalGuard
}

// Error implements error.
func (h *heldRemoval) Error() string { return "held by the removal guard" }

func (h *heldRemoval) facts() Facts {
	return Facts{
		"would_close": h.closing, "closed_lately": h.before, "of": h.of(), "scope": h.scope,
		"limit_members": h.guard.Members, "limit_percent": h.guard.Percent,
	}
}

// held turns the end of a transaction that the guard held into the error
// to answer with, and records it. Other errors
// pass untouched.
func (d *Directory) held(ctx context.Context, call Call, group ID, err error) error {
	var h *heldRemoval
	if !errors.As(err, &h) {
		return err
	}
	d.observer.RemovalHeld()
	r := Refusal{
		At: d.clock.Now(), Call: call, Action: ActionRemovalHeld, Group: group, Facts: h.facts(),
		Reason: group.String(),
	}
	if werr := d.refusals.Record(ctx, call.Tenant, r); werr != nil {
		return werr
	}
	return h.answer(call, group)
}

// answer says what is held, by which limits, and how an administrator lets it
// pass.
func (h *heldRemoval) answer(call Call, group ID) error {
	what := fmt.Sprintf("%d of the %d members that this connection has in the group %s", h.closing, h.of(), group)
	if h.before > 0 {
		had := "that it had there"
		if h.scope == "connection" {
			had = "memberships that it had in all groups"
		}
		what = fmt.Sprintf("%d members of this connection from the group %s; with %d removed in the last %d "+
			"minutes that is %d of the %d %s",
			h.closing, group, h.before, int(RemovalWindow.Minutes()), h.total(), h.of(), had)
	}
	e := errorf(KindHeld, "held by the removal guard, nothing was changed: the request would remove %s. "+
		"More than %d and more than %d%% needs an administrator's word: "+
		`POST /v1/connections/%s/removal-allowances {"group_id":"%s"}, or `+
		"scimbridge connection allow-removals --tenant %s --connection %s --group %s; then send the request again",
		what, h.guard.Members, h.guard.Percent, call.Connection, group, call.Tenant, call.Connection, group)
	e.Details = map[string]any(h.facts())
	return e
}
