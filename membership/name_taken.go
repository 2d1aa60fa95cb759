package membership

import "context"

func userNameTaken() error {
	return errorf(KindUniqueness, "userName is taken")
}

// userNameFree is the tenant's rule, userNameFreeInView the connection's own
// (rules 20, 21). Both hold even when a native rename let the two differ.
func userNameFree(ctx context.Context, tx UserReader, u User) error {
	return taken(u.ID, func() (ID, error) {
		o, err := tx.UserByName(ctx, Fold(u.UserName))
		return o.ID, err
	})
}

func userNameFreeInView(ctx context.Context, tx UserLinkReader, l UserLink) error {
	return taken(l.User, func() (ID, error) {
		o, err := tx.UserLinkByName(ctx, l.Connection, Fold(l.UserName))
		return o.User, err
	})
}

func taken(self ID, find func() (ID, error)) error {
	switch other, err := find(); {
	case KindOf(err) == KindNotFound:
		return nil
	case err != nil:
		return err
	case other == self:
		return nil
	}
	return userNameTaken()
}

func groupNameFree(ctx context.Context, r GroupLinkReader, l GroupLink) error {
	switch o, err := r.GroupLinkByName(ctx, l.Connection, Fold(l.DisplayName)); {
	case KindOf(err) == KindNotFound:
		return nil
	case err != nil:
		return err
	case o.Group == l.Group:
		return nil
	}
	return errorf(KindUniqueness, "displayName is taken")
}
