package auth_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

type warnings []int

func (w *warnings) TokenExpiring(days int) { *w = append(*w, days) }

func (o *desk) lastUsed(token auth.Token) time.Time {
	o.t.Helper()
	kept, err := o.store.Token(o.t.Context(), token.Tenant, token.ID)
	require.NoError(o.t, err)
	return kept.LastUsedAt
}

func TestLastUse(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		token, text := o.create(auth.TokenSpec{Kind: auth.KindAPI})
		unused, _ := o.create(auth.TokenSpec{Kind: auth.KindAPI})
		usage := auth.NewUsage(o.store, o.clock, &warnings{}, zap.NewNop())
		o.verifier.Report(usage)

		first := o.now
		assert.True(t, opens(t, o.verifier, text))
		assert.Zero(t, o.lastUsed(token), "nothing is written on the request's path")
		usage.Flush(t.Context())
		assert.Equal(t, first, o.lastUsed(token))
		assert.Zero(t, o.lastUsed(unused))

		// Another replica has seen a use within the same minute, and one after.
		replica := auth.NewUsage(o.store, o.clock, &warnings{}, zap.NewNop())
		replica.Used(token, first.Add(time.Minute-time.Microsecond))
		replica.Flush(t.Context())
		assert.Equal(t, first, o.lastUsed(token), "at most once a minute")
		replica.Used(token, first.Add(time.Minute))
		replica.Used(token, first.Add(time.Second)) // noted late
		replica.Flush(t.Context())
		assert.Equal(t, first.Add(time.Minute), o.lastUsed(token))
		usage.Used(token, first.Add(time.Second))
		usage.Flush(t.Context())
		assert.Equal(t, first.Add(time.Minute), o.lastUsed(token), "it never goes back")

		require.NoError(t, o.Revoke(t.Context(), o.call, token.ID))
		o.now = o.now.Add(time.Hour)
		assert.False(t, opens(t, o.verifier, text))
		usage.Flush(t.Context())
		assert.Equal(t, first.Add(time.Minute), o.lastUsed(token), "a refused use is none")
	})
}

// flaky is a store that fails while it is down.
type flaky struct {
	store  auth.CredentialUpdater
	down   atomic.Bool
	writes atomic.Int32
}

func (f *flaky) UpdateCredentials(ctx context.Context, tenant membership.ID, fn func(auth.Tx) error) error {
	f.writes.Add(1)
	if f.down.Load() {
		return errors.New("down")
	}
	return f.store.UpdateCredentials(ctx, tenant, fn)
}

func TestLastUseSurvivesAStoreThatIsDown(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		token, _ := o.create(auth.TokenSpec{Kind: auth.KindAPI})
		store := &flaky{store: o.store}
		usage := auth.NewUsage(store, o.clock, &warnings{}, zap.NewNop())
		usage.Used(token, o.now)
		store.down.Store(true)
		usage.Flush(t.Context())
		store.down.Store(false)
		usage.Flush(t.Context())
		assert.Equal(t, o.now, o.lastUsed(token))
		writes := store.writes.Load()
		usage.Flush(t.Context())
		assert.Equal(t, writes, store.writes.Load(), "written once")
	})
}

// nowhere is a store that only counts.
type nowhere struct{ writes atomic.Int32 }

func (n *nowhere) UpdateCredentials(context.Context, membership.ID, func(auth.Tx) error) error {
	n.writes.Add(1)
	return nil
}

func TestUsageRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &nowhere{}
		usage := auth.NewUsage(store, time.Now, &warnings{}, zap.NewNop())
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { usage.Run(ctx); close(ended) }()
		tenant := membership.NewID()
		use := func() { usage.Used(auth.Token{Tenant: tenant, ID: membership.NewID()}, time.Now()) }

		use()
		time.Sleep(time.Minute - time.Second)
		synctest.Wait()
		assert.Zero(t, store.writes.Load())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.EqualValues(t, 1, store.writes.Load())
		use()
		stop()
		<-ended
		assert.EqualValues(t, 2, store.writes.Load(), "what is left is written at the end")

		// Memory is bounded, whatever happens before the next minute.
		for range 10_100 {
			usage.Used(auth.Token{Tenant: membership.NewID(), ID: membership.NewID()}, time.Now())
		}
		usage.Flush(context.Background())
		assert.EqualValues(t, 10_002, store.writes.Load())
	})
}

func TestExpiryWarnings(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		const day = 24 * time.Hour
		var told warnings
		usage := auth.NewUsage(o.store, o.clock, &told, zap.NewNop())
		replica := auth.NewUsage(o.store, o.clock, &told, zap.NewNop())
		token, _ := o.create(auth.TokenSpec{Kind: auth.KindSCIM, Connection: o.tenant.ConnectionID,
			ExpiresAt: o.now.Add(40 * day)})
		lasting, _ := o.create(auth.TokenSpec{Kind: auth.KindAPI})
		start := o.now
		use := func(at time.Duration) []membership.Event {
			o.now = start.Add(at)
			return o.during(func() {
				for _, u := range []*auth.Usage{usage, replica} {
					u.Used(token, o.now)
					u.Used(lasting, o.now)
					u.Flush(t.Context())
				}
			})
		}
		assert.Empty(t, use(10*day-time.Microsecond), "31 days before")
		es := use(10 * day)
		require.Len(t, es, 1, "30 days before; one event for all replicas")
		assert.Equal(t, membership.ActionTokenExpiring, es[0].Action)
		assert.Equal(t, "system:tokens", es[0].Actor.String())
		assert.Equal(t, o.tenant.ConnectionID, es[0].Connection)
		assert.Contains(t, string(es[0].After), `"token_id":"`+token.ID.String()+`"`)
		assert.Contains(t, string(es[0].After), `"expires_at":"2026-09-10T12:00:00.000000Z"`)
		assert.Empty(t, use(11*day-time.Minute), "once a day")
		assert.Len(t, use(11*day), 1)
		assert.Len(t, use(33*day), 1)
		assert.Len(t, use(39*day), 1)
		assert.Empty(t, use(40*day), "too late")
		assert.Equal(t, warnings{30, 30, 7, 1}, told)
	})
}

// A token that was revoked after its use needs no warning.
func TestNoWarningOfARevokedToken(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		var told warnings
		usage := auth.NewUsage(o.store, o.clock, &told, zap.NewNop())
		token, _ := o.create(auth.TokenSpec{Kind: auth.KindAPI, ExpiresAt: o.now.Add(time.Hour)})
		usage.Used(token, o.now)
		require.NoError(t, o.Revoke(t.Context(), o.call, token.ID))
		assert.Empty(t, o.during(func() { usage.Flush(t.Context()) }))
		assert.Empty(t, told)
	})
}
