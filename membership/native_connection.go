package membership

import (
	"context"
	"time"
)

// CreateConnection makes a connection of the tenant.
func (d *Directory) CreateConnection(ctx context.Context, call Call, s ConnectionSpec) (c Connection, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return Connection{}, err
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		c, err = newConnection(ctx, tx, d.clock.Now, call, s)
		return err
	})
	return c, err
}

// Connection returns one connection of the tenant.
func (d *Directory) Connection(ctx context.Context, call Call, id ID) (c Connection, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return Connection{}, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		c, err = r.Connection(ctx, id)
		return err
	})
	return c, err
}

// Connections lists at most limit of the tenant's connections in the order of
// their ids, those with greater ids than after. Those that are removed, with no
// grants left, are listed only when asked for.
func (d *Directory) Connections(
	ctx context.Context, call Call, after ID, limit int, removed bool,
) (cs []Connection, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		cs, err = r.Connections(ctx, after, limit, removed)
		return err
	})
	return cs, err
}

// ConnectionChange has the settings to change; nil leaves one alone.
type ConnectionChange struct {
	Name              *string
	IDP               *string
	LinkExistingUsers *bool
	GroupKind         *GroupKind // of the groups that it makes from now on
	Paused            *bool
}

// ChangeConnection alters a connection that is not removed. Verified
// credentials remember whether it is paused: auth.Connections sees to that.
func (d *Directory) ChangeConnection(
	ctx context.Context, call Call, id ID, s ConnectionChange,
) (out Connection, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return Connection{}, err
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		c, err := tx.LockConnection(ctx, id)
		if err != nil {
			return err
		}
		if !c.RemovedAt.IsZero() {
			return connectionGone()
		}
		events := c.change(call, d.clock.Now(), s)
		out = c
		if len(events) == 0 {
			return nil
		}
		if err := c.check(); err != nil {
			return err
		}
		if err := tx.UpdateConnection(ctx, c); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, events...)
	})
	return out, err
}

// change applies what differs, and returns the events of it.
func (c *Connection) change(call Call, now time.Time, s ConnectionChange) (events []Event) {
	before, after := Facts{}, Facts{}
	setFact(before, after, "name", &c.Name, s.Name)
	setFact(before, after, "idp", &c.IDP, s.IDP)
	setFact(before, after, "link_existing_users", &c.LinkExistingUsers, s.LinkExistingUsers)
	setFact(before, after, "group_kind", &c.GroupKind, s.GroupKind)
	if len(after) > 0 {
		before["connection_id"], after["connection_id"] = c.ID, c.ID
		events = append(events, call.Event(now, ActionConnectionUpdated, ID{}, ID{}, before, after))
	}
	paused := !c.PausedAt.IsZero()
	if s.Paused == nil || *s.Paused == paused {
		return events
	}
	action := ActionConnectionPaused
	c.PausedAt = now
	if paused {
		action, c.PausedAt = ActionConnectionResumed, time.Time{}
	}
	return append(events, call.Event(now, action, ID{}, ID{},
		Facts{"connection_id": c.ID, "paused": paused}, Facts{"connection_id": c.ID, "paused": !paused}))
}

// setFact sets a field that is to be something else, and notes both.
func setFact[T comparable](before, after Facts, name string, field, to *T) {
	if to == nil || *to == *field {
		return
	}
	before[name], after[name] = *field, *to
	*field = *to
}

func connectionGone() error {
	return &Error{Kind: KindNotFound, Message: "the connection was removed"}
}
