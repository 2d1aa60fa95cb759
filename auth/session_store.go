package auth

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// SessionStore is the port to the stored sessions; db implements it beside
// membership.Store.
type SessionStore interface {
	// Session returns one session of a tenant, also one that has expired; an error of
	// membership.KindNotFound when there is none.
	Session(ctx context.Context, tenant, id membership.ID) (Session, error)
	// UpdateSessions is membership.Store.Update for changes of sessions; fn may run
	// again.
	UpdateSessions(ctx context.Context, tenant membership.ID, fn func(SessionTx) error) error
}

// SessionTx is a transaction that can change sessions, and record it.
type SessionTx interface {
	membership.EventWriter
	InsertSession(ctx context.Context, s Session) error
	// DeleteSession: KindNotFound when there is none.
	DeleteSession(ctx context.Context, id membership.ID) error
	// DropSessions is that of EndedTx.
	DropSessions(ctx context.Context, expired time.Time, limit int) (int64, error)
	// DropOldSessions deletes the oldest of an actor but for so many.
	DropOldSessions(ctx context.Context, a membership.Actor, keep int) error
	// CountSessions counts those of the tenant, expired ones too.
	CountSessions(ctx context.Context) (int, error)
}
