package db_test

import (
	"testing"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
)

// Both engines keep the contract. Pages of more than two resources are loaded by
// their keys here, so that both ways of loading one are tested.
func TestContract(t *testing.T) {
	db.WholePages(t, 2)
	for _, engine := range dbtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			dbtest.Run(t, func(t testing.TB) dbtest.Store { return dbtest.Open(t, dbtest.URL(t, engine)) })
		})
	}
}

// tenant is a dbtest.Tenant of a store that is looked into.
type tenant struct {
	*dbtest.Tenant
	store *db.Store
}

func newTenant(t testing.TB, s *db.Store) *tenant { return &tenant{dbtest.NewTenant(t, s), s} }
