package auth

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// ClientStore is the port to the stored OAuth clients; db implements it
// beside membership.Store.
type ClientStore interface {
	// Client returns one client of a tenant with its secrets, also when it is
	// revoked; an error of membership.KindNotFound when there is none, after the
	// same queries.
	Client(ctx context.Context, tenant, id membership.ID) (OAuthClient, error)
	// Clients lists at most limit clients of a connection, or of all with a zero
	// one, that are not revoked and have greater ids than after, in the order of
	// their ids.
	Clients(ctx context.Context, tenant, connection, after membership.ID, limit int) ([]OAuthClient, error)
	// UpdateClients is membership.Store.Update for changes that touch clients;
	// fn may run again.
	UpdateClients(ctx context.Context, tenant membership.ID, fn func(ClientTx) error) error
}

// ClientTx is a transaction that can change OAuth clients and their tokens, and record it.
type ClientTx interface {
	TokenTx
	EndedTx
	// LockClient returns a client that is not revoked. A second lock waits
	// until the transaction ends.
	LockClient(ctx context.Context, id membership.ID) (OAuthClient, error)
	// InsertClient writes a client without its secrets.
	InsertClient(ctx context.Context, c OAuthClient) error
	RevokeClient(ctx context.Context, id membership.ID, at time.Time) error
	InsertClientSecret(ctx context.Context, client membership.ID, s ClientSecret) error
	RevokeClientSecret(ctx context.Context, client, id membership.ID, at time.Time) error
	// UseClient writes LastUsedAt of a client and, unless zero, of its secret.
	UseClient(ctx context.Context, client, secret membership.ID, at time.Time) error
	// RefuseClient writes RefusedAt, unless a time after unlessAfter is written
	// already; it reports whether it did.
	RefuseClient(ctx context.Context, id membership.ID, at, unlessAfter time.Time) (bool, error)
	// UseAssertion notes an assertion until it expires, and forgets some that
	// have. It reports whether the assertion is new: true for only one of
	// all transactions with the same hash.
	UseAssertion(ctx context.Context, hash []byte, now, expires time.Time) (bool, error)
	// EndClientTokens removes the access tokens of a client, ForgetClientTokens
	// some of those that expired before a time.
	EndClientTokens(ctx context.Context, client membership.ID) error
	ForgetClientTokens(ctx context.Context, client membership.ID, before time.Time) error
}
