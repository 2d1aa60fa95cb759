package membership

import (
	"context"
	"time"
)

// RemovalCounts is what the removal of a connection, or of one of its links,
// does.
type RemovalCounts struct {
	Users  int // that the connection provisions
	Groups int
	Grants int // that it has open

	MembershipsEnded       int // nothing else grants them
	LocalGrantsOpened      int
	UsersLeftWithoutGroups int
	UsersDeactivated       int // every other provider of theirs says inactive
	UsersWithoutProvider   int // they stay, as active as they are
	GroupsDeleted          int // no link and no grant is left (rule 32)
}

// ScopeEnd is the end of everything that a connection provisions.
type ScopeEnd struct {
	Call       Call
	At         time.Time // not before anything in Tx.LockConnectionScope's answer
	Connection ID
	Convert    bool // open a local grant for each grant that closes, unless there is one
	Batch      ID   // that every event names
}

// PreviewRemoval counts what RemoveConnection would do now.
func (d *Directory) PreviewRemoval(ctx context.Context, call Call, id ID, how Removal) (n RemovalCounts, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return n, err
	}
	if err := how.Check(); err != nil {
		return n, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		c, err := r.Connection(ctx, id)
		if err != nil {
			return err
		}
		if c.State() == ConnectionRemoved {
			return connectionGone()
		}
		n, err = r.RemovalCounts(ctx, id, how)
		return err
	})
	return n, err
}

// RemoveConnection ends a connection whose credentials are dead: what it granted
// is closed, made local, or frozen. Called again it finishes what was not done;
// a frozen connection can be released or converted later. batch is a fact of
// every event. auth.Connections ends the credentials first.
func (d *Directory) RemoveConnection(ctx context.Context, call Call, id ID, how Removal, batch ID) error {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return err
	}
	if err := how.Check(); err != nil {
		return err
	}
	return d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		c, err := tx.LockConnection(ctx, id)
		if err != nil {
			return err
		}
		state := c.State()
		switch state {
		case ConnectionRemoved:
			return connectionGone()
		case ConnectionActive, ConnectionPaused:
			return Invalidf("the credentials of a connection end before it does")
		}
		if c.Removal == how { // frozen already
			return nil
		}
		n, at, err := d.endConnection(ctx, tx, t, call, id, how, batch)
		if err != nil {
			return err
		}
		c.Removal = how
		if err := tx.UpdateConnection(ctx, c); err != nil {
			return err
		}
		action := ActionConnectionRemoved
		if how == RemovalFreeze {
			action = ActionConnectionFrozen
		}
		after := n.facts()
		after["connection_id"], after["members"], after["batch"] = id, how, batch
		return tx.AppendEvents(ctx, call.Event(at, action, ID{}, ID{}, Facts{"connection_id": id, "state": state}, after))
	})
}

func (d *Directory) endConnection(
	ctx context.Context, tx Tx, t *tally, call Call, id ID, how Removal, batch ID,
) (n RemovalCounts, at time.Time, err error) {
	latest, err := tx.LockConnectionScope(ctx, id)
	if err != nil {
		return n, at, err
	}
	if n, err = tx.RemovalCounts(ctx, id, how); err != nil {
		return n, at, err
	}
	at = later(d.clock.Now(), latest)
	if how == RemovalFreeze {
		return n, at, tx.FreezeLinks(ctx, id)
	}
	if call.Reason == "" {
		call.Reason = "the connection was removed"
	}
	if err := d.showWithoutConnection(ctx, tx, call, at, id, batch); err != nil {
		return n, at, err
	}
	r, err := tx.EndConnectionScope(ctx,
		ScopeEnd{Call: call, At: at, Connection: id, Convert: how == RemovalConvert, Batch: batch})
	t.byConnection.closed += r.Closed
	t.local.opened += r.Opened
	return n, at.Add(time.Microsecond), err
}

// Check is nil for one of the three ways.
func (r Removal) Check() error {
	switch r {
	case RemovalRelease, RemovalConvert, RemovalFreeze:
		return nil
	}
	return Invalidf("members must say what becomes of the members that the connection granted: " +
		"release (their grants end), convert (the grants become local) or freeze (they stay, and nobody changes them)")
}

func (n RemovalCounts) facts() Facts {
	return Facts{
		"users": n.Users, "groups": n.Groups, "grants": n.Grants, "memberships_ended": n.MembershipsEnded,
		"local_grants_opened": n.LocalGrantsOpened, "users_left_without_groups": n.UsersLeftWithoutGroups,
		"users_deactivated": n.UsersDeactivated, "users_without_provider": n.UsersWithoutProvider,
		"groups_deleted": n.GroupsDeleted,
	}
}
