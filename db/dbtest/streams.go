package dbtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

var streamPromises = subject{"streams", []promise{
	{"a stream is due where streams are sent to, if it is enabled and not polled", testStreamsDue},
	{"a stream that fails is paused by its holder", testStreamIsPaused},
	{"a stream moves with what became of events", testMoveStream},
	{"a stream that is moved is no server's", testMoveStreamEndsTheHold},
	{"what waits is given up on", testParkDeliveries},
}}

// stream adds one that has seen all events so far.
func (w *Tenant) stream(change func(*membership.Webhook)) membership.Webhook {
	w.T.Helper()
	return w.webhook(func(h *membership.Webhook) {
		h.Signing, h.Secret, h.State = membership.SigningSET, nil, membership.StreamEnabled
		h.Requested = membership.Signals
		if change != nil {
			change(h)
		}
	})
}

func polled(h *membership.Webhook) { h.URL = "" }

func testStreamsDue(t *testing.T, s Store) {
	w := NewTenant(t, s)
	pushed, poll := w.stream(nil), w.stream(polled)
	paused := w.stream(func(h *membership.Webhook) { h.State = membership.StreamPaused })
	w.happen(1)
	w.Number()
	require.True(t, w.isDue(pushed.ID, Now()))
	require.False(t, w.isDue(poll.ID, Now()), "its receiver fetches")
	require.False(t, w.isDue(paused.ID, Now()))
	due, err := s.WebhooksDue(w.Ctx, Now(), false)
	require.NoError(t, err)
	require.NotContains(t, due, db.WebhookRef{Tenant: w.ID, ID: pushed.ID}, "this server has no keys")
	work, held := w.hold(pushed.ID, serverA, Now(), Now().Add(time.Minute))
	require.True(t, held)
	require.Equal(t, pushed.Requested, work.Requested)
	held, err = s.RenewWebhook(w.Ctx, w.ID, pushed.ID, serverA, Now().Add(time.Minute))
	require.NoError(t, err)
	require.True(t, held)
	_, held = w.hold(paused.ID, serverA, Now(), Now().Add(time.Minute))
	require.False(t, held)
}

func testStreamIsPaused(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook := w.stream(nil)
	work, held := w.hold(hook.ID, serverA, Now(), Now().Add(time.Minute))
	require.True(t, held)
	work.State, work.Why = membership.StreamPaused, "it has failed"
	e := membership.Call{Tenant: w.ID, RequestID: "r"}.Event(
		Now(), membership.ActionWebhookDisabled, membership.ID{}, membership.ID{}, nil, nil)
	held, err := s.FinishWebhook(w.Ctx, serverA, db.WebhookStep{Webhook: work.Webhook, Until: Now(), Event: &e})
	require.NoError(t, err)
	require.True(t, held)
	got := w.readWebhook(hook.ID)
	require.Equal(t, membership.StreamPaused, got.State)
	require.Equal(t, "it has failed", got.Why)
	require.Len(t, Events(t, s, w.ID, membership.EventFilter{Action: membership.ActionWebhookDisabled}), 1)
}

func testMoveStream(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook, other := w.stream(polled), w.stream(polled)
	now := Now()
	ds := []membership.Delivery{
		delivery(hook.ID, 5, membership.DeliveryDone, now, time.Time{}),
		delivery(hook.ID, 6, membership.DeliveryRetrying, now, time.Time{}),
		delivery(hook.ID, 7, membership.DeliveryRetrying, now, now),
		delivery(hook.ID, 8, membership.DeliveryDead, now, time.Time{}),
	}
	ds[1].Taken = 2
	w.Update(func(tx membership.Tx) error { return tx.MoveStream(w.Ctx, hook.ID, 5, ds) })
	require.Equal(t, int64(5), w.readWebhook(hook.ID).Position)
	require.Equal(t, other.Position, w.readWebhook(other.ID).Position)
	w.Read(func(r membership.Reader) error {
		after, err := r.DeliveriesAfter(w.Ctx, hook.ID, 5, 10)
		require.NoError(t, err)
		require.Equal(t, ds[1:], after)
		after, err = r.DeliveriesAfter(w.Ctx, hook.ID, 5, 1)
		require.NoError(t, err)
		require.Equal(t, ds[1:2], after)
		due, err := r.DueDeliveries(w.Ctx, hook.ID, now, 10)
		require.NoError(t, err)
		require.Equal(t, ds[2:3], due)
		due, err = r.DueDeliveries(w.Ctx, hook.ID, now.Add(-time.Second), 10)
		require.Empty(t, due)
		return err
	})
	// What is sent again is told as a whole.
	w.Update(func(tx membership.Tx) error { return tx.RetryDelivery(w.Ctx, hook.ID, ds[1].ID, now) })
	retried := w.deliveries(hook.ID, membership.DeliveryRetrying)
	require.Equal(t, ds[1].ID, retried[1].ID)
	require.Zero(t, retried[1].Taken)
	require.Equal(t, membership.NotFound("webhook"), s.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
		return tx.MoveStream(w.Ctx, membership.NewID(), 5, nil)
	}))
}

func testMoveStreamEndsTheHold(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook, now := w.stream(nil), Now()
	work, held := w.hold(hook.ID, serverA, now, now.Add(time.Minute))
	require.True(t, held)
	w.Update(func(tx membership.Tx) error { return tx.MoveStream(w.Ctx, hook.ID, 7, nil) })
	held, err := s.RenewWebhook(w.Ctx, w.ID, hook.ID, serverA, now.Add(time.Hour))
	require.NoError(t, err)
	require.False(t, held)
	work.State, work.Why = membership.StreamPaused, "it has failed"
	held, err = s.FinishWebhook(w.Ctx, serverA, db.WebhookStep{
		Webhook: work.Webhook, Until: now.Add(time.Hour),
		Done: []membership.Delivery{delivery(hook.ID, 3, membership.DeliveryRetrying, now, now)},
	})
	require.NoError(t, err)
	require.False(t, held)
	got := w.readWebhook(hook.ID)
	require.Equal(t, int64(7), got.Position)
	require.Equal(t, membership.StreamEnabled, got.State)
	require.Empty(t, w.deliveries(hook.ID, ""))
	_, held = w.hold(hook.ID, serverB, now, now.Add(time.Minute))
	require.True(t, held, "at once")
}

func testParkDeliveries(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook := w.stream(polled)
	now := Now()
	w.Update(func(tx membership.Tx) error {
		return tx.MoveStream(w.Ctx, hook.ID, 3, []membership.Delivery{
			delivery(hook.ID, 1, membership.DeliveryRetrying, now, now),
			delivery(hook.ID, 2, membership.DeliveryDone, now, time.Time{}),
			delivery(hook.ID, 3, membership.DeliveryRetrying, now, time.Time{}),
		})
	})
	w.Update(func(tx membership.Tx) error { return tx.ParkDeliveries(w.Ctx, hook.ID) })
	require.Empty(t, w.deliveries(hook.ID, membership.DeliveryRetrying))
	dead := w.deliveries(hook.ID, membership.DeliveryDead)
	require.Len(t, dead, 2)
	require.Zero(t, dead[0].NextAt)
	require.Len(t, w.deliveries(hook.ID, membership.DeliveryDone), 1)
}
