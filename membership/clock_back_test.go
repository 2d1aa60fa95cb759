package membership_test

import (
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// askAll are the answers to who is in the group: of the list of members and of
// the register, each for the present, for what the clock of the server says now,
// and for some other times.
func (w *world) askAll(group membership.ID, times ...time.Time) (answers []map[membership.ID]bool) {
	w.t.Helper()
	for _, at := range append([]time.Time{{}, w.clock()}, times...) {
		list, register := map[membership.ID]bool{}, map[membership.ID]bool{}
		for _, m := range w.list(group, membership.MemberQuery{AsOf: membership.AsOf{Time: at}}) {
			list[m.User.ID] = true
		}
		q := membership.RegisterQuery{Group: group, AsOf: membership.AsOf{Time: at}}
		f := membership.Format[membership.RegisterRow]{Append: func(b []byte, r membership.RegisterRow) []byte {
			register[r.Grant.User] = true
			return append(b, 'x')
		}}
		require.NoError(w.t, w.dir.ExportRegister(w.ctx, w.admin, q, f,
			func(membership.Manifest, iter.Seq2[[]byte, error]) error { return nil }))
		answers = append(answers, list, register)
	}
	return answers
}

// says holds that all answers are the same.
func (w *world) says(group membership.ID, want []membership.ID, times ...time.Time) {
	w.t.Helper()
	set := map[membership.ID]bool{}
	for _, id := range want {
		set[id] = true
	}
	for i, got := range w.askAll(group, times...) {
		require.Equal(w.t, set, got, "answer %d", i)
	}
}

// newestGrant is when a grant was opened or closed last.
func (w *world) newestGrant() (at time.Time) {
	w.t.Helper()
	for _, e := range w.events(membership.EventFilter{}) {
		if (e.Action == membership.ActionGrantOpened || e.Action == membership.ActionGrantClosed) && e.At.After(at) {
			at = e.At
		}
	}
	return at
}

// A clock that is set back two hours, under a server that runs and before one
// that starts: every read goes on to say what is, and what was stays as it was.
func TestTimeNeverGoesBackBehindWhatIsWritten(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		server := func() *world {
			w.n++
			o := w.onServer(w.store, 0, w.n)
			o.clock = func() time.Time { return now }
			o.dir = membership.NewDirectory(w.store, allowAll{}, membership.Options{Clock: o.clock})
			return o
		}
		running := server()
		group, first, second := running.localGroup(), running.localUser(), running.localUser()
		synced := running.scimGroup(running.okta)
		now = now.Add(time.Hour)
		before := now.Add(-time.Minute)
		running.add(group, first)
		now = now.Add(time.Hour)
		running.add(group, second)
		top := running.newestGrant()
		between := now.Add(-30 * time.Minute)

		now = now.Add(-2 * time.Hour)
		for _, s := range []*world{running, server()} {
			s.says(group, []membership.ID{first, second}, top)
		}
		// What is written now is not dated back, nor does it change what was.
		started := server()
		for i, s := range []*world{running, started} {
			third, fourth := s.provision(s.okta, s.name("third")), s.localUser()
			s.scimAdd(s.okta, synced, third)
			s.add(group, fourth)
			require.False(t, s.newestGrant().Before(top))
			s.says(group, []membership.ID{first, second, fourth}, s.newestGrant())
			_, err := s.dir.RemoveMember(s.ctx, s.admin, group, fourth)
			require.NoError(t, err)
			s.says(group, []membership.ID{first, second}, s.newestGrant())
			s.scimRemove(s.okta, synced, third)
			s.says(synced, nil, s.newestGrant())
			if i == 0 {
				_, err := s.dir.RemoveMember(s.ctx, s.admin, group, second)
				require.NoError(t, err)
				s.add(group, second)
			}
		}
		// Hours later the past is what it was.
		now = top.Add(3 * time.Hour)
		late := server()
		late.says(group, []membership.ID{first, second})
		for at, want := range map[time.Time][]membership.ID{before: nil, between: {first},
			now.Add(-time.Minute): {first, second}} {
			answers := late.askAll(group, at)
			for _, got := range answers[4:] {
				require.Len(t, got, len(want), at.String())
			}
		}
		_, err := late.dir.Group(late.ctx, late.admin, group)
		require.NoError(t, err)
		future := membership.RegisterQuery{AsOf: membership.AsOf{Time: now.Add(time.Second)}}
		late.kind(membership.KindInvalid,
			late.dir.ExportRegister(late.ctx, late.admin, future, membership.Format[membership.RegisterRow]{}, nil))
	})
}

// Two servers whose clocks differ by two hours agree about what is.
func TestServersWithDifferentClocksAgree(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		stores := []*db.Store{dbtest.Open(t, url), dbtest.Open(t, url)}
		w := newWorld(t, stores[0])
		ahead, behind := w.onServer(stores[0], time.Hour, 1), w.onServer(stores[1], -time.Hour, 2)
		group, user := behind.localGroup(), behind.localUser()
		synced, linked := behind.scimGroup(behind.okta), behind.scimUser(behind.okta)
		both := func(group membership.ID, want ...membership.ID) {
			t.Helper()
			for _, s := range []*world{ahead, behind} {
				s.says(group, want, s.newestGrant())
			}
		}
		for _, s := range []*world{behind, ahead, behind} {
			s.add(group, user)
			both(group, user)
			s.scimAdd(s.okta, synced, linked)
			both(synced, linked)
			_, err := s.dir.RemoveMember(s.ctx, s.admin, group, user)
			require.NoError(t, err)
			both(group)
			s.scimRemove(s.okta, synced, linked)
			both(synced)
		}
	})
}
