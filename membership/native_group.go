package membership

import "context"

// CreateGroup makes a group of origin local; an empty kind means custom.
func (d *Directory) CreateGroup(ctx context.Context, call Call, displayName string, kind GroupKind) (Group, error) {
	if err := d.allow(ctx, call, OpWriteGroups, ID{}, ID{}); err != nil {
		return Group{}, err
	}
	if kind == "" {
		kind = GroupCustom
	}
	now := d.clock.Now()
	g := Group{
		Tenant: call.Tenant, ID: NewID(), DisplayName: displayName, Kind: kind,
		Origin: SourceLocal, CreatedAt: now, UpdatedAt: now,
	}
	if err := g.check(); err != nil {
		return Group{}, err
	}
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if err := tx.InsertGroup(ctx, g); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionGroupCreated, g.ID, ID{}, nil,
			Facts{"origin": SourceLocal, "kind": g.Kind, "display_name": g.DisplayName}))
	})
	return g, err
}

// Group returns one group of the tenant.
func (d *Directory) Group(ctx context.Context, call Call, id ID) (g Group, err error) {
	if err := d.allow(ctx, call, OpReadGroups, id, ID{}); err != nil {
		return Group{}, err
	}
	err = d.store.View(ctx, call.Tenant, func(r Reader) error {
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
	err = d.store.View(ctx, call.Tenant, func(r Reader) error {
		gs, err = r.Groups(ctx, q)
		return err
	})
	return gs, err
}

// GroupChange has the fields to set; nil leaves a field alone.
type GroupChange struct {
	DisplayName *string
	Kind        *GroupKind // changing it closes nothing (rule 33)
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
		if c.DisplayName != nil {
			g.DisplayName = *c.DisplayName
		}
		if c.Kind != nil {
			g.Kind = *c.Kind
		}
		out = g
		if g == was {
			return nil
		}
		if err := g.check(); err != nil {
			return err
		}
		g.UpdatedAt = later(d.clock.Now(), was.UpdatedAt)
		out = g
		if err := tx.UpdateGroup(ctx, g); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(g.UpdatedAt, ActionGroupUpdated, id, ID{},
			Facts{"display_name": was.DisplayName, "kind": was.Kind}, Facts{"display_name": g.DisplayName, "kind": g.Kind}))
	})
	return out, err
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
		return tx.AppendEvents(ctx, call.Event(at, ActionGroupDeleted, id, ID{}, Facts{"display_name": g.DisplayName}, nil))
	})
	return d.refused(ctx, call, OpWriteGroups, id, ID{}, err)
}

func (g *Group) check() error {
	if err := checkText("display_name", g.DisplayName, true); err != nil {
		return err
	}
	return checkGroupKind(g.Kind)
}
