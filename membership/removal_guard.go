package membership

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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

// RemovalWindow is for how long a removal counts. It is kept by the minute, so
// it can be up to a minute longer.
const RemovalWindow = 10 * time.Minute

// RemovalCount says how many grants requests of more than one removal closed in
// one minute.
type RemovalCount struct {
	Minute time.Time `json:"minute"`
	Closed int       `json:"closed"`
}

// RemovalWindows are what a connection removed lately.
type RemovalWindows struct {
	Group      []RemovalCount // from one group
	Connection []RemovalCount // from all of them
}

// concerns reports whether a delta can do what the guard looks at. All others
// keep their one round trip.
func (g RemovalGuard) concerns(m MemberDelta) bool { return g.On && m.removesMany() }

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

// enough is the number of open grants with which the share of r is not above the
// limit, so that counting ends there.
func (g RemovalGuard) enough(r removals) int {
	if g.Percent == 0 {
		return math.MaxInt32
	}
	return (100*r.total()+g.Percent-1)/g.Percent - r.before
}

func (g RemovalGuard) exceeded(r removals) bool {
	return r.total() > g.Members && 100*r.total() > g.Percent*r.of()
}

// changeGuarded carries out a change of a connection's members, if the guard lets
// it pass; what it then really closed is counted. present: all whom it closes are
// members. What does not pass is a heldRemoval, unless an allowance lets it.
func (d *Directory) changeGuarded(ctx context.Context, tx Tx, t *tally, c MemberChange, present bool) (MemberResult, error) {
	if !d.guard.On || len(c.Close) < 2 {
		return t.change(ctx, tx, c)
	}
	w, err := tx.LockRemovals(ctx, c.Connection, c.Group)
	if err != nil {
		return MemberResult{}, err
	}
	now := d.clock.Now()
	w = RemovalWindows{Group: lately(w.Group, now), Connection: lately(w.Connection, now)}
	allowed := false
	if len(c.Close)+max(sum(w.Group), sum(w.Connection)) > d.guard.Members {
		if allowed, err = d.guardRemovals(ctx, tx, c, w, present); err != nil {
			return MemberResult{}, err
		}
	}
	c.At = d.clock.Now()
	r, err := t.change(ctx, tx, c)
	switch {
	case err != nil:
		return r, err
	case allowed:
		w = RemovalWindows{} // what was allowed is counted no more
	case r.Closed < 2:
		return r, nil
	default:
		w = RemovalWindows{Group: counted(w.Group, now, r.Closed), Connection: counted(w.Connection, now, r.Closed)}
	}
	return r, tx.UpdateRemovals(ctx, c.Connection, c.Group, w)
}

// guardRemovals decides about a change that may be too much: it counts whom it
// would really take out, and of how many. It runs inside the change's
// transaction, with the windows locked. allowed: an allowance was used.
func (d *Directory) guardRemovals(
	ctx context.Context, tx Tx, c MemberChange, w RemovalWindows, present bool,
) (allowed bool, err error) {
	if c.IfVersion != 0 {
		l, err := tx.GroupLink(ctx, c.Connection, c.Group)
		if err == nil {
			err = checkVersion(c.IfVersion, l.Version)
		}
		if err != nil {
			return false, err
		}
	}
	// More than are named it cannot be: most pass without a look at each.
	held, err := d.tooMuch(ctx, tx, c, w, len(c.Close))
	if err == nil && held != nil && !present {
		var closing int
		if closing, err = tx.OpenAmong(ctx, c.Connection, c.Group, c.Close); err == nil {
			held, err = d.tooMuch(ctx, tx, c, w, closing)
		}
	}
	if err != nil || held == nil {
		return false, err
	}
	return true, d.useAllowance(ctx, tx, c.Call, c.Group, d.clock.Now(), held)
}

// tooMuch returns what is above the limits if so many are closed; nil: nothing.
func (d *Directory) tooMuch(
	ctx context.Context, tx Tx, c MemberChange, w RemovalWindows, closing int,
) (_ *heldRemoval, err error) {
	if closing < 2 {
		return nil, nil //nolint:nilnil // nothing is no error
	}
	ofGroup := removals{scope: "group", group: c.Group, closing: closing, before: sum(w.Group)}
	ofAll := removals{scope: "connection", closing: closing, before: sum(w.Connection)}
	// What is open in the group is open in all groups, and may be enough for both.
	limit, found := max(d.guard.enough(ofGroup), d.guard.enough(ofAll)), 0
	for _, r := range []removals{ofGroup, ofAll} {
		if r.total() <= d.guard.Members || found >= d.guard.enough(r) {
			continue
		}
		if r.open, err = tx.OpenOf(ctx, c.Connection, r.group, limit); err != nil {
			return nil, err
		}
		if d.guard.exceeded(r) {
			return &heldRemoval{removals: r, guard: d.guard}, nil
		}
		found = r.open
	}
	return nil, nil //nolint:nilnil // nothing is no error
}

// lately drops the minutes that have left the window.
func lately(recent []RemovalCount, now time.Time) []RemovalCount {
	return slices.DeleteFunc(recent, func(c RemovalCount) bool {
		return !c.Minute.Add(time.Minute).After(now.Add(-RemovalWindow))
	})
}

func sum(recent []RemovalCount) (n int) {
	for _, c := range recent {
		n += c.Closed
	}
	return n
}

// counted adds what was closed now.
func counted(recent []RemovalCount, now time.Time, closed int) []RemovalCount {
	minute := now.Truncate(time.Minute)
	for i := range recent {
		if recent[i].Minute.Equal(minute) {
			recent[i].Closed += closed
			return recent
		}
	}
	return append(recent, RemovalCount{Minute: minute, Closed: closed})
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
		At: d.clock.Now(), Call: call, Action: ActionRemovalHeld, Group: group, Facts: h.facts(), Reason: group.String(),
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
		what = fmt.Sprintf("%d members of this connection from the group %s; with %d removed in the last %d minutes that is %d of the %d %s",
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
