package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// What has expired goes from all tenants, in as many steps as it takes, and the bytes of
// answers are given back. What has not stays.
func TestExpiredGoes(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		now := time.Now()
		for _, b := range []auth.Bootstrapped{h.mine, h.theirs} {
			require.NoError(t, h.store.Update(t.Context(), b.TenantID, func(tx membership.Tx) error {
				for i := range 45 { // more than one step takes
					_, err := tx.InsertReservation(t.Context(), membership.IdempotencyReservation{
						Actor: "user:x", Route: "POST /v1/users", Key: string(rune('A' + i)),
						ReservedAt: now, LeaseUntil: now, ExpiresAt: now.Add(-time.Second),
						Answer: membership.StoredAnswer{Status: 200, Body: make([]byte, 100)},
					})
					require.NoError(t, err)
				}
				_, err := tx.AddReservationBytes(t.Context(), 45*(512+100)+7)
				return err
			}))
		}
		over, open := map[membership.ID]auth.Session{}, map[membership.ID]auth.Session{}
		for _, b := range []auth.Bootstrapped{h.mine, h.theirs} {
			begin := func(expires time.Time) (n auth.Session) {
				n = auth.Session{Tenant: b.TenantID, ID: membership.NewID(), CreatedAt: now, ExpiresAt: expires}
				n.Actor, n.Hash = membership.Actor{Kind: membership.ActorUser, ID: "ann"}, n.ID[:]
				require.NoError(t, h.store.UpdateSessions(t.Context(), b.TenantID, func(tx auth.SessionTx) error {
					return tx.InsertSession(t.Context(), n)
				}))
				return n
			}
			over[b.TenantID], open[b.TenantID] = begin(now), begin(now.Add(time.Hour))
		}
		require.NoError(t, dropExpiredOf(t.Context(), h.store, now))
		for _, b := range []auth.Bootstrapped{h.mine, h.theirs} {
			_, err := h.store.Session(t.Context(), b.TenantID, over[b.TenantID].ID)
			assert.Equal(t, membership.KindNotFound, membership.KindOf(err), "nobody logged in since")
			_, err = h.store.Session(t.Context(), b.TenantID, open[b.TenantID].ID)
			require.NoError(t, err)
			require.NoError(t, h.store.Update(t.Context(), b.TenantID, func(tx membership.Tx) error {
				left, _, err := tx.DeleteExpiredReservations(t.Context(), now)
				require.NoError(t, err)
				assert.Zero(t, left)
				bytes, err := tx.AddReservationBytes(t.Context(), 0)
				assert.Equal(t, 7, bytes)
				return err
			}))
		}
	})
}
