package membership_test

import (
	"encoding/json"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// held is an open grant, as a list or a register tells it.
type held struct {
	place
	local        bool
	opened, ends time.Time
	joined       time.Time // of the membership
}

// endsHistory does random things with grants that end, on servers that are restarted and
// whose clocks jump, and knows what every list has to say.
type endsHistory struct {
	*world
	stores        []*db.Store
	r             *rand.Rand
	now           time.Time // of the machine
	top           time.Time // the latest that a read had
	users, groups []membership.ID
	open          map[membership.ID]held
	past          []closedHeld
	moments       []endsMoment
	expired       int
}

type closedHeld struct {
	held
	at time.Time
}

type endsMoment struct {
	at  time.Time
	was map[membership.ID]held
}

// start begins a server on one of the stores.
func (h *endsHistory) start() {
	h.store = pick(h.r, h.stores)
	h.dir = membership.NewDirectory(h.store, allowAll{},
		membership.Options{Clock: func() time.Time { return h.now }})
}

// lists are the members of all groups, by the ids of the grants.
func (h *endsHistory) lists(q membership.MemberQuery) map[membership.ID]held {
	h.t.Helper()
	all := map[membership.ID]held{}
	for _, g := range h.groups {
		for _, m := range h.list(g, q) {
			for _, s := range m.Sources {
				all[s.Grant.ID] = held{
					place{g, m.User.ID}, s.Grant.Connection.IsZero(), s.Grant.OpenedAt, s.Grant.ExpiresAt, m.JoinedAt,
				}
			}
		}
	}
	return all
}

// settle lets the ends of the model pass.
func (h *endsHistory) settle() {
	if now := h.dir.Now(); now.After(h.top) {
		h.top = now
	}
	for id, g := range h.open {
		if g.local && !g.ends.IsZero() && !g.ends.After(h.top) {
			delete(h.open, id)
			h.past = append(h.past, closedHeld{g, g.ends})
			h.expired++
		}
	}
}

// joined is since when a user is a member without a break, by what the model knows.
func (h *endsHistory) joined(p place) (at time.Time) {
	var since func(opened time.Time) time.Time
	since = func(opened time.Time) time.Time {
		first := opened
		look := func(g held, until time.Time) {
			if g.place == p && g.opened.Before(opened) && (until.IsZero() || until.After(opened)) {
				if s := since(g.opened); s.Before(first) {
					first = s
				}
			}
		}
		for _, g := range h.open {
			look(g, time.Time{})
		}
		for _, g := range h.past {
			look(g.held, g.at)
		}
		return first
	}
	for _, g := range h.open {
		if g.place == p {
			if s := since(g.opened); at.IsZero() || s.Before(at) {
				at = s
			}
		}
	}
	return at
}

// check holds every read of the present against the model.
func (h *endsHistory) check(added map[place]held) {
	h.t.Helper()
	h.settle()
	got := h.lists(membership.MemberQuery{})
	for id, g := range got {
		if _, known := h.open[id]; known {
			continue
		}
		want, ok := added[g.place]
		require.True(h.t, ok && want.local == g.local && want.ends.Equal(g.ends), "a grant nobody gave: %+v", g)
		h.open[id] = g
	}
	want := map[membership.ID]held{}
	for id, g := range h.open {
		g.joined = h.joined(g.place)
		want[id], h.open[id] = g, g
	}
	require.Equal(h.t, want, got)

	local, doubly := map[place]bool{}, map[place]int{}
	for _, g := range want {
		if doubly[g.place]++; g.local {
			local[g.place] = true
		}
	}
	for _, g := range h.groups {
		for _, m := range h.list(g, membership.MemberQuery{Source: membership.SourceLocal}) {
			require.True(h.t, local[place{g, m.User.ID}])
			delete(local, place{g, m.User.ID})
		}
	}
	require.Empty(h.t, local)
	es, err := h.dir.Exceptions(h.ctx, h.admin, membership.ExceptionQuery{Kind: membership.ExceptionDoublyGranted})
	require.NoError(h.t, err)
	for _, e := range es {
		require.Len(h.t, e.Sources, doubly[place{e.Group.ID, e.User.ID}])
		delete(doubly, place{e.Group.ID, e.User.ID})
	}
	for p, n := range doubly {
		require.Equal(h.t, 1, n, "%+v", p)
	}
	user := pick(h.r, h.users)
	ms, _, err := h.dir.Memberships(h.ctx, h.admin, user, membership.MembershipQuery{Limit: 100})
	require.NoError(h.t, err)
	n := 0
	for _, m := range ms {
		for _, s := range m.Sources {
			require.Contains(h.t, want, s.Grant.ID)
			require.Equal(h.t, want[s.Grant.ID].joined, m.JoinedAt)
			n++
		}
	}
	for _, g := range want {
		if g.user == user {
			n--
		}
	}
	require.Zero(h.t, n)
	require.Equal(h.t, want, h.registered(membership.AsOf{}), "the register of now")
	// Between what was and what comes.
	h.now = h.now.Add(time.Millisecond)
	if at := h.dir.Now(); at.Equal(h.now) && at.After(h.top) && len(h.moments) < 60 { // time does not stand still
		h.settle()
		was := map[membership.ID]held{}
		for id, g := range h.open {
			was[id] = g
		}
		h.moments = append(h.moments, endsMoment{at, was})
	}
	h.now = h.now.Add(time.Millisecond)
}

// registered is what the register says of a time.
func (h *endsHistory) registered(at membership.AsOf) map[membership.ID]held {
	h.t.Helper()
	rows := map[membership.ID]held{}
	joined := map[place]time.Time{}
	f := membership.Format[membership.RegisterRow]{Append: func(b []byte, r membership.RegisterRow) []byte {
		g := r.Grant
		p := place{g.Group, g.User}
		rows[g.ID] = held{p, g.Connection.IsZero(), g.OpenedAt, g.ExpiresAt, time.Time{}}
		if j, ok := joined[p]; !ok || g.MemberSince.Before(j) {
			joined[p] = g.MemberSince
		}
		return append(b, 'x')
	}}
	require.NoError(h.t, h.dir.ExportRegister(h.ctx, h.admin, membership.RegisterQuery{AsOf: at}, f,
		func(membership.Manifest, iter.Seq2[[]byte, error]) error { return nil }))
	for id, g := range rows {
		g.joined = joined[g.place]
		rows[id] = g
	}
	return rows
}

// told is what the events say of a time, and nothing else does.
func (h *endsHistory) told(es []membership.Event, at time.Time) map[membership.ID]time.Time {
	open := map[membership.ID]time.Time{}
	for _, e := range es {
		if e.At.After(at) || !strings.HasPrefix(string(e.Action), "grant.") {
			continue
		}
		var after struct {
			ExpiresAt time.Time `json:"expires_at"`
		}
		if len(e.After) > 0 {
			require.NoError(h.t, json.Unmarshal(e.After, &after))
		}
		for _, m := range e.Members {
			switch e.Action {
			case membership.ActionGrantOpened:
				open[m.Grant] = after.ExpiresAt
			case membership.ActionGrantClosed:
				delete(open, m.Grant)
			case membership.ActionGrantUpdated:
				if _, ok := open[m.Grant]; ok {
					open[m.Grant] = after.ExpiresAt
				}
			}
		}
	}
	for id, ends := range open {
		if !ends.IsZero() && !ends.After(at) {
			delete(open, id)
		}
	}
	return open
}

// end draws an end; zero: none.
func (h *endsHistory) end() time.Time {
	if h.r.IntN(4) == 0 {
		return time.Time{}
	}
	return h.dir.Now().Add(time.Duration(1+h.r.IntN(3_000)) * time.Second)
}

// step does one thing. It returns what it may have opened.
func (h *endsHistory) step() map[place]held {
	h.t.Helper()
	p := place{pick(h.r, h.groups), pick(h.r, h.users)}
	h.settle()
	localOf := func() (membership.ID, held, bool) {
		for id, g := range h.open {
			if g.place == p && g.local {
				return id, g, true
			}
		}
		return membership.ID{}, held{}, false
	}
	closed := func(id membership.ID, g held, at time.Time) {
		delete(h.open, id)
		h.past = append(h.past, closedHeld{g, at})
	}
	switch h.r.IntN(16) {
	case 0: // the clock is set back
		h.now = h.now.Add(-time.Duration(h.r.IntN(5_000)) * time.Second)
	case 1:
		h.start()
	case 2, 3: // it is right again
		h.now = h.top.Add(time.Duration(h.r.IntN(1_000)) * time.Second)
	case 4:
		h.now = h.now.Add(time.Duration(h.r.IntN(2_000)) * time.Second)
	case 5:
		for more := true; more; {
			var err error
			more, err = h.dir.CloseEnded(h.ctx, h.admin.Tenant, 3)
			require.NoError(h.t, err)
		}
	case 6, 7, 8:
		_, _, has := localOf()
		ends := h.end()
		_, err := h.dir.AddMember(h.ctx, h.admin, p.group, p.user, true, membership.GrantTerms{ExpiresAt: ends})
		if has {
			h.kind(membership.KindAlreadyMember, err)
			return nil
		}
		require.NoError(h.t, err)
		return map[place]held{p: {local: true, ends: ends}}
	case 9:
		added, ends := map[place]held{}, h.end()
		b := membership.MemberBatch{AlsoLocal: true, GrantTerms: membership.GrantTerms{ExpiresAt: ends}}
		for _, u := range h.users[:4] {
			b.Add = append(b.Add, u)
			added[place{p.group, u}] = held{local: true, ends: ends}
		}
		_, err := h.dir.ApplyBatch(h.ctx, h.admin, p.group, b)
		require.NoError(h.t, err)
		return added
	case 10, 11:
		ends := h.end()
		m, err := h.dir.ChangeGrantEnd(h.ctx, h.admin, p.group, p.user, ends)
		id, g, has := localOf()
		if !has {
			require.Contains(h.t, []membership.Kind{membership.KindNotFound, membership.KindManagedByIdP},
				membership.KindOf(err), "%v", err)
			return nil
		}
		require.NoError(h.t, err)
		require.NotEmpty(h.t, m.Sources)
		g.ends = ends
		h.open[id] = g
	case 12:
		id, g, has := localOf()
		_, err := h.dir.RemoveMember(h.ctx, h.admin, p.group, p.user)
		if !has {
			require.Error(h.t, err)
			return nil
		}
		require.NoError(h.t, err)
		closed(id, g, h.newest(p, id))
	case 13, 14:
		h.scimAdd(h.okta, p.group, p.user)
		return map[place]held{p: {}}
	default:
		h.scimRemove(h.okta, p.group, p.user)
		for id, g := range h.open {
			if g.place == p && !g.local {
				closed(id, g, h.newest(p, id))
			}
		}
	}
	return nil
}

// newest is when the events say that a grant was closed.
func (h *endsHistory) newest(p place, grant membership.ID) (at time.Time) {
	for _, e := range h.events(membership.EventFilter{Group: p.group}) {
		for _, m := range e.Members {
			if m.Grant == grant && e.Action == membership.ActionGrantClosed {
				at = e.At
			}
		}
	}
	require.False(h.t, at.IsZero())
	return at
}

// Grants with ends, extensions, provider grants beside them, clocks that jump and servers
// that are restarted: the lists, a user's groups, the exceptions, the register of now and
// of every moment, and the events tell one story.
func TestEndsTellOneStory(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		stores := []*db.Store{dbtest.Open(t, url), dbtest.Open(t, url)}
		expired := 0
		for seed := range uint64(3) {
			h := &endsHistory{
				world: newWorld(t, stores[0]), stores: stores, r: rand.New(rand.NewPCG(seed, 13)),
				open: map[membership.ID]held{}, now: time.Now().UTC().Truncate(time.Microsecond),
			}
			h.start()
			for range 5 {
				h.users = append(h.users, h.scimUser(h.okta))
			}
			h.groups = []membership.ID{h.scimGroup(h.okta), h.scimGroup(h.okta)}
			for range 120 {
				h.check(h.step())
			}
			h.now = h.top.Add(2 * time.Hour)
			h.start()
			h.settle()
			for more := true; more; {
				var err error
				more, err = h.dir.CloseEnded(h.ctx, h.admin.Tenant, 100)
				require.NoError(t, err)
			}
			events := h.events(membership.EventFilter{})
			closings := map[membership.ID]int{}
			for _, e := range events {
				if e.Action != membership.ActionGrantClosed {
					continue
				}
				for _, m := range e.Members {
					closings[m.Grant]++
				}
				if e.Actor.Kind == membership.ActorSystem {
					require.Equal(t, membership.ReasonExpired, e.Reason)
				}
			}
			for id, n := range closings {
				require.Equal(t, 1, n, "grant %s", id)
			}
			require.Len(t, closings, len(h.past))
			for _, m := range h.moments {
				at := membership.AsOf{Time: m.at}
				require.Equal(t, m.was, h.registered(at), "seed %d, register of %s", seed, m.at)
				require.Equal(t, m.was, h.lists(membership.MemberQuery{AsOf: at}), "lists of %s", m.at)
				want := map[membership.ID]time.Time{}
				for id, g := range m.was {
					want[id] = g.ends
				}
				require.Equal(t, want, h.told(events, m.at), "events of %s", m.at)
			}
			require.Greater(t, len(h.moments), 20)
			expired += h.expired
		}
		require.Greater(t, expired, 30)
	})
}
