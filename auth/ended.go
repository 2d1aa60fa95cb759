package auth

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// EndedLife is how long an OAuth client that was revoked, and a secret of one that was
// revoked or expired, stay known: the log says so of who still uses them. Tokens with a
// name stay for ever, as the history shows who acted by their names.
const EndedLife = 90 * 24 * time.Hour

// EndedTx deletes what has expired, at most limit of a kind, and returns
// how many that were. What was deleted is no change of credentials: it was refused
// before.
type EndedTx interface {
	DropAssertions(ctx context.Context, expired time.Time, limit int) (int64, error)
	// DropSessions are those at the console.
	DropSessions(ctx context.Context, expired time.Time, limit int) (int64, error)
	// DropAccessTokens are those of OAuth clients.
	DropAccessTokens(ctx context.Context, expired time.Time, limit int) (int64, error)
	DropClientSecrets(ctx context.Context, ended time.Time, limit int) (int64, error)
	// DropClients are those without secrets and access tokens.
	DropClients(ctx context.Context, ended time.Time, limit int) (int64, error)
}

// DropEnded deletes what a tenant keeps of credentials that have ended, at most limit
// of a kind. more: there may be others.
func DropEnded(
	ctx context.Context, store ClientStore, tenant membership.ID, now time.Time, limit int,
) (more bool, err error) {
	err = store.UpdateClients(ctx, tenant, func(tx ClientTx) error {
		more = false
		ended := now.Add(-EndedLife)
		for _, step := range []struct {
			drop   func(context.Context, time.Time, int) (int64, error)
			before time.Time
		}{
			{tx.DropAssertions, now}, {tx.DropSessions, now}, {tx.DropAccessTokens, now},
			{tx.DropClientSecrets, ended}, {tx.DropClients, ended},
		} {
			n, err := step.drop(ctx, step.before, limit)
			if err != nil {
				return err
			}
			more = more || n >= int64(limit)
		}
		return nil
	})
	return more, err
}
