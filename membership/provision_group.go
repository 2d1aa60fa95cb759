package membership

import (
	"context"
	"slices"
	"time"
)

// ProvisionGroup makes a group of origin scim in the calling connection's view,
// with its first members (rule 30). view's identity, version and times are set
// here.
func (d *Directory) ProvisionGroup(
	ctx context.Context, call Call, view GroupLink, members MemberDelta,
) (GroupLink, error) {
	call.Effect.names(&members)
	if err := d.allow(ctx, call, OpWriteGroups, ID{}, ID{}); err != nil {
		return GroupLink{}, err
	}
	each, err := d.allowDelta(ctx, call, ID{}, members)
	if err != nil {
		return GroupLink{}, err
	}
	if err := view.check(); err != nil {
		return GroupLink{}, err
	}
	var out GroupLink
	err = d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		call.Effect.restart()
		conn, err := tx.LockConnectionShared(ctx, call.Connection)
		if err != nil {
			return err
		}
		now := d.clock.Now()
		l := view
		l.Tenant, l.Connection, l.Group, l.Version = call.Tenant, call.Connection, NewID(), 1
		l.CreatedAt, l.LastModified = now, now
		if err := groupNameFree(ctx, tx, l); err != nil {
			return err
		}
		if err := refuseMalformed(ctx, tx, call, members); err != nil {
			return err
		}
		g := Group{
			Tenant: call.Tenant, ID: l.Group, DisplayName: l.DisplayName,
			Kind: conn.GroupKind, Origin: SourceSCIM, CreatedAt: now, UpdatedAt: now,
		}
		if err := tx.InsertGroup(ctx, g); err != nil {
			return err
		}
		in, _, check := members.lists()
		born := l
		if len(in) > 0 { // its first members make version 1 of it, at the same time
			born.Version, born.LastModified = 0, now.Add(-time.Microsecond)
		}
		if err := tx.InsertGroupLink(ctx, born); err != nil {
			return err
		}
		call.Effect.about(l.Group, ID{})
		if err := call.append(ctx, tx, call.Event(now, ActionGroupCreated, l.Group, ID{}, nil,
			Facts{"origin": SourceSCIM, "kind": conn.GroupKind, "display_name": l.DisplayName,
				"external_id": l.ExternalID})); err != nil {
			return err
		}
		if len(in)+len(check) > 0 {
			if each {
				if err := d.allowEach(ctx, tx, call, g, in, nil); err != nil {
					return err
				}
			}
			r, err := t.change(ctx, tx, MemberChange{
				Call: call, At: now, Group: l.Group, Connection: call.Connection, Open: in, Check: check,
			})
			if err != nil {
				return err
			}
			l.Version, l.LastModified = r.Version, r.LastModified
		}
		out = l
		return nil
	})
	call.Effect.ends(err)
	return out, d.refusedMember(ctx, call, ID{}, err)
}

// GroupUpdate is one change of a provisioned group.
type GroupUpdate struct {
	// Change alters the view; nil leaves it alone. It may run more than once.
	Change func(*GroupLink) error
	// Members is the net effect on the calling connection's members.
	Members MemberDelta
	// IfVersion, when not zero, is the version that the view must have.
	IfVersion int64
}

// UpdateProvisionedGroup changes a group of the calling connection's view and
// its members there, all or nothing (rules 1 to 6). A delta on members alone
// costs what it changes. The answer has the new version; its attributes are set
// only when up has a Change.
func (d *Directory) UpdateProvisionedGroup(ctx context.Context, call Call, id ID, up GroupUpdate) (GroupLink, error) {
	call.Effect.about(id, ID{})
	call.Effect.names(&up.Members)
	if up.Change != nil || up.Members.IsZero() {
		if err := d.allow(ctx, call, OpWriteGroups, id, ID{}); err != nil {
			return GroupLink{}, err
		}
	}
	each, err := d.allowDelta(ctx, call, id, up.Members)
	if err != nil {
		return GroupLink{}, err
	}
	if !each && up.Change == nil && up.Members.isPlain() {
		l, err := d.changeProvisionedMembers(ctx, call, id, up)
		d.tellUnseen(ctx, call, &up.Members, err)
		return l, d.held(ctx, call, id, err)
	}
	var out GroupLink
	err = d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		call.Effect.restart()
		g, err := tx.LockGroup(ctx, id)
		if err != nil {
			return err
		}
		l, err := tx.GroupLink(ctx, call.Connection, id)
		if err != nil {
			return err
		}
		if err := checkVersion(up.IfVersion, l.Version); err != nil {
			return err
		}
		if err := refuseMalformed(ctx, tx, call, up.Members); err != nil {
			return err
		}
		if up.Change != nil {
			if l, err = d.changeGroupView(ctx, tx, call, g, l, up.Change); err != nil {
				return err
			}
		}
		if !up.Members.IsZero() {
			r, err := d.changeMembers(ctx, tx, t, call, id, up.Members, each)
			if err != nil {
				return err
			}
			l.Version, l.LastModified = r.Version, r.LastModified
		}
		out = l
		return nil
	})
	call.Effect.ends(err)
	d.tellUnseen(ctx, call, &up.Members, err)
	return out, d.held(ctx, call, id, d.refusedMember(ctx, call, id, err))
}

func (d *Directory) changeGroupView(
	ctx context.Context, tx Tx, call Call, g Group, before GroupLink, change func(*GroupLink) error,
) (GroupLink, error) {
	l := before
	if err := change(&l); err != nil {
		return l, err
	}
	if err := l.check(); err != nil {
		return l, err
	}
	changed := l.changedFrom(before)
	if len(changed) == 0 {
		call.Effect.same()
		return l, nil
	}
	l.Version++
	l.LastModified = later(d.clock.Now(), before.LastModified)
	if Fold(l.DisplayName) != Fold(before.DisplayName) {
		if err := groupNameFree(ctx, tx, l); err != nil {
			return l, err
		}
	}
	if err := tx.UpdateGroupLink(ctx, l); err != nil {
		return l, err
	}
	was := g.DisplayName
	if l.DisplayName != before.DisplayName && l.DisplayName != g.DisplayName {
		g.DisplayName, g.UpdatedAt = l.DisplayName, l.LastModified
		if err := tx.UpdateGroup(ctx, g); err != nil {
			return l, err
		}
	}
	return l, call.append(ctx, tx, call.Event(l.LastModified, ActionGroupUpdated, g.ID, ID{},
		Facts{"display_name": was, "version": before.Version},
		Facts{"display_name": g.DisplayName, "version": l.Version, "changed": changed}))
}

func (l *GroupLink) check() error {
	if err := checkText("displayName", l.DisplayName, true); err != nil {
		return err
	}
	if err := checkText("externalId", l.ExternalID, false); err != nil {
		return err
	}
	return checkAttributes(&l.Attributes)
}

// changedFrom names the attributes in which two states of a view differ, in
// alphabetical order.
func (l *GroupLink) changedFrom(before GroupLink) []string {
	changed := changedAttributes(before.Attributes, l.Attributes)
	if l.DisplayName != before.DisplayName {
		changed = append(changed, "displayName")
	}
	if l.ExternalID != before.ExternalID {
		changed = append(changed, "externalId")
	}
	slices.Sort(changed)
	return changed
}
