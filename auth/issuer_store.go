package auth

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// IssuerStore is the port to the stored trusted issuers; db implements it
// beside membership.Store.
type IssuerStore interface {
	IssuerReader
	// UpdateIssuers is membership.Store.Update for changes of issuers; fn may run
	// again.
	UpdateIssuers(ctx context.Context, tenant membership.ID, fn func(IssuerTx) error) error
}

// IssuerReader is what the verification of JWTs reads.
type IssuerReader interface {
	// IssuerVersion returns a number that grows with every change of a tenant's
	// issuers; 0 for a tenant that never had any, or does not exist.
	IssuerVersion(ctx context.Context, tenant membership.ID) (int64, error)
	// Issuers returns a tenant's issuers in the order of their ids, and the
	// version that they are, from one snapshot.
	Issuers(ctx context.Context, tenant membership.ID) ([]Issuer, int64, error)
	TokenReader
}

// IssuerTx is a transaction that can change issuers, and record it.
type IssuerTx interface {
	membership.EventWriter
	// LockIssuers returns the tenant's issuers in the order of their ids, and
	// makes later writers of them wait. KindNotFound: there is no such tenant.
	LockIssuers(ctx context.Context) ([]Issuer, error)
	// SaveIssuer writes an issuer, new or not, and raises the version.
	SaveIssuer(ctx context.Context, i Issuer) error
	// DeleteIssuer raises the version, too. KindNotFound: there is none.
	DeleteIssuer(ctx context.Context, id membership.ID) error
}
