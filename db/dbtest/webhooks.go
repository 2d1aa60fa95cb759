package dbtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

// WebhookStore is the work of the servers that send to webhooks, of all tenants.
type WebhookStore interface {
	WebhooksDue(ctx context.Context, now time.Time, streams bool) ([]db.WebhookRef, error)
	HoldWebhook(
		ctx context.Context, tenant, id membership.ID, holder string, now, until time.Time, limit int,
	) (db.WebhookWork, bool, error)
	RenewWebhook(ctx context.Context, tenant, id membership.ID, holder string, until time.Time) (bool, error)
	FinishWebhook(ctx context.Context, holder string, step db.WebhookStep) (bool, error)
	AllWebhooks(ctx context.Context) ([]db.WebhookRef, error)
	WebhookStats(ctx context.Context, tenant membership.ID) ([]db.WebhookStats, error)
	DropDeliveries(ctx context.Context, tenant, webhook membership.ID, before time.Time, limit int) (int64, error)
}

var webhookPromises = subject{"webhooks", []promise{
	{"a webhook is as it was written", testWebhookIsAsWritten},
	{"a position moves with what became of events", testWebhookPosition},
	{"of several servers one holds a webhook", testWebhookLease},
	{"a server that lost a webhook writes nothing", testLostWebhook},
	{"a webhook is let alone until somebody wakes it", testWebhookPause},
	{"due is what has something to be sent", testWebhooksDue},
	{"stats tell how far a webhook is behind", testWebhookStats},
	{"a webhook is deleted with its deliveries", testDeleteWebhook},
}}

// The servers of the tests.
const (
	serverA = "a"
	serverB = "b"
)

// webhook adds one that has seen all events so far.
func (w *Tenant) webhook(change func(*membership.Webhook)) membership.Webhook {
	w.T.Helper()
	w.Number()
	hook := membership.Webhook{
		Tenant: w.ID, ID: membership.NewID(), URL: "https://app.example.com/hook", Signing: membership.SigningV1,
		Secret: []byte("secret"), OldSecret: []byte{}, Ordered: true, State: membership.WebhookActive,
		CreatedAt: Now().Add(-time.Hour), UpdatedAt: Now(),
	}
	if change != nil {
		change(&hook)
	}
	w.Update(func(tx membership.Tx) (err error) {
		if hook.Position == 0 {
			if hook.Position, err = tx.EventHead(w.Ctx); err != nil {
				return err
			}
		}
		return tx.InsertWebhook(w.Ctx, hook)
	})
	return hook
}

func (w *Tenant) readWebhook(id membership.ID) (hook membership.Webhook) {
	w.T.Helper()
	w.Read(func(r membership.Reader) (err error) {
		hook, err = r.Webhook(w.Ctx, id)
		return err
	})
	return hook
}

func (w *Tenant) deliveries(id membership.ID, status membership.DeliveryStatus) (ds []membership.Delivery) {
	w.T.Helper()
	w.Read(func(r membership.Reader) (err error) {
		ds, err = r.Deliveries(w.Ctx, id, status, 0, 1000)
		return err
	})
	return ds
}

func (w *Tenant) hold(id membership.ID, holder string, now, until time.Time) (db.WebhookWork, bool) {
	w.T.Helper()
	work, held, err := w.Store.HoldWebhook(w.Ctx, w.ID, id, holder, now, until, 100)
	require.NoError(w.T, err)
	return work, held
}

// settled holds a webhook as a server does, writes what became of events, and lets go.
func (w *Tenant) settled(id membership.ID, ds ...membership.Delivery) {
	w.T.Helper()
	work, held := w.hold(id, serverA, Now(), Now().Add(time.Minute))
	require.True(w.T, held)
	hook := work.Webhook
	for _, d := range ds {
		hook.Position = max(hook.Position, d.Number)
	}
	held, err := w.Store.FinishWebhook(w.Ctx, serverA, db.WebhookStep{Webhook: hook, Done: ds, Until: hook.CreatedAt})
	require.NoError(w.T, err)
	require.True(w.T, held)
}

// delivery is what became of an event; next is when it is tried again.
func delivery(
	hook membership.ID, number int64, status membership.DeliveryStatus, at, next time.Time,
) membership.Delivery {
	return membership.Delivery{
		Webhook: hook, Number: number, ID: membership.NewID(), Action: membership.ActionGrantOpened, Status: status,
		Attempts: 3, NextAt: next,
		Attempt: membership.Attempt{
			HTTP: 500, Problem: "the receiver answered 500", At: at, Took: 1234 * time.Microsecond,
		},
		Earlier: []membership.Attempt{
			{Problem: "the connection failed", At: at.Add(-time.Hour)},
			{HTTP: 204, At: at.Add(-time.Minute), Took: 20 * time.Second},
		},
	}
}

func (w *Tenant) isDue(id membership.ID, now time.Time) bool {
	w.T.Helper()
	due, err := w.Store.WebhooksDue(w.Ctx, now, true)
	require.NoError(w.T, err)
	return slices.ContainsFunc(due, func(r db.WebhookRef) bool { return r == db.WebhookRef{Tenant: w.ID, ID: id} })
}

// happen writes an event without a number.
func (w *Tenant) happen(i int) {
	w.T.Helper()
	_, err := w.Store.WriteMembers(w.Ctx, w.Change(w.Users[i:i+1], nil))
	require.NoError(w.T, err)
}

func testWebhookIsAsWritten(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	hook := w.webhook(func(h *membership.Webhook) {
		h.Events = []membership.Action{membership.ActionGrantOpened}
		h.Connections, h.Groups = []membership.ID{w.Connection}, []membership.ID{w.Group}
		h.OldSecret, h.OldUntil, h.FailingFrom = []byte("old"), Now().Add(time.Hour), Now()
		h.Signing, h.Ordered, h.Why, h.Position = membership.SigningV1A, false, "why", 1
		h.Requested, h.Description, h.VerifiedAt = membership.SCIMSignals, "what it is for", Now()
		h.Owner = "token:1"
	})
	require.Equal(t, hook, w.readWebhook(hook.ID))
	position := hook.Position
	hook.URL, hook.Events, hook.State, hook.Position = "https://b.example.com", nil, membership.WebhookDisabled, 99
	hook.Requested, hook.Description, hook.VerifiedAt = membership.Signals[:1], "something else", Now()
	w.Update(func(tx membership.Tx) error { return tx.UpdateWebhook(w.Ctx, hook) })
	got := w.readWebhook(hook.ID)
	require.Equal(t, position, got.Position, "only its holder moves it")
	got.Position = hook.Position
	if len(got.Events) == 0 {
		got.Events = nil
	}
	require.Equal(t, hook, got)
	other.Read(func(r membership.Reader) error {
		_, err := r.Webhook(w.Ctx, hook.ID)
		require.Equal(t, membership.NotFound("webhook"), err, "it is its tenant's")
		all, err := r.Webhooks(w.Ctx)
		require.Empty(t, all)
		return err
	})
	n := 0
	w.Update(func(tx membership.Tx) (err error) {
		n, err = tx.LockWebhooks(w.Ctx)
		return err
	})
	require.Equal(t, 1, n)
}

// Position, state and deliveries are one step, with the event if there is one.
func testWebhookPosition(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook := w.webhook(nil)
	w.happen(1)
	w.Number()
	work, held := w.hold(hook.ID, serverA, Now(), Now().Add(time.Minute))
	require.True(t, held)
	require.Equal(t, hook, work.Webhook)
	require.Empty(t, work.Due)

	step := db.WebhookStep{Webhook: work.Webhook, Until: Now()}
	step.Webhook.Position++
	step.Webhook.FailingFrom = Now()
	retried := delivery(hook.ID, step.Webhook.Position, membership.DeliveryRetrying, Now(), Now().Add(time.Hour))
	step.Done = []membership.Delivery{retried}
	held, err := s.FinishWebhook(w.Ctx, serverA, step)
	require.NoError(t, err)
	require.True(t, held)
	require.Equal(t, step.Webhook, w.readWebhook(hook.ID))
	require.Equal(t, step.Done, w.deliveries(hook.ID, ""))

	// The next attempt writes over the one before: a delivery is one row.
	step.Done = []membership.Delivery{delivery(hook.ID, retried.Number, membership.DeliveryDead, Now(), time.Time{})}
	step.Done[0].ID, step.Done[0].Attempts = retried.ID, 4
	step.Webhook.State, step.Webhook.Why = membership.WebhookDisabled, "it has failed for five days"
	e := membership.Call{Tenant: w.ID, RequestID: "r"}.Event(
		Now(), membership.ActionWebhookDisabled, membership.ID{}, membership.ID{}, nil, membership.Facts{"why": "x"})
	step.Event = &e
	_, held = w.hold(hook.ID, serverA, Now(), Now().Add(time.Minute))
	require.True(t, held)
	held, err = s.FinishWebhook(w.Ctx, serverA, step)
	require.NoError(t, err)
	require.True(t, held)
	require.Equal(t, step.Webhook, w.readWebhook(hook.ID))
	require.Equal(t, step.Done, w.deliveries(hook.ID, membership.DeliveryDead))
	require.Len(t, w.deliveries(hook.ID, ""), 1)
	events := Events(t, s, w.ID, membership.EventFilter{Action: membership.ActionWebhookDisabled})
	require.Len(t, events, 1)
	_, held = w.hold(hook.ID, serverA, Now(), Now().Add(time.Minute))
	require.False(t, held, "a disabled one is not sent to")
}

func testWebhookLease(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook := w.webhook(nil)
	w.happen(1)
	now := Now()
	until := now.Add(time.Minute)
	require.True(t, w.isDue(hook.ID, now))
	_, held := w.hold(hook.ID, serverA, now, until)
	require.True(t, held)
	for _, server := range []string{serverB, serverA} {
		_, held = w.hold(hook.ID, server, until.Add(-time.Second), until.Add(time.Hour))
		require.False(t, held, "%s: it is held, whoever asks", server)
	}
	renew := func(server string) bool {
		held, err := s.RenewWebhook(w.Ctx, w.ID, hook.ID, server, until)
		require.NoError(t, err)
		return held
	}
	require.False(t, renew(serverB))
	until = until.Add(time.Minute)
	require.True(t, renew(serverA))
	require.False(t, w.isDue(hook.ID, until.Add(-time.Second)))
	require.True(t, w.isDue(hook.ID, until))
	_, held = w.hold(hook.ID, serverB, until, until.Add(time.Minute))
	require.True(t, held, "the lease of the other is over")
	require.False(t, renew(serverA))

	// Of many who ask at once one gets it.
	free := w.webhook(nil)
	results := make(chan bool, 16)
	for i := range cap(results) {
		go func() {
			_, held, err := s.HoldWebhook(w.Ctx, w.ID, free.ID, string(rune('a'+i)), now, until, 1)
			assert.NoError(t, err)
			results <- held
		}()
	}
	n := 0
	for range cap(results) {
		if <-results {
			n++
		}
	}
	require.Equal(t, 1, n)
}

// What a server wants to write after another took over is not written, neither the
// position nor deliveries nor the event; the other goes on from where it was.
func testLostWebhook(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook := w.webhook(nil)
	w.happen(1)
	w.Number()
	now := Now()
	work, held := w.hold(hook.ID, serverA, now, now.Add(time.Second))
	require.True(t, held)
	_, held = w.hold(hook.ID, serverB, now.Add(2*time.Second), now.Add(time.Minute))
	require.True(t, held)

	late := db.WebhookStep{Webhook: work.Webhook, Until: now}
	late.Webhook.Position += 1000
	late.Webhook.State, late.Webhook.Why = membership.WebhookDisabled, "x"
	late.Done = []membership.Delivery{delivery(hook.ID, hook.Position+1, membership.DeliveryDone, now, time.Time{})}
	e := membership.Call{Tenant: w.ID, RequestID: "r"}.Event(
		now, membership.ActionWebhookDisabled, membership.ID{}, membership.ID{}, nil, nil)
	late.Event = &e
	for range 2 {
		held, err := s.FinishWebhook(w.Ctx, serverA, late)
		require.NoError(t, err)
		require.False(t, held)
		require.Equal(t, hook, w.readWebhook(hook.ID))
		require.Empty(t, w.deliveries(hook.ID, ""))
		require.Empty(t, Events(t, s, w.ID, membership.EventFilter{Action: membership.ActionWebhookDisabled}))

		// Nor after the other let go of it.
		held, err = s.FinishWebhook(w.Ctx, serverB, db.WebhookStep{Webhook: work.Webhook, Until: now})
		require.NoError(t, err)
		require.True(t, held)
	}

	// A lease that is over, and that nobody took over, was nobody else's.
	_, held = w.hold(hook.ID, serverA, now, now.Add(time.Millisecond))
	require.True(t, held)
	late.Event, late.Webhook.State, late.Webhook.Why = nil, membership.WebhookActive, ""
	held, err := s.FinishWebhook(w.Ctx, serverA, late)
	require.NoError(t, err)
	require.True(t, held)
	require.Len(t, w.deliveries(hook.ID, membership.DeliveryDone), 1)
}

// A pause is no lease: it holds up every server, until it is over or an administrator
// changes the webhook or sends something again. What a server holds it keeps.
func testWebhookPause(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook := w.webhook(nil)
	w.happen(1)
	w.Number()
	now := Now()
	until := now.Add(time.Hour)
	dead := delivery(hook.ID, hook.Position+1, membership.DeliveryDead, now, time.Time{})
	finish := func(work db.WebhookWork, done ...membership.Delivery) {
		t.Helper()
		held, err := s.FinishWebhook(w.Ctx, serverA, db.WebhookStep{Webhook: work.Webhook, Done: done, Until: until})
		require.NoError(t, err)
		require.True(t, held)
	}
	pause := func() {
		t.Helper()
		work, held := w.hold(hook.ID, serverA, now, now.Add(time.Minute))
		require.True(t, held)
		finish(work, dead)
		for _, at := range []time.Time{now, until.Add(-time.Second)} {
			require.False(t, w.isDue(hook.ID, at))
			_, held = w.hold(hook.ID, serverA, at, at.Add(time.Minute))
			require.False(t, held)
		}
		require.True(t, w.isDue(hook.ID, until))
	}
	for name, wake := range map[string]func(membership.Tx) error{
		"changed": func(tx membership.Tx) error { return tx.UpdateWebhook(w.Ctx, hook) },
		"retried": func(tx membership.Tx) error { return tx.RetryDelivery(w.Ctx, hook.ID, dead.ID, now) },
		"recovered": func(tx membership.Tx) error {
			_, err := tx.RecoverDeliveries(w.Ctx, hook.ID, now.Add(-time.Hour), time.Time{}, now, 10)
			return err
		},
	} {
		pause()
		w.Update(wake)
		require.True(t, w.isDue(hook.ID, now), name)
		work, held := w.hold(hook.ID, serverA, now, now.Add(time.Minute))
		require.True(t, held, name)
		w.Update(wake)
		_, held = w.hold(hook.ID, serverB, now, now.Add(time.Minute))
		require.False(t, held, "%s: who holds it has it still", name)
		work.Position = hook.Position
		until = now
		finish(work)
		until = now.Add(time.Hour)
	}

	// What the receiver of before asked for is nothing to the new one.
	work, held := w.hold(hook.ID, serverA, now, now.Add(time.Minute))
	require.True(t, held)
	hook.URL = "https://other.example.com/hook"
	w.Update(func(tx membership.Tx) error { return tx.UpdateWebhook(w.Ctx, hook) })
	later := delivery(hook.ID, hook.Position+1, membership.DeliveryRetrying, now, now.Add(24*time.Hour))
	finish(work, later)
	require.True(t, w.isDue(hook.ID, now))
	require.Equal(t, now, w.deliveries(hook.ID, membership.DeliveryRetrying)[0].NextAt, "of one delivery, too")
}

func testWebhooksDue(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	parallel := func(h *membership.Webhook) { h.Ordered = false }
	ordered, several, foreign := w.webhook(nil), w.webhook(parallel), other.webhook(nil)
	past := w.webhook(func(h *membership.Webhook) { h.Position = 1 })
	w.happen(1)
	w.Number()
	for _, hook := range []membership.ID{ordered.ID, several.ID, past.ID} {
		require.True(t, w.isDue(hook, Now()), "it has a new event")
	}
	require.False(t, other.isDue(foreign.ID, Now()), "another tenant's event is not its")
	head := w.readHead()
	for _, hook := range []membership.ID{ordered.ID, several.ID} {
		w.settled(hook, delivery(hook, head, membership.DeliveryDone, Now(), time.Time{}))
		require.False(t, w.isDue(hook, Now()), "it has got all")
	}
	w.happen(2)
	require.True(t, w.isDue(ordered.ID, Now()), "an event that has no number yet")

	// One delivery is to be tried again: in order the next event waits for it.
	w.Number()
	next := Now().Add(time.Hour)
	for _, hook := range []membership.ID{ordered.ID, several.ID} {
		w.settled(hook, delivery(hook, head+1, membership.DeliveryRetrying, Now(), next))
	}
	require.False(t, w.isDue(several.ID, Now()))
	w.happen(3)
	w.Number()
	require.True(t, w.isDue(several.ID, Now()))
	require.False(t, w.isDue(ordered.ID, next.Add(-time.Second)))
	require.True(t, w.isDue(ordered.ID, next))

	w.Update(func(tx membership.Tx) error {
		hook, err := tx.LockWebhook(w.Ctx, past.ID)
		require.NoError(t, err)
		hook.State = membership.WebhookDisabled
		return tx.UpdateWebhook(w.Ctx, hook)
	})
	require.False(t, w.isDue(past.ID, Now()), "it is disabled")
	require.Equal(t, int64(1), w.readWebhook(past.ID).Position, "its place stays")
}

func (w *Tenant) readHead() (head int64) {
	w.Read(func(r membership.Reader) (err error) {
		head, err = r.EventHead(w.Ctx)
		return err
	})
	return head
}

func testDeleteWebhook(t *testing.T, s Store) {
	w := NewTenant(t, s)
	hook, other := w.webhook(nil), w.webhook(nil)
	for _, id := range []membership.ID{hook.ID, other.ID} {
		w.settled(id, delivery(id, 5, membership.DeliveryDead, Now(), time.Time{}))
	}
	work, held := w.hold(hook.ID, serverA, Now(), Now().Add(time.Minute))
	require.True(t, held)
	remove := func() error {
		return s.Update(w.Ctx, w.ID, func(tx membership.Tx) error { return tx.DeleteWebhook(w.Ctx, hook.ID) })
	}
	require.NoError(t, remove())
	require.Equal(t, membership.NotFound("webhook"), remove())
	require.Empty(t, w.deliveries(hook.ID, ""))
	require.Len(t, w.deliveries(other.ID, ""), 1)

	// Its holder hears of it when it wants to write.
	held, err := s.FinishWebhook(w.Ctx, serverA, db.WebhookStep{
		Webhook: work.Webhook, Until: Now(),
		Done: []membership.Delivery{delivery(hook.ID, 6, membership.DeliveryDone, Now(), time.Time{})},
	})
	require.NoError(t, err)
	require.False(t, held)
	require.Empty(t, w.deliveries(hook.ID, ""))
	require.False(t, w.isDue(hook.ID, Now()))
}

func testWebhookStats(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	hook, idle := w.webhook(nil), w.webhook(nil)
	foreign := other.webhook(nil)
	w.happen(1)
	w.happen(2)
	w.Number()
	head := w.readHead()
	at := map[int64]time.Time{}
	for _, e := range w.Numbered(0) {
		at[e.Number] = e.At
	}
	stats := func(id membership.ID) db.WebhookStats {
		all, err := s.WebhookStats(w.Ctx, w.ID)
		require.NoError(t, err)
		require.Len(t, all, 2, "those of the tenant")
		i := slices.IndexFunc(all, func(st db.WebhookStats) bool { return st.ID == id })
		return all[i]
	}
	ref := db.WebhookRef{Tenant: w.ID, ID: hook.ID}
	require.Equal(t, db.WebhookStats{WebhookRef: ref, Pending: 2, Oldest: at[head-1]}, stats(hook.ID))

	// What is tried again is before what is new, and what is dead waits no more.
	now := Now()
	w.settled(hook.ID, delivery(hook.ID, head-2, membership.DeliveryRetrying, now, now.Add(time.Hour)),
		delivery(hook.ID, head-1, membership.DeliveryDead, now, time.Time{}))
	require.Equal(t, db.WebhookStats{WebhookRef: ref, Pending: 2, Oldest: at[head-2], Parked: 1}, stats(hook.ID))

	// Of one that is disabled nothing waits, and one that has got all is not behind.
	w.Update(func(tx membership.Tx) error {
		disabled, err := tx.LockWebhook(w.Ctx, hook.ID)
		require.NoError(t, err)
		disabled.State, disabled.FailingFrom = membership.WebhookDisabled, now
		return tx.UpdateWebhook(w.Ctx, disabled)
	})
	require.Equal(t, db.WebhookStats{WebhookRef: ref, Parked: 1, Failing: now}, stats(hook.ID))
	w.settled(idle.ID, delivery(idle.ID, head, membership.DeliveryDone, now, time.Time{}))
	require.Equal(t, db.WebhookStats{WebhookRef: db.WebhookRef{Tenant: w.ID, ID: idle.ID}}, stats(idle.ID))

	all, err := s.AllWebhooks(w.Ctx)
	require.NoError(t, err)
	require.ElementsMatch(t, []db.WebhookRef{ref, {Tenant: w.ID, ID: idle.ID}, {Tenant: other.ID, ID: foreign.ID}}, all)
}
