package membership

import "context"

// LinksOfGroup lists the links of a group, in the order of their connections;
// frozen ones as well.
func (d *Directory) LinksOfGroup(ctx context.Context, call Call, id ID) (ls []GroupLink, err error) {
	if err := d.allow(ctx, call, OpReadGroups, id, ID{}); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if _, err := r.Group(ctx, id); err != nil {
			return err
		}
		ls, err = r.LinksOfGroup(ctx, id)
		return err
	})
	return ls, err
}

// LinksOfUser is to users what LinksOfGroup is to groups.
func (d *Directory) LinksOfUser(ctx context.Context, call Call, id ID) (ls []UserLink, err error) {
	if err := d.allow(ctx, call, OpReadUsers, ID{}, id); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if _, err := r.User(ctx, id); err != nil {
			return err
		}
		ls, err = r.LinksOfUser(ctx, id)
		return err
	})
	return ls, err
}
