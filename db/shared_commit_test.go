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

// crowd lets changes of one group wait for each other.
type crowd struct {
	*tenant
	release chan struct{}
	held    sync.WaitGroup
	calls   sync.WaitGroup
}

// hold keeps the group until the crowd is let go.
func (w *tenant) hold(meanwhile func(membership.Tx) error) *crowd {
	c := &crowd{tenant: w, release: make(chan struct{})}
	locked := make(chan struct{})
	c.held.Go(func() {
		var once sync.Once
		err := w.store.Update(w.ctx, w.tenant, func(tx membership.Tx) error {
			if err := meanwhile(tx); err != nil {
				return err
			}
			once.Do(func() { close(locked) })
			<-c.release
			_, err := tx.LockGroup(w.ctx, w.group)
			return err
		})
		assert.NoError(w.t, err)
	})
	<-locked
	return c
}

func (w *tenant) lockGroup(tx membership.Tx) error {
	_, err := tx.LockGroup(w.ctx, w.group)
	return err
}

// answer is what one of the crowd was told.
type answer struct {
	membership.MemberResult
	err error
}

// change stands in line, behind everyone who was called before.
func (c *crowd) change(ctx context.Context, m membership.MemberChange) *answer {
	before := c.store.Waiting(c.tenant.tenant, c.connection, c.group)
	a := &answer{}
	begun := make(chan struct{})
	c.calls.Go(func() {
		close(begun)
		a.MemberResult, a.err = c.store.WriteMembers(ctx, m)
	})
	<-begun
	leads := before == 0 && c.store.Engine() == "postgres" // it waits for the lock, not in the line
	if leads {
		time.Sleep(50 * time.Millisecond) // long enough to have taken the lead
		return a
	}
	require.Eventually(c.t, func() bool {
		return c.store.Waiting(c.tenant.tenant, c.connection, c.group) > before
	}, 10*time.Second, time.Millisecond)
	return a
}

func (c *crowd) letGo() {
	close(c.release)
	c.held.Wait()
	c.calls.Wait()
}

func (c *crowd) isMember(u membership.ID) bool {
	for _, m := range c.members() {
		if m == u {
			return true
		}
	}
	return false
}

// Those who share a commit are answered each for itself: an error of one fails
// nobody else, and changes of one user happen in the order in which they came.
func TestNeighboursInASharedCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		start := w.version().Version
		c := w.hold(w.lockGroup)
		add := func(users ...membership.ID) membership.MemberChange { return w.change(users, nil) }

		first := c.change(w.ctx, add(w.users[1]))
		second := c.change(w.ctx, add(w.users[2]))
		stranger := c.change(w.ctx, add(w.users[3], membership.NewID()))
		third := c.change(w.ctx, add(w.users[4]))
		again := c.change(w.ctx, add(w.users[2]))

		cancelled, cancel := context.WithCancel(w.ctx)
		gone := c.change(cancelled, add(w.users[5]))
		out := c.change(w.ctx, w.change(nil, []membership.ID{w.users[2], w.users[0]}))
		lost := add(w.users[6])
		lost.IfVersion = start
		tooLate := c.change(w.ctx, lost)
		nobody := membership.MemberChange{Call: add().Call, At: now(), Group: w.group, Connection: w.connection, Close: []membership.ID{membership.NewID()}}
		nothing := c.change(w.ctx, nobody)
		last := c.change(w.ctx, add(w.users[7], w.users[8]))
		cancel()
		time.Sleep(20 * time.Millisecond)
		c.letGo()

		for name, a := range map[string]*answer{
			"first": first, "second": second, "third": third, "again": again, "out": out, "nothing": nothing, "last": last,
		} {
			assert.NoError(t, a.err, name)
		}
		assert.Equal(t, membership.KindUnknownMembers, membership.KindOf(stranger.err))
		assert.ErrorIs(t, gone.err, context.Canceled)
		assert.Equal(t, membership.KindVersionMismatch, membership.KindOf(tooLate.err))
		assert.Equal(t, 1, second.Opened)
		assert.Zero(t, again.Opened, "who came later found the member there")
		assert.Equal(t, 2, out.Closed)
		assert.Equal(t, 2, last.Opened)
		for i, in := range []bool{false, true, false, false, true, false, false, true, true} {
			assert.Equal(t, in, c.isMember(w.users[i]), "user %d", i)
		}
		// Each that changed something has a version of its own, in their order.
		for i, a := range []*answer{first, second, third, out, last} {
			assert.Equal(t, start+int64(i)+1, a.Version, i)
		}
		assert.Equal(t, third.Version, again.Version, "what changed nothing tells the version that it found")
		assert.Equal(t, last.Version, w.version().Version)
		assert.Zero(t, s.Queues(), "an idle queue is nothing")
	})
}

// A deadlock with a transaction outside ends for everyone with what they wanted.
func TestDeadlockInASharedCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		c := w.hold(func(tx membership.Tx) error { // users first, group later: the wrong order
			_, err := tx.LockUserLink(w.ctx, w.connection, w.users[3])
			return err
		})
		var answers []*answer
		for i := range 3 { // the first goes alone, the next two wait for the locked user together
			answers = append(answers, c.change(w.ctx, w.change(w.users[3+i:4+i], nil)))
		}
		c.letGo()
		for i, a := range answers {
			assert.NoError(t, a.err, i)
			assert.True(t, c.isMember(w.users[3+i]), i)
		}
	})
}

// When the engine loses a shared transaction, everybody else's is carried out
// again.
func TestALostSharedTransaction(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	w := newTenant(t, s)
	c := w.hold(w.lockGroup)
	defect := errors.New("defect")
	before := c.change(w.ctx, w.change(w.users[1:2], nil))
	var broken error
	c.calls.Go(func() { broken = s.BreakSharedTransaction(w.ctx, defect) })
	require.Eventually(t, func() bool { return s.Waiting(w.tenant, w.connection, w.group) == 2 }, 10*time.Second, time.Millisecond)
	after := c.change(w.ctx, w.change(w.users[2:3], nil))
	c.letGo()
	assert.ErrorIs(t, broken, defect)
	for _, a := range []*answer{before, after} {
		assert.NoError(t, a.err)
		assert.Equal(t, 1, a.Opened)
	}
	assert.Len(t, w.members(), 3)
}

// Who was refused because of a neighbour's write, which then is lost, is asked
// again: the answer would be about what never was.
func TestARefusalInALostSharedTransaction(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	w := newTenant(t, s)
	start := w.version().Version
	c := w.hold(w.lockGroup)
	waiting := func(n int) {
		require.Eventually(t, func() bool { return s.Waiting(w.tenant, w.connection, w.group) == n }, 10*time.Second, time.Millisecond)
	}
	defect, again := errors.New("defect"), errors.New("not the second time")
	var first, broken error
	tries := 0
	c.calls.Go(func() {
		first = s.Update(w.ctx, w.tenant, func(tx membership.Tx) error {
			if tries++; tries > 1 {
				return again
			}
			return change(w.ctx, tx, w.change(w.users[1:2], nil))
		})
	})
	waiting(1)
	m := w.change(w.users[2:3], nil)
	m.IfVersion = start
	second := c.change(w.ctx, m)
	c.calls.Go(func() { broken = s.BreakSharedTransaction(w.ctx, defect) })
	waiting(3)
	c.letGo()
	assert.ErrorIs(t, first, again)
	assert.ErrorIs(t, broken, defect)
	assert.NoError(t, second.err)
	assert.False(t, c.isMember(w.users[1]))
	assert.True(t, c.isMember(w.users[2]))
}

// A panic in one transaction is its caller's, and nobody else's.
func TestAPanicInASharedCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		c := w.hold(w.lockGroup)
		neighbour := c.change(w.ctx, w.change(w.users[1:2], nil))
		c.calls.Go(func() {
			assert.PanicsWithValue(t, "boom", func() {
				_ = s.Update(w.ctx, w.tenant, func(tx membership.Tx) error {
					if err := change(w.ctx, tx, w.change(w.users[2:3], nil)); err != nil {
						return err
					}
					panic("boom")
				})
			})
		})
		time.Sleep(20 * time.Millisecond)
		c.letGo()
		assert.NoError(t, neighbour.err)
		assert.True(t, c.isMember(w.users[1]))
		assert.False(t, c.isMember(w.users[2]))
		c.update(func(tx membership.Tx) error { return w.lockGroup(tx) })
	})
}
