package db_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// heldGroup is a group that is locked while changes of it queue up.
type heldGroup struct {
	*tenant
	release chan struct{}
	held    sync.WaitGroup
	calls   sync.WaitGroup
}

// hold keeps the group locked until letGo.
func (w *tenant) hold(meanwhile func(membership.Tx) error) *heldGroup {
	c := &heldGroup{tenant: w, release: make(chan struct{})}
	locked := make(chan struct{})
	c.held.Go(func() {
		var once sync.Once
		err := w.store.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
			if err := meanwhile(tx); err != nil {
				return err
			}
			once.Do(func() { close(locked) })
			<-c.release
			_, err := tx.LockGroup(w.Ctx, w.Group)
			return err
		})
		assert.NoError(w.T, err)
	})
	<-locked
	return c
}

func (w *tenant) lockGroup(tx membership.Tx) error {
	_, err := tx.LockGroup(w.Ctx, w.Group)
	return err
}

// answer is that to one of the changes.
type answer struct {
	membership.MemberResult
	err error
}

// change enters the queue behind all that were called before.
func (c *heldGroup) change(ctx context.Context, m membership.MemberChange) *answer {
	before := c.store.Waiting(c.ID, c.Connection, c.Group)
	a := &answer{}
	begun := make(chan struct{})
	c.calls.Go(func() {
		close(begun)
		a.MemberResult, a.err = c.store.WriteMembers(ctx, m)
	})
	<-begun
	runs := before == 0 && c.store.Engine() == "postgres" // it waits for the lock, not in the queue
	if runs {
		time.Sleep(50 * time.Millisecond) // long enough to have begun
		return a
	}
	require.Eventually(c.T, func() bool {
		return c.store.Waiting(c.ID, c.Connection, c.Group) > before
	}, 10*time.Second, time.Millisecond)
	return a
}

func (c *heldGroup) letGo() {
	close(c.release)
	c.held.Wait()
	c.calls.Wait()
}

func (c *heldGroup) isMember(u membership.ID) bool {
	for _, m := range c.Members() {
		if m == u {
			return true
		}
	}
	return false
}

// Those who share a commit are answered each for itself: an error of one fails no
// other, and changes of one user happen in the order in which they came.
func TestChangesInASharedCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		start := w.Link().Version
		c := w.hold(w.lockGroup)
		add := func(users ...membership.ID) membership.MemberChange { return w.Change(users, nil) }

		first := c.change(w.Ctx, add(w.Users[1]))
		second := c.change(w.Ctx, add(w.Users[2]))
		stranger := c.change(w.Ctx, add(w.Users[3], membership.NewID()))
		third := c.change(w.Ctx, add(w.Users[4]))
		again := c.change(w.Ctx, add(w.Users[2]))

		cancelled, cancel := context.WithCancel(w.Ctx)
		gone := c.change(cancelled, add(w.Users[5]))
		out := c.change(w.Ctx, w.Change(nil, []membership.ID{w.Users[2], w.Users[0]}))
		lost := add(w.Users[6])
		lost.IfVersion = start
		tooLate := c.change(w.Ctx, lost)
		none := membership.MemberChange{Call: add().Call, At: dbtest.Now(), Group: w.Group, Connection: w.Connection,
			Close: []membership.ID{membership.NewID()}}
		nothing := c.change(w.Ctx, none)
		last := c.change(w.Ctx, add(w.Users[7], w.Users[8]))
		cancel()
		time.Sleep(20 * time.Millisecond)
		c.letGo()

		for name, a := range map[string]*answer{
			"first": first, "second": second, "third": third, "again": again, "out": out, "nothing": nothing,
			"last": last,
		} {
			assert.NoError(t, a.err, name)
		}
		assert.Equal(t, membership.KindUnknownMembers, membership.KindOf(stranger.err))
		assert.ErrorIs(t, gone.err, context.Canceled)
		assert.Equal(t, membership.KindVersionMismatch, membership.KindOf(tooLate.err))
		assert.Equal(t, 1, second.Opened)
		assert.Zero(t, again.Opened, "a later one found the member there")
		assert.Equal(t, 2, out.Closed)
		assert.Equal(t, 2, last.Opened)
		for i, in := range []bool{false, true, false, false, true, false, false, true, true} {
			assert.Equal(t, in, c.isMember(w.Users[i]), "user %d", i)
		}
		// Each that changed something has a version of its own, in their order.
		for i, a := range []*answer{first, second, third, out, last} {
			assert.Equal(t, start+int64(i)+1, a.Version, i)
		}
		assert.Equal(t, third.Version, again.Version, "what changed nothing tells the version that it found")
		assert.Equal(t, last.Version, w.Link().Version)
		assert.Zero(t, s.Queues(), "an idle queue is nothing")
	})
}

// A deadlock with a transaction outside ends for everyone with what they wanted.
func TestDeadlockInASharedCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		c := w.hold(func(tx membership.Tx) error { // users first, group later: the wrong order
			_, err := tx.LockUserLink(w.Ctx, w.Connection, w.Users[3])
			return err
		})
		var answers []*answer
		for i := range 3 { // the first goes alone, the next two wait for the locked user together
			answers = append(answers, c.change(w.Ctx, w.Change(w.Users[3+i:4+i], nil)))
		}
		c.letGo()
		for i, a := range answers {
			assert.NoError(t, a.err, i)
			assert.True(t, c.isMember(w.Users[3+i]), i)
		}
	})
}

// When the engine loses a shared transaction, all others' changes are carried out
// again.
func TestALostSharedTransaction(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	w := newTenant(t, s)
	c := w.hold(w.lockGroup)
	defect := errors.New("defect")
	before := c.change(w.Ctx, w.Change(w.Users[1:2], nil))
	var broken error
	c.calls.Go(func() { broken = s.BreakSharedTransaction(w.Ctx, defect) })
	require.Eventually(t, func() bool {
		return s.Waiting(w.ID, w.Connection, w.Group) == 2
	}, 10*time.Second, time.Millisecond)
	after := c.change(w.Ctx, w.Change(w.Users[2:3], nil))
	c.letGo()
	assert.ErrorIs(t, broken, defect)
	for _, a := range []*answer{before, after} {
		assert.NoError(t, a.err)
		assert.Equal(t, 1, a.Opened)
	}
	assert.Len(t, w.Members(), 3)
}

// A refusal because of another's write, which then is lost, is judged again: it
// would be about what never was.
func TestARefusalInALostSharedTransaction(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	w := newTenant(t, s)
	start := w.Link().Version
	c := w.hold(w.lockGroup)
	waiting := func(n int) {
		require.Eventually(t, func() bool {
			return s.Waiting(w.ID, w.Connection, w.Group) == n
		}, 10*time.Second, time.Millisecond)
	}
	defect, again := errors.New("defect"), errors.New("not the second time")
	var first, broken error
	tries := 0
	c.calls.Go(func() {
		first = s.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
			if tries++; tries > 1 {
				return again
			}
			return dbtest.ChangeMembers(w.Ctx, tx, w.Change(w.Users[1:2], nil))
		})
	})
	waiting(1)
	m := w.Change(w.Users[2:3], nil)
	m.IfVersion = start
	second := c.change(w.Ctx, m)
	c.calls.Go(func() { broken = s.BreakSharedTransaction(w.Ctx, defect) })
	waiting(3)
	c.letGo()
	assert.ErrorIs(t, first, again)
	assert.ErrorIs(t, broken, defect)
	assert.NoError(t, second.err)
	assert.False(t, c.isMember(w.Users[1]))
	assert.True(t, c.isMember(w.Users[2]))
}

// A panic in one transaction is its caller's, and no other's.
func TestAPanicInASharedCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		c := w.hold(w.lockGroup)
		other := c.change(w.Ctx, w.Change(w.Users[1:2], nil))
		c.calls.Go(func() {
			assert.PanicsWithValue(t, "boom", func() {
				_ = s.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
					if err := dbtest.ChangeMembers(w.Ctx, tx, w.Change(w.Users[2:3], nil)); err != nil {
						return err
					}
					panic("boom")
				})
			})
		})
		time.Sleep(20 * time.Millisecond)
		c.letGo()
		assert.NoError(t, other.err)
		assert.True(t, c.isMember(w.Users[1]))
		assert.False(t, c.isMember(w.Users[2]))
		c.Update(func(tx membership.Tx) error { return w.lockGroup(tx) })
	})
}
