package membership

import (
	"context"
	"slices"
)

// CreateGroup is NewGroup of a group that asks nothing of its grants.
func (d *Directory) CreateGroup(
	ctx context.Context, call Call, displayName string, kind GroupKind, permissions ...string,
) (Group, error) {
	return d.NewGroup(ctx, call, Group{DisplayName: displayName, Kind: kind, Permissions: permissions})
}

// NewGroup makes a group of origin local: what it is called and gives, and what it asks
// of its grants; an empty kind means custom. The caller has to hold the permissions that
// it gives.
func (d *Directory) NewGroup(ctx context.Context, call Call, g Group) (Group, error) {
	if err := d.allow(ctx, call, OpWriteGroups, ID{}, ID{}); err != nil {
		return Group{}, err
	}
	if g.Kind == "" {
		g.Kind = GroupCustom
	}
	now := d.clock.Now()
	g.Tenant, g.ID, g.Origin, g.CreatedAt, g.UpdatedAt = call.Tenant, NewID(), SourceLocal, now, now
	g.Permissions = permissionSet(g.Permissions)
	if err := g.check(); err != nil {
		return Group{}, err
	}
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if err := d.mayGive(ctx, call, Group{}, g.Permissions); err != nil {
			return err
		}
		if err := tx.InsertGroup(ctx, g); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionGroupCreated, g.ID, ID{}, nil,
			g.facts(Facts{"origin": SourceLocal})))
	})
	return g, d.refused(ctx, call, OpWriteGroups, ID{}, ID{}, err)
}

// mayGive asks whether the caller holds what a group is about to give. The
// policy was asked about the group itself before.
func (d *Directory) mayGive(ctx context.Context, call Call, was Group, permissions []string) error {
	more := without(permissions, was.Permissions)
	if len(more) == 0 {
		return nil
	}
	return d.authorize(ctx, Question{
		Call: call, Operation: OpWriteGroups, Group: was.ID, Gives: more, Objects: &Objects{Group: was},
	})
}

// Group returns one group of the tenant.
func (d *Directory) Group(ctx context.Context, call Call, id ID) (g Group, err error) {
	if err := d.allow(ctx, call, OpReadGroups, id, ID{}); err != nil {
		return Group{}, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		g, err = r.Group(ctx, id)
		return err
	})
	return g, err
}

// Groups lists groups of the tenant.
func (d *Directory) Groups(ctx context.Context, call Call, q NativeQuery) (gs []Group, err error) {
	if err := d.allow(ctx, call, OpReadGroups, ID{}, ID{}); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		gs, err = r.Groups(ctx, q)
		return err
	})
	return gs, err
}

// GroupChange has the fields to set; nil leaves a field alone.
type GroupChange struct {
	DisplayName *string
	Kind        *GroupKind // changing it closes nothing (rule 33)
	Permissions *[]string  // all of them; the caller has to hold those that are new
	// What the group asks of its local grants; changing it closes nothing.
	MaxGrantSeconds *int64 // zero: they may live for ever
	GrantsMustEnd   *bool
}

// ChangeGroup alters a group natively. No connection sees anything of it (rule 34).
func (d *Directory) ChangeGroup(ctx context.Context, call Call, id ID, c GroupChange) (Group, error) {
	if err := d.allow(ctx, call, OpWriteGroups, id, ID{}); err != nil {
		return Group{}, err
	}
	var out Group
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		g, err := tx.LockGroup(ctx, id)
		if err != nil {
			return err
		}
		was := g
		g.apply(c)
		out = g
		if g.DisplayName == was.DisplayName && g.Kind == was.Kind && slices.Equal(g.Permissions, was.Permissions) &&
			g.MaxGrantSeconds == was.MaxGrantSeconds && g.GrantsMustEnd == was.GrantsMustEnd {
			return nil
		}
		if err := g.check(); err != nil {
			return err
		}
		if err := d.mayGive(ctx, call, was, g.Permissions); err != nil {
			return err
		}
		g.UpdatedAt = later(d.clock.Now(), was.UpdatedAt)
		out = g
		if err := tx.UpdateGroup(ctx, g); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(g.UpdatedAt, ActionGroupUpdated, id, ID{},
			was.facts(Facts{}), g.facts(Facts{})))
	})
	return out, d.refused(ctx, call, OpWriteGroups, id, ID{}, err)
}

func (g *Group) apply(c GroupChange) {
	if c.DisplayName != nil {
		g.DisplayName = *c.DisplayName
	}
	if c.Kind != nil {
		g.Kind = *c.Kind
	}
	if c.Permissions != nil {
		g.Permissions = permissionSet(*c.Permissions)
	}
	set(&g.MaxGrantSeconds, c.MaxGrantSeconds)
	set(&g.GrantsMustEnd, c.GrantsMustEnd)
}

// facts adds to f what an event says of the group.
func (g *Group) facts(f Facts) Facts {
	f["display_name"], f["kind"] = g.DisplayName, g.Kind
	if len(g.Permissions) > 0 {
		f["permissions"] = g.Permissions
	}
	if g.MaxGrantSeconds > 0 {
		f["max_grant_seconds"] = g.MaxGrantSeconds
	}
	if g.GrantsMustEnd {
		f["grants_must_end"] = true
	}
	return f
}

// DeleteGroup removes a group that no provider has, and closes the grants left
// in it.
func (d *Directory) DeleteGroup(ctx context.Context, call Call, id ID) error {
	if err := d.allow(ctx, call, OpWriteGroups, id, ID{}); err != nil {
		return err
	}
	err := d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		g, err := tx.LockGroup(ctx, id)
		if err != nil {
			return err
		}
		links, err := tx.LinksOfGroup(ctx, id)
		if err != nil {
			return err
		}
		if len(links) > 0 {
			return errorf(KindGroupManaged,
				"an identity provider manages this group: delete it there, or remove the provider's connection here")
		}
		at := d.clock.Now()
		closing := call
		if closing.Reason == "" {
			closing.Reason = "the group was deleted"
		}
		// Without a link only local grants can be open.
		_, out, err := tx.MemberDifference(ctx, id, ID{}, nil)
		if err != nil {
			return err
		}
		if _, err := t.change(ctx, tx, MemberChange{Call: closing, At: at, Group: id, Close: out}); err != nil {
			return err
		}
		if err := tx.DeleteGroup(ctx, id, at); err != nil {
			return err
		}
		return tx.AppendEvents(ctx,
			call.Event(at, ActionGroupDeleted, id, ID{}, Facts{"display_name": g.DisplayName}, nil))
	})
	return d.refused(ctx, call, OpWriteGroups, id, ID{}, err)
}

func (g *Group) check() error {
	if err := checkText("display_name", g.DisplayName, true); err != nil {
		return err
	}
	if err := checkPermissions(g.Permissions); err != nil {
		return err
	}
	if g.MaxGrantSeconds < 0 || g.MaxGrantSeconds > maxGrantSeconds {
		return Invalidf("max_grant_seconds must be a number from 1 to %d, or null", maxGrantSeconds)
	}
	return checkGroupKind(g.Kind)
}
