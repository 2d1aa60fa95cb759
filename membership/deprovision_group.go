package membership

import "context"

// DeprovisionGroup ends the calling connection's link to a group and its grants
// there (rule 32).
func (d *Directory) DeprovisionGroup(ctx context.Context, call Call, id ID, ifVersion int64) error {
	call.Effect.about(id, ID{})
	if err := d.allow(ctx, call, OpWriteGroups, id, ID{}); err != nil {
		return err
	}
	err := d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		call.Effect.restart()
		g, err := tx.LockGroup(ctx, id)
		if err != nil {
			return err
		}
		l, err := tx.GroupLink(ctx, call.Connection, id)
		if err != nil {
			return err
		}
		if err := checkVersion(ifVersion, l.Version); err != nil {
			return err
		}
		if _, err := d.changeMembers(ctx, tx, t, call, id, MemberDelta{replace: true}, false); err != nil {
			return err
		}
		return d.endGroupLink(ctx, tx, call, g, call.Connection, nil)
	})
	call.Effect.ends(err)
	return d.held(ctx, call, id, err)
}
