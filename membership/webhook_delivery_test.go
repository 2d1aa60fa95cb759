package membership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func noJitter() float64  { return 0 }
func allJitter() float64 { return 1 }

// The pauses are those of Standard Webhooks, and a fifth longer at most; then a delivery
// is dead.
func TestScheduleOfDeliveries(t *testing.T) {
	pauses := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
		14 * time.Hour,
		20 * time.Hour, 24 * time.Hour,
	}
	at := time.Now()
	for _, jitter := range []func() float64{noJitter, allJitter} {
		w, ds := Webhook{State: WebhookActive}, []Delivery{{}}
		for i, pause := range pauses {
			require.Empty(t, w.Settle(ds, []Outcome{{HTTP: 500, Problem: "x"}}, at, jitter))
			require.Equal(t, DeliveryRetrying, ds[0].Status)
			require.Equal(t, i+1, ds[0].Attempts)
			require.Equal(t, pause+time.Duration(float64(pause)*jitter()/5), ds[0].NextAt.Sub(at))
		}
		w.Settle(ds, []Outcome{{HTTP: 500, Problem: "x"}}, at, jitter)
		require.Equal(t, DeliveryDead, ds[0].Status)
		require.Zero(t, ds[0].NextAt)
	}
	d := Delivery{Attempts: 3, Status: DeliveryRetrying, NextAt: at}
	d.settle(Outcome{HTTP: 204}, at, 1)
	require.Equal(t, Delivery{Attempts: 4, Status: DeliveryDone, Attempt: Attempt{HTTP: 204, At: at}}, d)
}

// What a receiver asks for makes a pause longer, up to a day, never shorter.
func TestAReceiverSlowsDown(t *testing.T) {
	at := time.Now()
	for wait, pause := range map[time.Duration]time.Duration{
		time.Second: 5 * time.Second, time.Hour: time.Hour, 1000 * time.Hour: 24 * time.Hour,
	} {
		d := Delivery{}
		d.settle(Outcome{HTTP: 429, Problem: "x", Wait: wait}, at, 0)
		assert.Equal(t, pause, d.NextAt.Sub(at))
	}
}

// A webhook that fails for five days without a success is disabled, and one that wants
// no more is at once.
func TestWebhooksAreDisabled(t *testing.T) {
	began := time.Now()
	w := Webhook{State: WebhookActive}
	settle := func(at time.Time, os ...Outcome) string {
		return w.Settle(make([]Delivery, len(os)), os, at, noJitter)
	}
	fails, done := Outcome{HTTP: 500, Problem: "x"}, Outcome{HTTP: 200}
	require.Empty(t, settle(began, fails))
	require.Equal(t, began, w.FailingFrom)
	require.Empty(t, settle(began.Add(5*24*time.Hour-1), fails))
	require.Equal(t, began, w.FailingFrom, "since the first failure")
	require.Empty(t, settle(began.Add(5*24*time.Hour), fails, done), "one was taken")
	require.Zero(t, w.FailingFrom)
	require.Empty(t, settle(began, fails))
	require.NotEmpty(t, settle(began.Add(5*24*time.Hour), fails))
	require.Equal(t, WebhookDisabled, w.State)

	w = Webhook{State: WebhookActive}
	ds := make([]Delivery, 2)
	require.NotEmpty(t, w.Settle(ds, []Outcome{{HTTP: 410, Problem: "x", Gone: true}, done}, began, noJitter))
	require.Equal(t, WebhookDisabled, w.State)
	require.Equal(t, DeliveryDead, ds[0].Status)
	require.Equal(t, DeliveryDone, ds[1].Status)
}

// Every attempt is kept, up to the last hundred; the schedule that begins anew loses none.
func TestAttemptsAreKept(t *testing.T) {
	began := time.Now()
	at := func(i int) time.Time { return began.Add(time.Duration(i) * time.Minute) }
	d := Delivery{}
	require.Empty(t, d.All())
	for i := range 150 {
		if i == 5 {
			d.Attempts, d.Status = 0, DeliveryRetrying // as RetryDelivery leaves it
		}
		d.settle(Outcome{HTTP: 500, Problem: "x", Took: time.Millisecond}, at(i), 0)
		all := d.All()
		require.Len(t, all, min(i+1, MaxAttempts))
		for j, a := range all {
			require.Equal(t, Attempt{At: at(i - j), HTTP: 500, Problem: "x", Took: time.Millisecond}, a)
		}
	}
	total := time.Duration(0)
	for _, pause := range retryAfter {
		total += pause
	}
	require.GreaterOrEqual(t, MaxAttempts, int(DeliveryLife/total+1)*(len(retryAfter)+1),
		"all that the schedule makes")
}
