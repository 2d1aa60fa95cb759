package membership_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// at gives the world a clock that stands still until it is set.
func (w *world) at(now *time.Time) {
	w.clock = func() time.Time { return *now }
	w.dir = membership.NewDirectory(w.store, allowAll{}, membership.Options{Clock: w.clock})
}

func (w *world) addUntil(group, user membership.ID, ends time.Time) membership.Member {
	w.t.Helper()
	m, err := w.dir.AddMember(w.ctx, w.admin, group, user, true, membership.GrantTerms{ExpiresAt: ends})
	require.NoError(w.t, err)
	return m
}

// closeEnded lets the job do all that there is to do.
func (w *world) closeEnded() {
	w.t.Helper()
	for more := true; more; {
		var err error
		more, err = w.dir.CloseEnded(w.ctx, w.admin.Tenant, 100)
		require.NoError(w.t, err)
	}
}

// From the second of its end on a local grant is closed to everything, whatever the job
// does; then the system closes it, dated at its end.
func TestRule13_AGrantEnds(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		g, u, ends := w.localGroup(), w.localUser(), now.Add(time.Hour)
		_, err := w.dir.AddMember(w.ctx, w.admin, g, u, false, membership.GrantTerms{ExpiresAt: now})
		w.kind(membership.KindInvalid, err)
		m := w.addUntil(g, u, ends)
		require.Equal(t, ends, m.Sources[0].Grant.ExpiresAt)
		now = ends.Add(-time.Microsecond)
		require.Equal(t, ends, w.member(g, u).Sources[0].Grant.ExpiresAt)

		now = ends
		_, err = w.dir.Member(w.ctx, w.admin, g, u)
		w.kind(membership.KindNotFound, err)
		require.Empty(t, w.members(g))
		_, err = w.dir.RemoveMember(w.ctx, w.admin, g, u)
		w.kind(membership.KindNotFound, err)
		_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g, u, now.Add(time.Hour))
		w.kind(membership.KindNotFound, err)
		require.Equal(t, []membership.Action{membership.ActionGrantClosed}, w.during(w.closeEnded))
		es := w.events(membership.EventFilter{Group: g})
		last := es[len(es)-1]
		require.Equal(t, membership.ActorSystem, last.Actor.Kind)
		require.Equal(t, membership.ReasonExpired, last.Reason)
		require.Equal(t, ends, last.At)
		require.Empty(t, w.during(w.closeEnded))

		// A new one does not wait for the job, and begins a new membership.
		u, ends = w.localUser(), now.Add(time.Hour)
		w.addUntil(g, u, ends)
		now = ends.Add(time.Second)
		require.Equal(t, []membership.Action{membership.ActionGrantClosed, membership.ActionGrantOpened},
			w.during(func() { w.add(g, u) }))
		require.False(t, w.member(g, u).JoinedAt.Before(now))
	})
}

// A moment ago it was open, whether the job has closed it since or not.
func TestRule13_OpenUntilItsEnd(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		g, u, ends := w.localGroup(), w.localUser(), now.Add(time.Hour)
		w.addUntil(g, u, ends)
		now = ends.Add(time.Second)
		hold := func() {
			t.Helper()
			answers := w.askAll(g, ends.Add(-time.Microsecond), ends)
			for i, want := range []int{0, 0, 0, 0, 1, 1, 0, 0} { // now, the clock's time, before, at its end
				require.Len(t, answers[i], want, "answer %d", i)
			}
		}
		hold()
		w.closeEnded()
		hold()
	})
}

// What ended stays so after a restart with a clock that was set back.
func TestRule13_NothingRevives(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		g, u := w.localGroup(), w.localUser()
		w.addUntil(g, u, now.Add(time.Hour))
		now = now.Add(time.Hour)
		require.Empty(t, w.members(g))
		now = now.Add(-50 * time.Minute)
		w.at(&now)
		require.Empty(t, w.members(g))
		w.closeEnded()
		require.Empty(t, w.members(g))
		w.add(g, u)
	})
}

func TestRule14_ALocalGrantEndsBesideAProviders(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		g, u := w.scimGroup(w.okta), w.scimUser(w.okta)
		w.addUntil(g, u, now.Add(time.Hour))
		now = now.Add(time.Minute)
		w.scimAdd(w.okta, g, u)
		joined := w.member(g, u).JoinedAt
		_, was := w.seen(w.okta, g)
		now = now.Add(time.Hour)
		w.closeEnded()
		require.Equal(t, map[membership.ID][]membership.Source{u: {membership.SourceSCIM}}, w.members(g))
		require.Equal(t, joined, w.member(g, u).JoinedAt)
		es := w.events(membership.EventFilter{Group: g})
		require.True(t, es[len(es)-1].Members[0].Still)

		// The provider's comes after the end: it is a membership of its own.
		w.scimRemove(w.okta, g, u)
		w.addUntil(g, u, now.Add(time.Hour))
		now = now.Add(2 * time.Hour)
		w.scimAdd(w.okta, g, u)
		require.False(t, w.member(g, u).JoinedAt.Before(now))
		_, is := w.seen(w.okta, g)
		require.Equal(t, was.Version+2, is.Version, "the connection sees nothing of ends")
		// All that ends with a user is told once.
		w.addUntil(g, u, now.Add(time.Hour))
		now = now.Add(2 * time.Hour)
		require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, u, 0))
		w.closeEnded()
		require.Empty(t, w.members(g))
	})
}

func TestRule15_TheEndChanges(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		g, u, only := w.scimGroup(w.okta), w.scimUser(w.okta), w.scimUser(w.okta)
		w.scimAdd(w.okta, g, only)
		_, err := w.dir.ChangeGrantEnd(w.ctx, w.admin, g, only, now.Add(time.Hour))
		w.kind(membership.KindManagedByIdP, err)
		_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g, u, now.Add(time.Hour))
		w.kind(membership.KindNotFound, err)
		w.add(g, u)
		change := func(ends time.Time) {
			m, err := w.dir.ChangeGrantEnd(w.ctx, w.admin, g, u, ends)
			require.NoError(t, err)
			require.Equal(t, ends, m.Sources[0].Grant.ExpiresAt)
		}
		require.Equal(t, []membership.Action{membership.ActionGrantUpdated},
			w.during(func() { change(now.Add(time.Hour)) }))
		require.Empty(t, w.during(func() { change(now.Add(time.Hour)) }))
		_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g, u, now)
		w.kind(membership.KindInvalid, err)
		now = now.Add(30 * time.Minute)
		change(now.Add(2 * time.Hour))
		now = now.Add(time.Hour)
		require.Len(t, w.members(g), 2)
		change(now.Add(time.Minute))
		change(time.Time{})
		es := w.events(membership.EventFilter{Group: g})
		require.JSONEq(t, `{"expires_at":null}`, string(es[len(es)-1].After))
		was := membership.Timestamp(now.Add(time.Minute))
		require.JSONEq(t, `{"expires_at":"`+was+`"}`, string(es[len(es)-1].Before))
		now = now.Add(time.Hour)
		w.closeEnded()
		require.Len(t, w.members(g), 2)
	})
}

// The notice comes once, 72 hours before, and again when the end is put off.
func TestNoticeOfAnEnd(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		g, u, ends := w.localGroup(), w.localUser(), now.Add(100*time.Hour)
		w.addUntil(g, u, ends)
		w.addUntil(g, w.localUser(), now.Add(71*time.Hour)) // who gave it knows
		require.Empty(t, w.during(w.closeEnded))
		now = ends.Add(-membership.NoticeBeforeEnd)
		require.Equal(t, []membership.Action{membership.ActionGrantExpiring}, w.during(w.closeEnded))
		es := w.events(membership.EventFilter{Group: g})
		require.JSONEq(t, `{"expires_at":"`+membership.Timestamp(ends)+`"}`, string(es[len(es)-1].After))
		require.Equal(t, u, es[len(es)-1].User)
		now = now.Add(time.Hour)
		require.Empty(t, w.during(w.closeEnded))
		ends = ends.Add(100 * time.Hour)
		_, err := w.dir.ChangeGrantEnd(w.ctx, w.admin, g, u, ends)
		require.NoError(t, err)
		now = ends.Add(-membership.NoticeBeforeEnd)
		require.Contains(t, w.during(w.closeEnded), membership.ActionGrantExpiring)
	})
}

// A group can ask that its grants end, and how soon.
func TestGroupsAskForEnds(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		longest, yes, none := int64(3600), true, int64(0)
		g, err := w.dir.NewGroup(w.ctx, w.admin, membership.Group{DisplayName: "Payroll", MaxGrantSeconds: longest})
		require.NoError(t, err)
		g, err = w.dir.Group(w.ctx, w.admin, g.ID)
		require.NoError(t, err)
		require.Equal(t, longest, g.MaxGrantSeconds)
		add := func(ends time.Time) error {
			terms := membership.GrantTerms{ExpiresAt: ends}
			_, err := w.dir.AddMember(w.ctx, w.admin, g.ID, w.localUser(), false, terms)
			return err
		}
		w.kind(membership.KindInvalid, add(time.Time{}))
		w.kind(membership.KindInvalid, add(now.Add(time.Hour+time.Second)))
		require.NoError(t, add(now.Add(time.Hour)))
		_, err = w.dir.AddMembers(w.ctx, w.admin, g.ID, []membership.ID{w.localUser()})
		w.kind(membership.KindInvalid, err)
		out, err := w.dir.ApplyBatch(w.ctx, w.admin, g.ID, membership.MemberBatch{Add: []membership.ID{w.localUser()}})
		require.NoError(t, err)
		w.kind(membership.KindInvalid, out[0].Err)
		u := w.localUser()
		w.addUntil(g.ID, u, now.Add(time.Minute))
		_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g.ID, u, time.Time{})
		w.kind(membership.KindInvalid, err)
		now = now.Add(30 * time.Second)
		_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g.ID, u, now.Add(time.Hour))
		w.kind(membership.KindInvalid, err) // it lives from its beginning
		g, err = w.dir.ChangeGroup(w.ctx, w.admin, g.ID,
			membership.GroupChange{MaxGrantSeconds: &none, GrantsMustEnd: &yes})
		require.NoError(t, err)
		w.kind(membership.KindInvalid, add(time.Time{}))
		require.NoError(t, add(now.Add(1000*time.Hour)))
		negative := int64(-1)
		_, err = w.dir.ChangeGroup(w.ctx, w.admin, g.ID, membership.GroupChange{MaxGrantSeconds: &negative})
		w.kind(membership.KindInvalid, err)
	})
}

// Very many grants that end at once are closed in steps of a bounded size, each of them
// once, whatever the groups are, and by several servers. SCIMBRIDGE_TEST_ENDS=100000 is
// the whole size.
func TestManyGrantsEndAtOnce(t *testing.T) {
	many := 600
	if s := os.Getenv("SCIMBRIDGE_TEST_ENDS"); s != "" {
		var err error
		many, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		const groups = 20
		var users []membership.ID
		for range many / groups {
			users = append(users, w.localUser())
		}
		ends := now.Add(time.Hour)
		for range groups {
			g := w.localGroup()
			for part := users; len(part) > 0; part = part[min(len(part), 1000):] {
				_, err := w.dir.ApplyBatch(w.ctx, w.admin, g, membership.MemberBatch{
					Add: part[:min(len(part), 1000)], Atomic: true, GrantTerms: membership.GrantTerms{ExpiresAt: ends},
				})
				require.NoError(t, err)
			}
		}
		now = ends
		other := membership.NewDirectory(w.store, allowAll{}, membership.Options{Clock: w.clock})
		began, longest, steps := time.Now(), time.Duration(0), 0
		done := make(chan error)
		for _, dir := range []*membership.Directory{w.dir, other} {
			go func() {
				for {
					step := time.Now()
					more, err := dir.CloseEnded(w.ctx, w.admin.Tenant, 500)
					if dir == w.dir {
						longest, steps = max(longest, time.Since(step)), steps+1
					}
					if err != nil || !more {
						done <- err
						return
					}
				}
			}()
		}
		require.NoError(t, <-done)
		require.NoError(t, <-done)
		t.Logf("%d grants in %s; one server: %d steps, the longest %s", many, time.Since(began), steps, longest)
		closed := 0
		for _, e := range w.events(membership.EventFilter{}) {
			if e.Action == membership.ActionGrantClosed {
				require.LessOrEqual(t, len(e.Members), membership.MaxEventMembers)
				require.Equal(t, ends, e.At)
				closed += len(e.Members)
			}
		}
		require.Equal(t, many/groups*groups, closed)
	})
}
