package membership

import "context"

// refuseMalformed is rule 6 for values that are no ids at all; the unknown ids
// beside them are named with them.
func refuseMalformed(ctx context.Context, tx MemberReader, call Call, m MemberDelta) error {
	if m.malformed.Len() == 0 {
		return nil
	}
	unknown, err := tx.UnknownMembers(ctx, call.Connection, m.named())
	if err != nil {
		return err
	}
	var all Named
	all.AddAll(m.malformed)
	all.addIDs(unknown)
	return all.unknownMembers()
}

// UnknownMembers is the error of rule 6: nothing was applied, and the first of
// the unknown ids are named.
func UnknownMembers(ids []ID) error {
	var n Named
	n.addIDs(ids)
	return n.unknownMembers()
}

func (n *Named) addIDs(ids []ID) {
	for i, id := range ids {
		if len(n.first) == maxNamed {
			n.count += len(ids) - i
			return
		}
		n.Add(id.String())
	}
}

func (n *Named) unknownMembers() error {
	e := errorf(KindUnknownMembers, "no such user for this connection: %s", n)
	e.Details = firstOf("unknown", n.first, n.count)
	return e
}
