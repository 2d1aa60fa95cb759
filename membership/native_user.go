package membership

import (
	"context"
	"slices"
)

// NewUser is what the native side gives to make a user.
type NewUser struct {
	UserName string
	Email    string
	Name     string
	Active   *bool // nil: active
}

// CreateUser makes a user of origin local. A pending invitation of the
// userName or the address is accepted: the invited user is that user from now on.
func (d *Directory) CreateUser(ctx context.Context, call Call, n NewUser) (User, error) {
	if err := d.allow(ctx, call, OpWriteUsers, ID{}, ID{}); err != nil {
		return User{}, err
	}
	now := d.clock.Now()
	u := User{
		Tenant: call.Tenant, ID: NewID(), Origin: SourceLocal,
		UserName: n.UserName, Email: n.Email, Name: n.Name,
		Suspended: n.Active != nil && !*n.Active,
		CreatedAt: now, UpdatedAt: now,
	}
	if err := u.check(); err != nil {
		return User{}, err
	}
	u.settle(nil)
	var out User
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		out = u
		switch invited, err := invitedAs(ctx, tx, u.UserName, u.Email); {
		case err != nil:
			return err
		case !invited.ID.IsZero():
			out, err = d.acceptInvitation(ctx, tx, call, invited, u)
			return err
		}
		if err := userNameFree(ctx, tx, u); err != nil {
			return err
		}
		if err := tx.InsertUser(ctx, u); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionUserCreated, ID{}, u.ID, nil,
			Facts{"origin": SourceLocal, "active": u.Active}))
	})
	return out, err
}

// User returns one user of the tenant.
func (d *Directory) User(ctx context.Context, call Call, id ID) (u User, err error) {
	if err := d.allow(ctx, call, OpReadUsers, ID{}, id); err != nil {
		return User{}, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		u, err = r.User(ctx, id)
		return err
	})
	return u, err
}

// Users lists users of the tenant.
func (d *Directory) Users(ctx context.Context, call Call, q NativeQuery) (us []User, err error) {
	if err := d.allow(ctx, call, OpReadUsers, ID{}, ID{}); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		us, err = r.Users(ctx, q)
		return err
	})
	return us, err
}

// UserChange has the fields to set; nil leaves a field alone.
type UserChange struct {
	UserName *string
	Email    *string
	Name     *string
	// Active false suspends (rule 26). True lifts a suspension and takes back a
	// user that rule 25 left inactive; it does not overrule a provider.
	Active *bool
}

// ChangeUser alters a user natively. No connection sees anything of it (rule 34).
func (d *Directory) ChangeUser(ctx context.Context, call Call, id ID, c UserChange) (User, error) {
	if err := d.allow(ctx, call, OpWriteUsers, ID{}, id); err != nil {
		return User{}, err
	}
	var out User
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		u, err := tx.LockUser(ctx, id)
		if err != nil {
			return err
		}
		was := u
		links, err := tx.LinksOfUser(ctx, id)
		if err != nil {
			return err
		}
		if err := u.apply(c, links); err != nil {
			return err
		}
		out = u
		if u == was {
			return nil
		}
		if Fold(u.UserName) != Fold(was.UserName) {
			if err := userNameFree(ctx, tx, u); err != nil {
				return err
			}
		}
		u.UpdatedAt = later(d.clock.Now(), was.UpdatedAt)
		out = u
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, nativeUserEvents(call, was, u)...)
	})
	return out, d.refused(ctx, call, OpWriteUsers, ID{}, id, err)
}

func (u *User) apply(c UserChange, links []UserLink) error {
	set := func(field, native, to *string) {
		if to == nil || *to == *field {
			return
		}
		*field = *to
		if len(links) > 0 { // it is the native side's word beside theirs
			*native = *to
		}
	}
	set(&u.UserName, &u.Native.UserName, c.UserName)
	set(&u.Email, &u.Native.Email, c.Email)
	set(&u.Name, &u.Native.Name, c.Name)
	if c.Active != nil {
		if *c.Active {
			if u.Pending && !u.Suspended {
				return errorf(KindForbidden,
					"this user is invited: they are active once they sign up or a provider sends them")
			}
			idle := !u.Pending && !u.Active && !u.Suspended && !u.Deprovisioned
			if idle {
				return errorf(KindForbidden,
					"every provider of this user says inactive: activate them there, or end the provider's link")
			}
			u.Deprovisioned = false
		}
		u.Suspended = !*c.Active
	}
	u.settle(links)
	return u.check()
}

func nativeUserEvents(call Call, was, u User) []Event {
	var events []Event
	if u.Suspended != was.Suspended || u.Deprovisioned != was.Deprovisioned {
		action := ActionUserReactivated
		if u.Suspended {
			action = ActionUserSuspended
		}
		events = append(events, call.Event(u.UpdatedAt, action, ID{}, u.ID,
			Facts{"active": was.Active, "suspended": was.Suspended},
			Facts{"active": u.Active, "suspended": u.Suspended}))
	}
	var changed []string
	for name, differs := range map[string]bool{
		"user_name": u.UserName != was.UserName, "email": u.Email != was.Email, "name": u.Name != was.Name,
	} {
		if differs {
			changed = append(changed, name)
		}
	}
	if len(changed) > 0 {
		slices.Sort(changed)
		events = append(events, call.Event(u.UpdatedAt, ActionUserUpdated, ID{}, u.ID, nil, Facts{"changed": changed}))
	}
	return events
}

// DeleteUser removes a user that no provider has, with all their grants. A
// provider's user is refused: the next sync would bring them back.
func (d *Directory) DeleteUser(ctx context.Context, call Call, id ID) error {
	if err := d.allow(ctx, call, OpWriteUsers, ID{}, id); err != nil {
		return err
	}
	err := d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		if err := tx.LockGroupsOf(ctx, id); err != nil {
			return err
		}
		u, err := tx.LockUser(ctx, id)
		if err != nil {
			return err
		}
		links, err := tx.LinksOfUser(ctx, id)
		if err != nil {
			return err
		}
		if len(links) > 0 {
			return errorf(KindForbidden,
				"this user is provisioned by an identity provider: deprovision them there, or suspend them here "+
					"with active=false")
		}
		closing := call
		if closing.Reason == "" {
			closing.Reason = "the user was deleted"
		}
		at := d.clock.Now()
		if err := closeGrantsOf(ctx, tx, t, UserGrantsEnd{Call: closing, At: at, User: id, All: true}); err != nil {
			return err
		}
		if err := tx.DeleteUser(ctx, id, at); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(at, ActionUserDeleted, ID{}, id, Facts{"active": u.Active}, nil))
	})
	return d.refused(ctx, call, OpWriteUsers, ID{}, id, err)
}

func (u *User) check() error {
	if err := checkText("user_name", u.UserName, true); err != nil {
		return err
	}
	if err := checkAddress(u.Email); err != nil {
		return err
	}
	return checkText("name", u.Name, false)
}
