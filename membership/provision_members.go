package membership

import "context"

// changeProvisionedMembers is the hot path: one delta, one round trip. Only what the
// guard holds has a transaction, which looks for an allowance.
func (d *Directory) changeProvisionedMembers(ctx context.Context, call Call, id ID, up GroupUpdate) (GroupLink, error) {
	in, out, check := up.Members.lists()
	c := d.guard.guarded(MemberChange{
		Call: call, At: d.clock.Now(), Group: id, Connection: call.Connection,
		Open: in, Close: out, Check: check, IfVersion: up.IfVersion,
	})
	r, err := d.store.WriteMembers(ctx, c)
	switch {
	case err != nil:
		return GroupLink{}, err
	case r.Held != nil:
		if err := d.update(ctx, call.Tenant, func(tx Tx, t *tally) (err error) {
			call.Effect.restart()
			r, err = d.changeGuarded(ctx, tx, t, c)
			return err
		}); err != nil {
			call.Effect.ends(err)
			return GroupLink{}, err
		}
	default:
		call.Effect.members(&c, &r)
		d.clock.saw(r.LastModified)
		d.observe(SourceSCIM, r.Opened, r.Closed)
	}
	return GroupLink{
		Tenant: call.Tenant, Connection: call.Connection, Group: id,
		Version: r.Version, LastModified: r.LastModified,
	}, nil
}

// changeMembers applies a delta inside a transaction that has locked the group.
// A replace becomes a delta here, by a difference that the store computes over
// the connection's own grants (rule 5). each: the policy is asked about every
// user, after what the request changes of the group itself.
func (d *Directory) changeMembers(
	ctx context.Context, tx Tx, t *tally, call Call, group ID, delta MemberDelta, each bool,
) (MemberResult, error) {
	in, out, check := delta.lists()
	if delta.replace {
		// Those who stay are known: their grants end with their link.
		var err error
		if in, out, err = delta.difference(ctx, tx, group, call.Connection, in); err != nil {
			return MemberResult{}, err
		}
		if len(in)+len(out) == 0 {
			call.Effect.same()
		}
	}
	if each {
		g, err := tx.Group(ctx, group)
		if err != nil {
			return MemberResult{}, err
		}
		if err := d.allowEach(ctx, tx, call, g, in, out); err != nil {
			return MemberResult{}, err
		}
	}
	return d.changeGuarded(ctx, tx, t, MemberChange{
		Call: call, At: d.clock.Now(), Group: group, Connection: call.Connection,
		Open: in, Close: out, Check: check,
	})
}
