package auth

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// TenantPolicy is one of a tenant's own policies: a text of one or more Cedar
// policies under one id.
type TenantPolicy struct {
	ID        string
	Cedar     string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// PolicyStore is the port to the stored policies of tenants; db
// implements it beside membership.Store.
type PolicyStore interface {
	PolicyReader
	// UpdatePolicies is membership.Store.Update for changes of policies; fn may
	// run again.
	UpdatePolicies(ctx context.Context, tenant membership.ID, fn func(PolicyTx) error) error
}

// PolicyReader reads the policies of tenants.
type PolicyReader interface {
	// PolicyVersion returns a number that grows with every change of a tenant's
	// policies; 0 for a tenant that never had any, or does not exist.
	PolicyVersion(ctx context.Context, tenant membership.ID) (int64, error)
	// Policies returns a tenant's policies in the order of their ids, and the
	// version that they are, from one snapshot.
	Policies(ctx context.Context, tenant membership.ID) ([]TenantPolicy, int64, error)
}

// PolicyTx is a transaction that can change policies, and record it.
type PolicyTx interface {
	membership.EventWriter
	// LockPolicies returns the tenant's policies in the order of their ids, and
	// makes later writers of them wait. KindNotFound: there is no such tenant.
	LockPolicies(ctx context.Context) ([]TenantPolicy, error)
	// SavePolicy writes a policy, new or not, and raises the version.
	SavePolicy(ctx context.Context, p TenantPolicy) error
	// DeletePolicy raises the version, too. KindNotFound: there is none.
	DeletePolicy(ctx context.Context, id string) error
}
