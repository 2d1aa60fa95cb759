package auth

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Removal is what the removal of a connection does.
type Removal struct {
	membership.RemovalCounts
	Credentials int // that end
}

// PreviewRemoval counts what Remove would do now, as Remove itself counts it.
func (cs *Connections) PreviewRemoval(
	ctx context.Context, call membership.Call, id membership.ID, how membership.Removal,
) (r Removal, err error) {
	if r.RemovalCounts, err = cs.directory.PreviewRemoval(ctx, call, id, how); err != nil {
		return r, err
	}
	r.Credentials, err = cs.store.CredentialsOf(ctx, call.Tenant, id, cs.clock.Now())
	return r, err
}

// Remove ends a connection. Its credentials end first, in a transaction of their
// own, so that no provider writes while its grants are closed, converted or
// frozen in the second. If only the first came about, Remove finishes it when it
// is called again.
func (cs *Connections) Remove(
	ctx context.Context, call membership.Call, id membership.ID, how membership.Removal,
) error {
	if err := cs.directory.Administer(ctx, call); err != nil {
		return err
	}
	if err := how.Check(); err != nil { // nothing ends by a mistake
		return err
	}
	batch := membership.NewID()
	// Also after an error: the transaction may have been committed all the same.
	defer cs.changed(id)
	err := cs.store.UpdateCredentials(ctx, call.Tenant, func(tx Tx) error {
		c, err := tx.LockConnection(ctx, id)
		if err != nil || !c.RemovedAt.IsZero() {
			return err
		}
		c.RemovedAt = cs.clock.Now()
		if err := tx.UpdateConnection(ctx, c); err != nil {
			return err
		}
		ended, err := endCredentials(ctx, tx, call, id, c.RemovedAt, batch)
		if err != nil {
			return err
		}
		return tx.AppendEvents(ctx,
			call.Event(c.RemovedAt, membership.ActionConnectionRemoving, membership.ID{}, membership.ID{},
				membership.Facts{"connection_id": id, "paused": !c.PausedAt.IsZero()},
				membership.Facts{"connection_id": id, "members": how, "credentials": ended, "batch": batch}))
	})
	if err != nil {
		return err
	}
	return cs.directory.RemoveConnection(ctx, call, id, how, batch)
}

// endCredentials ends all credentials of a connection, and returns how many there
// were. Every kind of credential is ended here.
func endCredentials(
	ctx context.Context, tx TokenTx, call membership.Call, connection membership.ID, at time.Time, batch membership.ID,
) (int, error) {
	clients, err := tx.RevokeClientsOf(ctx, connection, at)
	if err != nil {
		return 0, err
	}
	for _, id := range clients {
		if err := tx.AppendEvents(ctx, call.Event(at, membership.ActionClientRevoked, membership.ID{}, membership.ID{},
			membership.Facts{"client_id": id}, membership.Facts{"batch": batch})); err != nil {
			return 0, err
		}
	}
	tokens, err := tx.RevokeTokensOf(ctx, connection, at)
	if err != nil {
		return 0, err
	}
	for _, id := range tokens {
		if err := tx.AppendEvents(ctx, call.Event(at, membership.ActionTokenRevoked, membership.ID{}, membership.ID{},
			membership.Facts{"token_id": id}, membership.Facts{"batch": batch})); err != nil {
			return 0, err
		}
	}
	links, err := tx.RevokeSetupLinksOf(ctx, connection, at)
	if err != nil {
		return 0, err
	}
	for _, id := range links {
		if err := tx.AppendEvents(ctx, call.Event(at, membership.ActionSetupLinkRevoked, membership.ID{},
			membership.ID{}, membership.Facts{"setup_link_id": id, "connection_id": connection},
			membership.Facts{"batch": batch})); err != nil {
			return 0, err
		}
	}
	return len(clients) + len(tokens) + len(links), nil
}
