package membership

import (
	"context"
	"slices"
	"time"
)

// DeprovisionUser ends the calling connection's link to a user and its grants
// for them (rule 25).
func (d *Directory) DeprovisionUser(ctx context.Context, call Call, id ID, ifVersion int64) error {
	call.Effect.about(ID{}, id)
	if err := d.allow(ctx, call, OpWriteUsers, ID{}, id); err != nil {
		return err
	}
	err := d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		call.Effect.restart()
		if _, err := tx.UserLink(ctx, call.Connection, id); err != nil {
			return err
		}
		// Before the user: the order in which every other change takes its locks.
		if err := tx.LockGroupsOf(ctx, id); err != nil {
			return err
		}
		u, err := tx.LockUser(ctx, id)
		if err != nil {
			return err
		}
		link, err := tx.LockUserLink(ctx, call.Connection, id)
		if err != nil {
			return err
		}
		if err := checkVersion(ifVersion, link.Version); err != nil {
			return err
		}
		links, err := tx.LinksOfUser(ctx, id)
		if err != nil {
			return err
		}
		links = slices.DeleteFunc(links, func(l UserLink) bool { return l.Connection == call.Connection })
		gone := len(links) == 0 && u.Origin == SourceSCIM
		at := d.clock.Now()
		closing := call
		if gone && closing.Reason == "" {
			closing.Reason = "the user's last provider deprovisioned them"
		}
		ending := UserGrantsEnd{Call: closing, At: at, User: id, All: gone, Connection: call.Connection}
		if err := closeGrantsOf(ctx, tx, t, ending); err != nil {
			return err
		}
		if err := tx.DeleteUserLink(ctx, call.Connection, id); err != nil {
			return err
		}
		return d.endUser(ctx, tx, closing, at, u, link, links, gone)
	})
	call.Effect.ends(err)
	return err
}

// endUser writes what is left of a user after one of its links ended.
func (d *Directory) endUser(
	ctx context.Context, tx Tx, call Call, at time.Time, u User, ended UserLink, links []UserLink, gone bool,
) error {
	was := u.Active
	u.Deprovisioned = len(links) == 0
	u.settle(links)
	u.UpdatedAt = at
	unlinked := call.Event(at, ActionUserUnlinked, ID{}, u.ID,
		Facts{"active": was}, Facts{"active": u.Active && !gone, "links": len(links)})
	if !gone {
		changed, err := u.showWithout(ctx, tx, ended, links)
		if err != nil {
			return err
		}
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		events := []Event{unlinked}
		if len(changed) > 0 {
			events = append(events, call.Event(at, ActionUserUpdated, ID{}, u.ID, nil, Facts{"changed": changed}))
		}
		return call.append(ctx, tx, events...)
	}
	if err := tx.DeleteUser(ctx, u.ID, at); err != nil {
		return err
	}
	return call.append(ctx, tx, unlinked, call.Event(at, ActionUserDeleted, ID{}, u.ID, Facts{"active": was}, nil))
}

// closeGrantsOf closes the open grants of a user, or those of one connection. The
// user is locked, so no grant can be added meanwhile.
func closeGrantsOf(ctx context.Context, tx Tx, t *tally, e UserGrantsEnd) error {
	byConnection, local, err := tx.EndGrantsOf(ctx, e)
	t.byConnection.closed += byConnection
	t.local.closed += local
	return err
}
