package membership

import (
	"context"
	"slices"
)

// An invited person is a pending user already: a member of the organization, perhaps of
// groups, without a sign-up yet. The first user with that userName or address, by a
// provider or natively, accepts the invitation and is that user.

// invitedAs returns the pending user who is meant by a userName or, if no user
// has that name, by one of some addresses, locked; the zero User if there is not
// exactly one.
func invitedAs(ctx context.Context, tx interface {
	UserReader
	UserWriter
}, userName string, emails ...string) (User, error) {
	us, err := tx.UsersByName(ctx, []string{Fold(userName)})
	if keys := addresses(UserLink{Emails: emails}); err == nil && len(us) == 0 && len(keys) > 0 {
		us, err = tx.UsersByEmail(ctx, keys)
	} else if len(us) > 1 { // also if only one of them is pending
		us = nil
	}
	if err != nil {
		return User{}, err
	}
	return lockInvited(ctx, tx, us)
}

// lockInvited locks the one among users who is pending; the zero User if there
// is not exactly one, or no more.
func lockInvited(ctx context.Context, tx UserWriter, users []User) (User, error) {
	users = slices.DeleteFunc(users, func(u User) bool { return !u.Pending })
	if len(users) != 1 {
		return User{}, nil
	}
	u, err := tx.LockUser(ctx, users[0].ID)
	if KindOf(err) == KindNotFound || err == nil && !u.Pending { // taken since we looked
		return User{}, nil
	}
	return u, err
}

// acceptInvitation makes an invited user the one who came natively.
func (d *Directory) acceptInvitation(ctx context.Context, tx Tx, call Call, invited, came User) (User, error) {
	u := came
	u.ID, u.Origin, u.CreatedAt = invited.ID, invited.Origin, invited.CreatedAt
	u.UpdatedAt = later(d.clock.Now(), invited.UpdatedAt)
	u.Suspended = came.Suspended || invited.Suspended // rule 26
	u.settle(nil)
	if err := tx.UpdateUser(ctx, u); err != nil {
		return User{}, err
	}
	return u, tx.AppendEvents(ctx, invitationAccepted(call, u))
}

func invitationAccepted(call Call, u User) Event {
	return call.Event(u.UpdatedAt, ActionUserClaimed, ID{}, u.ID, Facts{"pending": true},
		Facts{"pending": false, "active": u.Active})
}

// acceptOrCreate is rule 20, for a userName that is free: a user who was
// invited by address is that user, if the connection may link users who are
// there (rule 22); else it is a new one.
func (d *Directory) acceptOrCreate(ctx context.Context, tx Tx, call Call, h NameHolders, l *UserLink) error {
	if h.Connection.LinkExistingUsers {
		u, err := lockInvited(ctx, tx, h.ByEmail)
		if err != nil {
			return err
		}
		if !u.ID.IsZero() {
			return d.linkExisting(ctx, tx, call, h.Connection, u.ID, l)
		}
	}
	return d.createProvisioned(ctx, tx, call, l)
}
