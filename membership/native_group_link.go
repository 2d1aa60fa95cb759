package membership

import (
	"context"
	"maps"
	"time"
)

// LinkCounts is what a connection has to do with the members of a group.
type LinkCounts struct {
	Members          int // now, by any source
	Local            int // of them, with a local grant
	OtherConnections int // of them, put there by another connection
	Seen             int // of them, provisioned by the connection
	Users            int // provisioned by the connection

	Own         int // members put there by the connection
	OwnAlone    int // of them, with no other grant
	OwnNotLocal int // of them, without a local grant that lives as long as one opened now can
}

// LinkPreview is what a link changes for the members of a group: nothing by
// itself. Everybody who is a member stays one, whatever the connection does.
type LinkPreview struct {
	Members          int
	Local            int // members with a local grant
	OtherConnections int // members put there by another connection
	Unseen           int // members that the connection does not provision
	CouldGain        int // users that it provisions and can add: no members now
}

// PreviewGroupLink counts what LinkGroup would make visible, and refuses as it
// would.
func (d *Directory) PreviewGroupLink(
	ctx context.Context, call Call, group, connection ID, externalID string,
) (p LinkPreview, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return p, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if err := liveConnection(ctx, r, connection); err != nil {
			return err
		}
		g, err := r.Group(ctx, group)
		if err != nil {
			return err
		}
		l := GroupLink{Connection: connection, Group: group, ExternalID: externalID, DisplayName: g.DisplayName}
		if err := l.linkable(ctx, r); err != nil {
			return err
		}
		n, err := r.LinkCounts(ctx, connection, group, time.Time{})
		p = LinkPreview{
			Members: n.Members, Local: n.Local, OtherConnections: n.OtherConnections,
			Unseen: n.Members - n.Seen, CouldGain: n.Users - n.Seen,
		}
		return err
	})
	return p, err
}

// LinkGroup makes a group visible to a connection under its name, without
// members: the connection sees those that it adds itself (rule 31). Errors:
// KindUniqueness when it sees the group already, or another one of that name.
func (d *Directory) LinkGroup(
	ctx context.Context, call Call, group, connection ID, externalID string,
) (l GroupLink, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return GroupLink{}, err
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if _, err := tx.LockConnectionShared(ctx, connection); err != nil {
			return err
		}
		g, err := tx.LockGroup(ctx, group)
		if err != nil {
			return err
		}
		now := d.clock.Now()
		l = GroupLink{
			Tenant: call.Tenant, Connection: connection, Group: group, ExternalID: externalID,
			DisplayName: g.DisplayName,
			Version:     1, CreatedAt: now, LastModified: now,
		}
		if err := l.linkable(ctx, tx); err != nil {
			return err
		}
		n, err := tx.LinkCounts(ctx, connection, group, time.Time{})
		if err != nil {
			return err
		}
		if err := tx.InsertGroupLink(ctx, l); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionGroupLinked, group, ID{}, nil, Facts{
			"connection_id": connection, "display_name": l.DisplayName, "external_id": externalID,
			"members": n.Members, "local": n.Local,
		}))
	})
	return l, err
}

// linkable is nil for a valid link whose group and name are not in the
// connection's view.
func (l *GroupLink) linkable(ctx context.Context, r Reader) error {
	if err := l.check(); err != nil {
		return err
	}
	switch _, err := r.GroupLink(ctx, l.Connection, l.Group); {
	case err == nil:
		return errorf(KindUniqueness, "the connection sees this group already")
	case KindOf(err) != KindNotFound:
		return err
	}
	return groupNameFree(ctx, r, *l)
}

// UnlinkPreview is what the end of a link does.
type UnlinkPreview struct {
	Grants            int  // that the connection has open in the group
	MembershipsEnded  int  // nothing else grants them
	LocalGrantsOpened int  // also in the place of those that end sooner
	LocalGrantsEnding int  // of them, since the group lets none live for ever
	GroupDeleted      bool // no link and no grant is left (rule 32)
}

// PreviewGroupUnlink counts what UnlinkGroup would do now.
func (d *Directory) PreviewGroupUnlink(
	ctx context.Context, call Call, group, connection ID, how Removal,
) (p UnlinkPreview, err error) {
	if err := d.allowUnlink(ctx, call, how); err != nil {
		return p, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if err := liveConnection(ctx, r, connection); err != nil {
			return err
		}
		g, err := r.Group(ctx, group)
		if err != nil {
			return err
		}
		if err := linked(ctx, r, connection, group); err != nil {
			return err
		}
		links, err := r.LinksOfGroup(ctx, group)
		if err != nil {
			return err
		}
		n, err := r.LinkCounts(ctx, connection, group, g.longestEnd(d.clock.Now()))
		p.Grants = n.Own
		if how == RemovalConvert {
			if p.LocalGrantsOpened = n.OwnNotLocal; g.MaxGrantSeconds > 0 {
				p.LocalGrantsEnding = n.OwnNotLocal
			}
		} else {
			p.MembershipsEnded = n.OwnAlone
		}
		p.GroupDeleted = g.Origin == SourceSCIM && len(links) == 1 && n.Members == p.MembershipsEnded
		return err
	})
	return p, err
}

// UnlinkGroup ends a connection's link to a group, and what it granted there:
// its grants are closed, or made local without an interruption. What is left of
// the group is as when the provider had deleted it (rule 32), which may well
// make it anew.
func (d *Directory) UnlinkGroup(ctx context.Context, call Call, group, connection ID, how Removal) error {
	if err := d.allowUnlink(ctx, call, how); err != nil {
		return err
	}
	return d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		if _, err := tx.LockConnectionShared(ctx, connection); err != nil {
			return err
		}
		g, err := tx.LockGroup(ctx, group)
		if err != nil {
			return err
		}
		if err := linked(ctx, tx, connection, group); err != nil {
			return err
		}
		_, own, err := tx.MemberDifference(ctx, group, connection, nil)
		if err != nil {
			return err
		}
		at := d.clock.Now()
		closing := call
		if closing.Reason == "" {
			closing.Reason = "the link of the connection was ended"
		}
		if how == RemovalConvert {
			c := MemberChange{Call: closing, At: at, Group: group}
			if err := d.convertGrants(ctx, tx, t, c, g, own); err != nil {
				return err
			}
		}
		if _, err := t.change(ctx, tx, MemberChange{
			Call: closing, At: at, Group: group, Connection: connection, Close: own,
		}); err != nil {
			return err
		}
		return d.endGroupLink(ctx, tx, call, g, connection, Facts{"connection_id": connection, "members": how})
	})
}

func (d *Directory) allowUnlink(ctx context.Context, call Call, how Removal) error {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return err
	}
	if how != RemovalRelease && how != RemovalConvert {
		return Invalidf("members must say what becomes of the members that the connection granted: " +
			"release (their grants end) or convert (the grants become local)")
	}
	return nil
}

// endGroupLink ends a link under which no grant is open any more, in a group
// that is locked; what has no links and no grants left, and came from a
// provider, goes (rule 32). more are facts of the event.
func (d *Directory) endGroupLink(ctx context.Context, tx Tx, call Call, g Group, connection ID, more Facts) error {
	if err := tx.DeleteGroupLink(ctx, connection, g.ID); err != nil {
		return err
	}
	links, err := tx.LinksOfGroup(ctx, g.ID)
	if err != nil {
		return err
	}
	left, err := tx.OpenGrantsIn(ctx, g.ID)
	if err != nil {
		return err
	}
	at := d.clock.Now()
	after := Facts{"links": len(links), "open_grants": left}
	maps.Copy(after, more)
	events := []Event{call.Event(at, ActionGroupUnlinked, g.ID, ID{}, Facts{"display_name": g.DisplayName}, after)}
	if len(links) == 0 && left == 0 && g.Origin == SourceSCIM {
		if err := tx.DeleteGroup(ctx, g.ID, at); err != nil {
			return err
		}
		var deleted Facts
		if batch, ok := more["batch"]; ok {
			deleted = Facts{"batch": batch}
		}
		events = append(events,
			call.Event(at, ActionGroupDeleted, g.ID, ID{}, Facts{"display_name": g.DisplayName}, deleted))
	}
	return call.append(ctx, tx, events...)
}

// linked is nil when the connection sees the group.
func linked(ctx context.Context, r GroupLinkReader, connection, group ID) error {
	_, err := r.GroupLink(ctx, connection, group)
	if KindOf(err) == KindNotFound {
		return NotFound("link")
	}
	return err
}

// liveConnection is nil for a connection that is not removed. What the other
// side of a preview, LockConnectionShared, does not find is not found here either.
func liveConnection(ctx context.Context, r ConnectionReader, id ID) error {
	c, err := r.Connection(ctx, id)
	if err == nil && !c.RemovedAt.IsZero() {
		return NotFound("connection")
	}
	return err
}
