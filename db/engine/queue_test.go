package engine_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/engine"
)

// held is a queue whose first batch runs until it is released.
type held struct {
	engine.Queue[int]
	release chan struct{}
	batches [][]int
	calls   sync.WaitGroup
}

func newHeld(t *testing.T, fits func(int) bool) *held {
	t.Helper()
	h := &held{release: make(chan struct{})}
	begun := make(chan struct{})
	var once sync.Once
	h.Run = func(b *engine.Batch[int]) {
		first := len(h.batches) == 0
		var batch []int
		for r := b.Next(fits); r != nil; r = b.Next(fits) {
			batch = append(batch, r.Work)
			if first {
				break
			}
		}
		h.batches = append(h.batches, batch)
		once.Do(func() { close(begun) })
		if first {
			<-h.release
		}
	}
	h.calls.Go(func() { _ = h.Do(t.Context(), 0) })
	<-begun
	return h
}

func (h *held) enter(t *testing.T, ctx context.Context, work int) (err *error) { //nolint:revive // t comes first
	t.Helper()
	err = new(error)
	waiting := h.Waiting()
	h.calls.Go(func() { *err = h.Do(ctx, work) })
	require.Eventually(t, func() bool { return h.Waiting() > waiting }, 10*time.Second, time.Millisecond)
	return err
}

// Those who arrive while a batch runs form the next one, in their order, as far as
// they fit; one that gave up is not in it.
func TestQueue(t *testing.T) {
	h := newHeld(t, func(int) bool { return true })
	gone, cancel := context.WithCancel(t.Context())
	h.enter(t, t.Context(), 1)
	left := h.enter(t, gone, 2)
	h.enter(t, t.Context(), 3)
	cancel()
	require.Eventually(t, func() bool { return h.Waiting() == 2 }, 10*time.Second, time.Millisecond)
	close(h.release)
	h.calls.Wait()
	require.ErrorIs(t, *left, context.Canceled)
	require.Equal(t, [][]int{{0}, {1, 3}}, h.batches)
	require.Zero(t, h.Waiting())
}

// What does not fit is first in the batch after.
func TestQueueOfWhatDoesNotFit(t *testing.T) {
	taken := 0
	h := newHeld(t, func(int) bool { taken++; return taken%3 != 0 })
	for i := range 4 {
		h.enter(t, t.Context(), i+1)
	}
	close(h.release)
	h.calls.Wait()
	var all []int
	for _, b := range h.batches {
		all = append(all, b...)
	}
	require.Equal(t, []int{0, 1, 2, 3, 4}, all)
	require.Greater(t, len(h.batches), 2)
}

// A batch that fails is carried out one by one; a panic goes to its caller, and
// the queue goes on.
func TestQueueAfterFailures(t *testing.T) {
	failed := errors.New("failed")
	var size int
	q := engine.Queue[int]{}
	q.Run = func(b *engine.Batch[int]) {
		b.Execute(func(int) bool { return true }, func(_ context.Context, works []int) ([]error, error) {
			size = len(works)
			return nil, failed
		}, func(_ context.Context, work int) error {
			if work == 13 {
				panic("boom")
			}
			return failed
		})
	}
	require.ErrorIs(t, q.Do(t.Context(), 1), failed)
	require.Zero(t, size, "one is carried out alone")
	require.PanicsWithValue(t, "boom", func() { _ = q.Do(t.Context(), 13) })
	require.ErrorIs(t, q.Do(t.Context(), 2), failed)
	require.Zero(t, q.Waiting())
}

// A queue of a key is there while it is used.
func TestQueues(t *testing.T) {
	qs := engine.Queues[string, int]{}
	qs.Run = func(key string, b *engine.Batch[int]) {
		require.Equal(t, 1, qs.Len(), key)
		for r := b.Next(func(int) bool { return true }); r != nil; r = b.Next(func(int) bool { return true }) {
			r.Err = nil
		}
	}
	for _, key := range []string{"a", "b"} {
		require.NoError(t, qs.Do(t.Context(), key, 1))
		require.Zero(t, qs.Len())
		require.Zero(t, qs.Waiting(key))
	}
}
