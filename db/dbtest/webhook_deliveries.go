package dbtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var webhookDeliveryPromises = subject{"webhook deliveries", []promise{
	{"due deliveries come in the order of events", testDueDeliveries},
	{"one delivery is sent again", testRetryDelivery},
	{"dead deliveries of a time are sent again", testRecoverDeliveries},
	{"a delivery is found by its id, with its attempts", testDelivery},
	{"what waits to be tried again is due at once", testWakeDeliveries},
	{"old deliveries are dropped, those that wait are not", testDropDeliveries},
}}

func testDueDeliveries(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook := w.webhook(nil)
	now := Now()
	w.settled(hook.ID,
		delivery(hook.ID, 9, membership.DeliveryRetrying, now, now.Add(-time.Hour)),
		delivery(hook.ID, 7, membership.DeliveryRetrying, now, now),
		delivery(hook.ID, 8, membership.DeliveryRetrying, now, now.Add(time.Hour)),
		delivery(hook.ID, 6, membership.DeliveryDead, now, time.Time{}),
		delivery(hook.ID, 5, membership.DeliveryDone, now, time.Time{}))
	require.True(t, w.isDue(hook.ID, now.Add(-time.Minute)), "as soon as the first of them is")
	due := func(limit int) (numbers []int64) {
		work, held, err := s.HoldWebhook(w.Ctx, w.ID, hook.ID, serverA, now, now, limit)
		require.NoError(t, err)
		require.True(t, held)
		require.Equal(t, 3, work.Retrying)
		for _, d := range work.Due {
			numbers = append(numbers, d.Number)
		}
		return numbers
	}
	require.Equal(t, []int64{7, 9}, due(100))
	require.Equal(t, []int64{7}, due(1))
}

func testRetryDelivery(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook, other := w.webhook(nil), w.webhook(nil)
	now := Now()
	dead := delivery(hook.ID, 5, membership.DeliveryDead, now, time.Time{})
	done := delivery(hook.ID, 6, membership.DeliveryDone, now, time.Time{})
	w.settled(hook.ID, dead, done)
	require.False(t, w.isDue(hook.ID, now))
	retry := func(hook, id membership.ID) error {
		return s.Update(w.Ctx, w.ID, func(tx membership.Tx) error { return tx.RetryDelivery(w.Ctx, hook, id, now) })
	}
	require.Equal(t, membership.NotFound("delivery"), retry(hook.ID, membership.NewID()))
	require.Equal(t, membership.NotFound("delivery"), retry(other.ID, dead.ID), "it is that of another webhook")
	require.False(t, w.isDue(hook.ID, now))
	for i, d := range []membership.Delivery{done, dead} {
		require.NoError(t, retry(hook.ID, d.ID))
		require.True(t, w.isDue(hook.ID, now))
		retrying := w.deliveries(hook.ID, membership.DeliveryRetrying)
		require.Len(t, retrying, i+1)
		require.Equal(t, d.Number, retrying[i].Number)
		require.Equal(t, d.ID, retrying[i].ID)
		require.Zero(t, retrying[i].Attempts, "from the beginning of the schedule")
		require.Equal(t, now, retrying[i].NextAt)
	}
}

func testRecoverDeliveries(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook, other := w.webhook(nil), w.webhook(nil)
	now := Now()
	hourAgo, dayAgo := now.Add(-time.Hour), now.Add(-24*time.Hour)
	for _, id := range []membership.ID{hook.ID, other.ID} {
		w.settled(id,
			delivery(id, 2, membership.DeliveryDead, dayAgo, time.Time{}),
			delivery(id, 3, membership.DeliveryDead, hourAgo, time.Time{}),
			delivery(id, 4, membership.DeliveryDone, hourAgo, time.Time{}),
			delivery(id, 5, membership.DeliveryDead, now, time.Time{}),
			delivery(id, 6, membership.DeliveryDead, now, time.Time{}))
	}
	between := func(since, until time.Time, limit int) (n int) {
		w.Update(func(tx membership.Tx) (err error) {
			n, err = tx.RecoverDeliveries(w.Ctx, hook.ID, since, until, now, limit)
			return err
		})
		return n
	}
	again := func(since time.Time, limit int) int { return between(since, time.Time{}, limit) }
	require.Zero(t, again(now.Add(time.Second), 10))
	require.Zero(t, between(dayAgo.Add(time.Second), hourAgo, 10), "the end is not in it")
	require.False(t, w.isDue(hook.ID, now))
	require.Equal(t, 2, again(hourAgo, 2), "the first of them")
	require.True(t, w.isDue(hook.ID, now))
	var numbers []int64
	for _, d := range w.deliveries(hook.ID, membership.DeliveryRetrying) {
		numbers = append(numbers, d.Number)
		require.Zero(t, d.Attempts)
	}
	require.Equal(t, []int64{5, 3}, numbers)
	require.Equal(t, 1, again(hourAgo, 2))
	require.Zero(t, again(hourAgo, 2))
	require.Len(t, w.deliveries(hook.ID, membership.DeliveryDead), 1)
	require.Equal(t, 1, between(dayAgo, hourAgo, 2), "the beginning is in it")
	require.Empty(t, w.deliveries(hook.ID, membership.DeliveryDead))
	require.Len(t, w.deliveries(other.ID, membership.DeliveryDead), 4, "those of another webhook stay")
}

func testDelivery(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook, other := w.webhook(nil), w.webhook(nil)
	now := Now()
	dead := delivery(hook.ID, 5, membership.DeliveryDead, now, time.Time{})
	first := delivery(hook.ID, 6, membership.DeliveryDone, now, time.Time{})
	first.Earlier = nil
	w.settled(hook.ID, dead, first)
	find := func(hook, id membership.ID) (d membership.Delivery, err error) {
		w.Read(func(r membership.Reader) error {
			d, err = r.Delivery(w.Ctx, hook, id)
			return nil
		})
		return d, err
	}
	for _, want := range []membership.Delivery{dead, first} {
		got, err := find(hook.ID, want.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, err = find(other.ID, want.ID)
		require.Equal(t, membership.NotFound("delivery"), err, "it is that of another webhook")
	}
}

func testDropDeliveries(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook, other := w.webhook(nil), w.webhook(nil)
	now := Now()
	old := now.Add(-31 * 24 * time.Hour)
	for _, id := range []membership.ID{hook.ID, other.ID} {
		w.settled(id,
			delivery(id, 1, membership.DeliveryDone, old, time.Time{}),
			delivery(id, 2, membership.DeliveryRetrying, old, now.Add(time.Hour)),
			delivery(id, 3, membership.DeliveryDead, old, time.Time{}),
			delivery(id, 4, membership.DeliveryDone, now, time.Time{}))
	}
	for _, want := range []int64{2, 0} {
		n, err := s.DropDeliveries(w.Ctx, w.ID, hook.ID, now.Add(-membership.DeliveryLife), 100)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	var numbers []int64
	for _, d := range w.deliveries(hook.ID, "") {
		numbers = append(numbers, d.Number)
	}
	require.Equal(t, []int64{4, 2}, numbers)
	require.Len(t, w.deliveries(other.ID, ""), 4)
}

func testWakeDeliveries(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook, other := w.webhook(nil), w.webhook(nil)
	now := Now()
	wake := func() {
		w.Update(func(tx membership.Tx) error { return tx.WakeDeliveries(w.Ctx, hook.ID, now) })
	}
	wake()
	require.False(t, w.isDue(hook.ID, now), "nothing waits")
	for _, id := range []membership.ID{hook.ID, other.ID} {
		w.settled(id,
			delivery(id, 1, membership.DeliveryRetrying, now, now.Add(time.Hour)),
			delivery(id, 2, membership.DeliveryDead, now, time.Time{}),
			delivery(id, 3, membership.DeliveryRetrying, now, now.Add(-time.Hour)),
			delivery(id, 4, membership.DeliveryRetrying, now, now.Add(24*time.Hour)))
	}
	wake()
	require.True(t, w.isDue(hook.ID, now))
	at := map[int64]time.Time{}
	for _, d := range w.deliveries(hook.ID, "") {
		at[d.Number] = d.NextAt
		require.Equal(t, 3, d.Attempts, "the schedule goes on")
	}
	require.Equal(t, map[int64]time.Time{1: now, 2: {}, 3: now.Add(-time.Hour), 4: now}, at)
	for _, d := range w.deliveries(other.ID, membership.DeliveryRetrying) {
		require.NotEqual(t, now, d.NextAt, "those of another webhook wait")
	}
}
