package membership

import (
	"context"
	"slices"
)

// Somebody who was invited is a user already, pending: with a place in the
// organization, perhaps in groups, and without anybody behind it. Whoever comes
// with that userName or address, by a provider or natively, is that user.

// invitedAs returns the pending user who is meant by a userName or, if nobody
// has that name, by one of some addresses, locked; the zero User if there is not
// exactly one.
func invitedAs(ctx context.Context, tx Tx, userName string, emails ...string) (User, error) {
	u, err := tx.UserByName(ctx, Fold(userName))
	switch {
	case err == nil && !u.Pending:
		return User{}, nil
	case KindOf(err) == KindNotFound:
		if u, err = invitedByEmail(ctx, tx, emails); err != nil || u.ID.IsZero() {
			return User{}, err
		}
	case err != nil:
		return User{}, err
	}
	u, err = tx.LockUser(ctx, u.ID)
	if KindOf(err) == KindNotFound || err == nil && !u.Pending { // taken since we looked
		return User{}, nil
	}
	return u, err
}

func invitedByEmail(ctx context.Context, r Reader, emails []string) (User, error) {
	var keys []string
	for _, e := range emails {
		if e != "" {
			keys = append(keys, Fold(e))
		}
	}
	if len(keys) == 0 {
		return User{}, nil
	}
	us, err := r.UsersByEmail(ctx, once(keys))
	us = slices.DeleteFunc(us, func(u User) bool { return !u.Pending })
	if err != nil || len(us) != 1 {
		return User{}, err
	}
	return us[0], nil
}

// claim makes an invited user the one who came natively.
func (d *Directory) claim(ctx context.Context, tx Tx, call Call, invited, came User) (User, error) {
	u := came
	u.ID, u.Origin, u.CreatedAt = invited.ID, invited.Origin, invited.CreatedAt
	u.UpdatedAt = later(d.clock.Now(), invited.UpdatedAt)
	u.Suspended = came.Suspended || invited.Suspended // rule 26
	u.settle(nil)
	if err := tx.UpdateUser(ctx, u); err != nil {
		return User{}, err
	}
	return u, tx.AppendEvents(ctx, claimed(call, u))
}

func claimed(call Call, u User) Event {
	return call.Event(u.UpdatedAt, ActionUserClaimed, ID{}, u.ID, Facts{"pending": true}, Facts{"pending": false, "active": u.Active})
}

// claimOrCreate is rule 20, for a userName that nobody has: somebody who was
// invited by address is that user, if the connection may link users who are
// there (rule 22); else it is a new one.
func (d *Directory) claimOrCreate(ctx context.Context, tx Tx, call Call, conn Connection, l *UserLink) error {
	if conn.LinkExistingUsers {
		u, err := invitedAs(ctx, tx, l.UserName, append(slices.Clone(l.Emails), l.Email)...)
		if err != nil {
			return err
		}
		if !u.ID.IsZero() {
			return d.linkExisting(ctx, tx, call, conn, u.ID, l)
		}
	}
	return d.createProvisioned(ctx, tx, call, l)
}
