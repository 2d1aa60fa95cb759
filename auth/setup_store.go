package auth

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// SetupStore is the port to the stored set-up links; db implements it beside
// membership.Store.
type SetupStore interface {
	// SetupLink returns one link of a tenant, also when it has ended; an error of
	// membership.KindNotFound when there is none.
	SetupLink(ctx context.Context, tenant, id membership.ID) (SetupLink, error)
	// SetupLinks lists the links of a connection, or of all with the zero one, in the
	// order of their ids: those that are open, and some that have ended.
	SetupLinks(ctx context.Context, tenant, connection membership.ID) ([]SetupLink, error)
	// SetupSession returns a session with its link and its connection.
	SetupSession(ctx context.Context, tenant, id membership.ID) (SetupSession, error)
	// UpdateSetupLinks is membership.Store.Update for changes that touch links; fn may
	// run again.
	UpdateSetupLinks(ctx context.Context, tenant membership.ID, fn func(SetupTx) error) error
}

// SetupTx is a transaction that can change set-up links, what is made by them, and
// record it. A connection is locked before its links.
type SetupTx interface {
	ClientTx
	// LockSetupLinks counts the open links of the tenant, and forgets those that ended
	// but for the newest, keep of them. Others that make links wait until the
	// transaction ends.
	LockSetupLinks(ctx context.Context, now time.Time, keep int) (open int, err error)
	// LockSetupLink returns a link, also when it has ended.
	LockSetupLink(ctx context.Context, id membership.ID) (SetupLink, error)
	InsertSetupLink(ctx context.Context, l SetupLink) error
	// UpdateSetupLink writes what can change of it: LastUsedAt, DoneAt, RevokedAt, Token,
	// Client and Made.
	UpdateSetupLink(ctx context.Context, l SetupLink) error
	// InsertSetupSession adds a session to its link, and ends the oldest: keep of them
	// are left.
	InsertSetupSession(ctx context.Context, s SetupSession, keep int) error
	EndSetupSession(ctx context.Context, id membership.ID) error
	EndSetupSessions(ctx context.Context, link membership.ID) error
}
