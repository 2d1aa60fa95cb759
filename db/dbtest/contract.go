package dbtest

import (
	"testing"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// Store is what a store has to be.
type Store interface {
	membership.Store
	auth.Store
	auth.PolicyStore
	auth.ClientStore
	auth.IssuerStore
	auth.SetupStore
	auth.SessionStore
	WebhookStore
}

// subject is one part of the contract, and has a file of its own.
type subject struct {
	name     string
	promises []promise
}

// promise is one that a store keeps, and how that is tested.
type promise struct {
	name string
	test func(*testing.T, Store)
}

var contract = []subject{
	memberPromises, judgedPromises, linkPromises, lookupPromises, lockPromises, heldNamePromises, eventPromises,
	filterPromises, valuePromises, totalPromises, errorPromises, idempotencyPromises, readinessPromises,
	webhookPromises, webhookDeliveryPromises, streamPromises, capturePromises, endPromises, setupLinkPromises,
	partPromises, sessionPromises, endedPromises, removalPromises,
}

// Run holds a store to the contract: what membership.Store and the stores of auth
// promise. open returns a fresh, migrated store, which ends with the test.
func Run(t *testing.T, open func(testing.TB) Store) {
	t.Helper()
	for _, s := range contract {
		t.Run(s.name, func(t *testing.T) {
			for _, p := range s.promises {
				t.Run(p.name, func(t *testing.T) { p.test(t, open(t)) })
			}
		})
	}
}
