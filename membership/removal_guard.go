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

// concerns reports whether a delta can do what the guard looks at. All others
// keep their one round trip.
func (g RemovalGuard) concerns(m MemberDelta) bool { return g.On && m.removesMany() }

// removals is what would be closed of one group's grants, or of all that the
// connection has, if the request passed.
type removals struct {
	scope   string // group, or connection
	closing int    // by this request
	before  int    // by those of the window
	open    int    // now
}

func (r removals) total() int { return r.before + r.closing }

// of is how many there were when the window began, as far as one can tell.
func (r removals) of() int { return r.before + r.open }

// enough is the number of open grants with which the share of r is not above the
// limit, so that nobody counts further.
func (g RemovalGuard) enough(r removals) int {
	if g.Percent == 0 {
		return math.MaxInt32
	}
	return (100*r.total()+g.Percent-1)/g.Percent - r.before
}

func (g RemovalGuard) exceeded(r removals) bool {
	return r.total() > g.Members && 100*r.total() > g.Percent*r.of()
}

// guardRemovals decides whether a request may close the grants of users in a
// group; it runs inside the transaction that would, after the group's lock.
// present: all of users are members. What passes is counted, what does not is a
// heldRemoval, unless an allowance lets it pass.
func (d *Directory) guardRemovals(ctx context.Context, tx Tx, call Call, group ID, users []ID, present bool) error {
	if !d.guard.On || len(users) < 2 {
		return nil
	}
	closing := len(users)
	if !present {
		var err error
		if closing, err = tx.OpenAmong(ctx, call.Connection, group, users); err != nil {
			return err
		}
	}
	if closing < 2 {
		return nil
	}
	now := d.clock.Now()
	scopes := []ID{group, {}}
	var windows [2][]RemovalCount
	var held *heldRemoval
	for i, scope := range scopes {
		recent, err := tx.LockRemovals(ctx, call.Connection, scope)
		if err != nil {
			return err
		}
		windows[i] = lately(recent, now)
		if held != nil {
			continue
		}
		r := removals{scope: "group", closing: closing, before: sum(windows[i])}
		if scope.IsZero() {
			r.scope = "connection"
		}
		if r.total() <= d.guard.Members {
			continue
		}
		if r.open, err = tx.OpenOf(ctx, call.Connection, scope, d.guard.enough(r)); err != nil {
			return err
		}
		if d.guard.exceeded(r) {
			held = &heldRemoval{removals: r, guard: d.guard}
		}
	}
	if held != nil {
		if err := d.useAllowance(ctx, tx, call, group, now, held); err != nil {
			return err
		}
		windows, closing = [2][]RemovalCount{}, 0 // what was allowed is counted no more
	}
	for i, scope := range scopes {
		if err := tx.UpdateRemovals(ctx, call.Connection, scope, counted(windows[i], now, closing)); err != nil {
			return err
		}
	}
	return nil
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

// counted adds what is closed now.
func counted(recent []RemovalCount, now time.Time, closing int) []RemovalCount {
	if closing == 0 {
		return recent
	}
	minute := now.Truncate(time.Minute)
	for i := range recent {
		if recent[i].Minute.Equal(minute) {
			recent[i].Closed += closing
			return recent
		}
	}
	return append(recent, RemovalCount{Minute: minute, Closed: closing})
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
// to answer with, and writes its event in a transaction of its own. Other errors
// pass untouched.
func (d *Directory) held(ctx context.Context, call Call, group ID, err error) error {
	var h *heldRemoval
	if !errors.As(err, &h) {
		return err
	}
	d.observer.RemovalHeld()
	e := call.Event(d.clock.Now(), ActionRemovalHeld, group, ID{}, nil, h.facts())
	if werr := d.store.Update(ctx, call.Tenant, func(tx Tx) error { return tx.AppendEvents(ctx, e) }); werr != nil {
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
