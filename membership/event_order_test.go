package membership_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// follower replays events in the order of their numbers, and tells of each that
// came before what it depends on.
type follower struct {
	cursor        membership.EventCursor
	last          int64
	made, deleted map[membership.ID]bool // users and groups
	opened, ended map[membership.ID]bool // grants
	inverted      []string
}

func newFollower() *follower {
	return &follower{
		made: map[membership.ID]bool{}, deleted: map[membership.ID]bool{}, opened: map[membership.ID]bool{},
		ended: map[membership.ID]bool{},
	}
}

// read reads until there is no more.
func (f *follower) read(w *world) bool {
	for {
		p, err := w.dir.NumberedEvents(w.ctx, w.admin, membership.EventFilter{Cursor: f.cursor, Limit: 1000})
		if !assert.NoError(w.t, err) {
			return false
		}
		for _, e := range p.Events {
			if !assert.Equal(w.t, f.last+1, e.Number, "numbers have no gaps") {
				return false
			}
			f.last = e.Number
			if !f.inOrder(e) {
				f.inverted = append(f.inverted,
					strconv.FormatInt(e.Number, 10)+" "+string(e.Action)+string(e.Before)+string(e.After))
			}
		}
		if f.cursor = p.Follow; p.Next == nil {
			return true
		}
		f.cursor = *p.Next
	}
}

func (f *follower) inOrder(e membership.Event) bool {
	switch e.Action {
	case membership.ActionRefused:
		return true
	case membership.ActionUserCreated:
		f.made[e.User] = true
	case membership.ActionGroupCreated:
		f.made[e.Group] = true
	}
	ids := []membership.ID{e.User, e.Group}
	for _, m := range e.Members {
		ids = append(ids, m.User)
	}
	for _, id := range ids {
		if !id.IsZero() && (!f.made[id] || f.deleted[id]) {
			return false
		}
	}
	switch e.Action {
	case membership.ActionUserDeleted:
		f.deleted[e.User] = true
	case membership.ActionGroupDeleted:
		f.deleted[e.Group] = true
	}
	for _, m := range e.Members {
		switch e.Action {
		case membership.ActionGrantOpened:
			if f.opened[m.Grant] || f.ended[m.Grant] {
				return false
			}
			f.opened[m.Grant] = true
		case membership.ActionGrantClosed:
			if !f.opened[m.Grant] {
				return false
			}
			delete(f.opened, m.Grant)
			f.ended[m.Grant] = true
		default:
			return false
		}
	}
	return true
}

// onServer is the world on another server: another connection to the store, and
// a clock that is off.
func (w *world) onServer(s *db.Store, off time.Duration, n int) *world {
	clock := func() time.Time { return time.Now().Add(off) }
	o := &world{t: w.t, ctx: w.ctx, store: s, clock: clock, okta: w.okta, entra: w.entra, admin: w.admin,
		n: n * 1_000_000}
	policy := auth.NewPolicy(s, time.Now, nil)
	o.dir = membership.NewDirectory(s, policy, membership.Options{Clock: clock})
	o.connections = auth.NewConnections(s, o.dir, clock, nil)
	return o
}

// eventsWanted is how many events the tests of the order make:
// SCIMBRIDGE_TEST_EVENTS=100000 is the full size.
func eventsWanted(t *testing.T) int64 {
	n, err := strconv.ParseInt(os.Getenv("SCIMBRIDGE_TEST_EVENTS"), 10, 64)
	if os.Getenv("SCIMBRIDGE_TEST_EVENTS") == "" {
		n, err = 3000, nil
	}
	require.NoError(t, err)
	return n
}

// Numbers follow cause: twelve writers on two servers whose clocks differ by
// hours do whatever can be done, while one follows the log on each. None sees
// an event before what it depends on, and to replay them gives the register.
func TestNumbersFollowCause(t *testing.T) {
	want := eventsWanted(t)
	dbtest.EachURL(t, func(t *testing.T, url string) {
		stores := []*db.Store{dbtest.Open(t, url), dbtest.Open(t, url)}
		w := newWorld(t, stores[0])
		servers := []*world{w.onServer(stores[0], time.Hour, 0), w.onServer(stores[1], -time.Hour, 0)}
		var users, groups []membership.ID
		var names []string
		first := servers[0]
		for range 24 {
			names = append(names, first.name("person"))
			users = append(users, first.provision(first.okta, names[len(names)-1]), first.localUser())
		}
		for range 3 {
			groups = append(groups, first.scimGroup(first.okta, users[0]), first.scimGroup(first.entra),
				first.localGroup())
		}

		var done atomic.Bool
		var writers, following sync.WaitGroup
		followers := []*follower{newFollower(), newFollower()}
		for i, f := range followers {
			following.Go(func() {
				for {
					last := done.Load()
					if !f.read(servers[i]) || last {
						return
					}
					if f.last >= want || len(f.inverted) > 0 {
						done.Store(true)
					}
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
		for i := range 12 {
			writers.Go(func() {
				at := i % 2
				h := &history{
					world: w.onServer(stores[at], []time.Duration{time.Hour, -time.Hour}[at], i+1),
					r:     rand.New(rand.NewPCG(uint64(i), 13)),
					users: slices.Clone(users), groups: slices.Clone(groups), names: names,
				}
				for !done.Load() {
					if err := h.busyStep(); err != nil && !assert.NotEmpty(t, membership.KindOf(err), "%v", err) {
						return
					}
				}
			})
		}
		writers.Wait()
		done.Store(true)
		following.Wait()

		for i, f := range followers {
			require.True(t, f.read(servers[i]))
			require.Empty(t, f.inverted)
			register := map[membership.ID]bool{}
			for _, g := range servers[i].grants() {
				register[g] = true
			}
			require.Equal(t, register, f.opened, "the events replayed are the register")
		}
		t.Logf("%d events, %d grants ended, %d open", followers[0].last, len(followers[0].ended),
			len(followers[0].opened))
	})
}

// busyStep is step, but mostly changes of members.
func (h *history) busyStep() error {
	if h.r.IntN(12) == 0 {
		return h.step()
	}
	group, user := pick(h.r, h.groups), pick(h.r, h.users)
	switch h.r.IntN(6) {
	case 0, 1:
		return h.patch(h.okta, group, func(d *membership.MemberDelta) { d.Add(user) })
	case 2, 3:
		return h.patch(h.okta, group, func(d *membership.MemberDelta) { d.Remove(user) })
	case 4:
		_, err := h.dir.AddMember(h.ctx, h.admin, group, user, true)
		return err
	default:
		_, err := h.dir.RemoveMember(h.ctx, h.admin, group, user)
		return err
	}
}

// grants are those in the store that are open.
func (w *world) grants() (ids []membership.ID) {
	w.t.Helper()
	require.NoError(w.t, w.store.Read(w.ctx, w.admin.Tenant, func(r membership.Reader) error {
		ids = nil
		at := time.Now().AddDate(1, 0, 0)
		for row, err := range r.Register(w.ctx, membership.RegisterQuery{AsOf: membership.AsOf{Time: at}}) {
			if err != nil {
				return err
			}
			ids = append(ids, row.Grant.ID)
		}
		return nil
	}))
	return ids
}
