package membership

import (
	"context"
	"slices"
)

// ProvisionUser adds a user to the calling connection's view: a new user, or
// one the tenant already has under that userName (rules 20 to 22). view's
// identity, version and times are set here.
func (d *Directory) ProvisionUser(ctx context.Context, call Call, view UserLink) (UserLink, error) {
	if err := d.allow(ctx, call, OpWriteUsers, ID{}, ID{}); err != nil {
		return UserLink{}, err
	}
	if err := view.check(); err != nil {
		return UserLink{}, err
	}
	var out UserLink
	name := HeldName{Connection: call.Connection, Name: Fold(view.UserName), Emails: addresses(view)}
	err := d.store.UpdateHolding(ctx, call.Tenant, name, func(tx Tx, h NameHolders) (err error) {
		call.Effect.restart()
		l := view
		l.Tenant, l.Connection, l.Version = call.Tenant, call.Connection, 1
		l.CreatedAt = d.clock.Now()
		l.LastModified = l.CreatedAt
		switch {
		case h.InView:
			return userNameTaken()
		case h.Shared: // which user is meant is open
			return errorf(KindUniqueness,
				"several users have this userName: an administrator has to rename all but one first")
		case h.User.ID.IsZero():
			err = d.acceptOrCreate(ctx, tx, call, h, &l)
		default:
			err = d.linkExisting(ctx, tx, call, h.Connection, h.User.ID, &l)
		}
		if err != nil {
			return err
		}
		call.Effect.about(ID{}, l.User)
		out = l
		return nil
	})
	call.Effect.ends(err)
	return out, err
}

// HeldName is a name that a connection wants to give to a user with addresses, folded.
type HeldName struct {
	Connection ID
	Name       string
	Emails     []string
}

// NameHolders are who has a name, when a connection wants to give it to a user.
type NameHolders struct {
	Connection Connection
	InView     bool   // a user of the connection's view has it
	User       User   // who has it in the tenant; zero: none
	Shared     bool   // so do others: their names were not the same when they were given
	ByEmail    []User // who has one of the addresses
}

// addresses are all of a link, folded.
func addresses(l UserLink) (keys []string) {
	for _, e := range append(slices.Clone(l.Emails), l.Email) {
		if e != "" {
			keys = append(keys, Fold(e))
		}
	}
	return once(keys)
}

// createProvisioned makes the user of rule 20.
func (d *Directory) createProvisioned(ctx context.Context, tx Tx, call Call, l *UserLink) error {
	u := User{
		Tenant: call.Tenant, ID: NewID(), Origin: SourceSCIM,
		UserName: l.UserName, Email: l.Email, Name: l.Name,
		CreatedAt: l.CreatedAt, UpdatedAt: l.CreatedAt,
	}
	l.User = u.ID
	u.settle([]UserLink{*l})
	if err := tx.InsertUser(ctx, u); err != nil {
		return err
	}
	if err := tx.InsertUserLink(ctx, *l); err != nil {
		return err
	}
	return call.append(ctx, tx, call.Event(l.CreatedAt, ActionUserCreated, ID{}, u.ID, nil,
		Facts{"origin": SourceSCIM, "external_id": l.ExternalID, "active": u.Active}))
}

// linkExisting is rule 22: same person, same id, one more view.
func (d *Directory) linkExisting(ctx context.Context, tx Tx, call Call, conn Connection, user ID, l *UserLink) error {
	u, err := tx.LockUser(ctx, user)
	if KindOf(err) == KindNotFound { // deleted a moment ago, so the name is free
		return d.createProvisioned(ctx, tx, call, l)
	}
	if err != nil {
		return err
	}
	links, err := tx.LinksOfUser(ctx, u.ID)
	if err != nil {
		return err
	}
	seen := slices.ContainsFunc(links, func(o UserLink) bool { return o.Connection == call.Connection })
	if seen || !conn.LinkExistingUsers {
		return userNameTaken()
	}
	before := u
	if len(links) == 0 {
		u.Native = u.shown()
	}
	l.User = u.ID
	l.tell(&u, UserLink{UserName: u.UserName})
	u.Deprovisioned = false
	u.settle(append(links, *l))
	u.UpdatedAt = l.CreatedAt
	if err := tx.UpdateUser(ctx, u); err != nil {
		return err
	}
	if err := tx.InsertUserLink(ctx, *l); err != nil {
		return err
	}
	events := []Event{call.Event(l.CreatedAt, ActionUserLinked, ID{}, u.ID,
		Facts{"active": before.Active},
		Facts{"origin": u.Origin, "external_id": l.ExternalID, "active": u.Active})}
	if before.Pending {
		events = append(events, invitationAccepted(call, u))
	}
	return call.append(ctx, tx, events...)
}

// UpdateProvisionedUser changes a user of the calling connection's view. change
// gets the view as it is and alters it; it may run more than once. If nothing
// is different afterwards, nothing is written. ifVersion, when not zero, is the
// version that the view must have.
func (d *Directory) UpdateProvisionedUser(
	ctx context.Context, call Call, id ID, ifVersion int64, change func(*UserLink) error,
) (UserLink, error) {
	call.Effect.about(ID{}, id)
	if err := d.allow(ctx, call, OpWriteUsers, ID{}, id); err != nil {
		return UserLink{}, err
	}
	var out UserLink
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		call.Effect.restart()
		u, err := tx.LockUser(ctx, id)
		if err != nil {
			return err
		}
		before, err := tx.UserLink(ctx, call.Connection, id)
		if err != nil {
			return err
		}
		if err := checkVersion(ifVersion, before.Version); err != nil {
			return err
		}
		l := before
		if err := change(&l); err != nil {
			return err
		}
		if err := l.check(); err != nil {
			return err
		}
		changed := l.changedFrom(before)
		if len(changed) == 0 {
			call.Effect.same()
			out = before
			return nil
		}
		out, err = d.saveProvisioned(ctx, tx, call, u, before, l, changed)
		return err
	})
	call.Effect.ends(err)
	return out, err
}

func (d *Directory) saveProvisioned(
	ctx context.Context, tx Tx, call Call, u User, before, l UserLink, changed []string,
) (UserLink, error) {
	l.Version++
	l.LastModified = later(d.clock.Now(), before.LastModified)
	was := u
	links, err := tx.LinksOfUser(ctx, u.ID)
	if err != nil {
		return l, err
	}
	l.tell(&u, before)
	u.fill(before, l, slices.DeleteFunc(slices.Clone(links),
		func(o UserLink) bool { return o.Connection == l.Connection }))
	if Fold(l.UserName) != Fold(before.UserName) {
		if err := userNameFreeInView(ctx, tx, l); err != nil {
			return l, err
		}
	}
	if Fold(u.UserName) != Fold(was.UserName) {
		if err := userNameFree(ctx, tx, u); err != nil {
			return l, err
		}
	}
	for i := range links {
		if links[i].Connection == l.Connection {
			links[i] = l
		}
	}
	u.settle(links)
	if u != was {
		u.UpdatedAt = l.LastModified
		if err := tx.UpdateUser(ctx, u); err != nil {
			return l, err
		}
	}
	if err := tx.UpdateUserLink(ctx, l); err != nil {
		return l, err
	}
	events, err := userLinkEvents(ctx, tx, call, was, u, before, l, changed)
	if err != nil {
		return l, err
	}
	return l, call.append(ctx, tx, events...)
}

// userLinkEvents tells the two kinds of change apart: what the connection says
// of the person, and whether it says that they are active (rules 23, 24).
func userLinkEvents(
	ctx context.Context, tx Tx, call Call, was, u User, before, l UserLink, changed []string,
) ([]Event, error) {
	var events []Event
	if l.Active != before.Active {
		action, after := ActionUserActivated, Facts{"link_active": true, "active": u.Active}
		if !l.Active {
			grants, err := tx.OpenGrants(ctx, ID{}, u.ID)
			if err != nil {
				return nil, err
			}
			local := 0
			for _, g := range grants {
				if g.Connection.IsZero() {
					local++
				}
			}
			action = ActionUserDeactivated
			after = Facts{"link_active": false, "active": u.Active, "local_grants": local}
		}
		events = append(events, call.Event(l.LastModified, action, ID{}, u.ID,
			Facts{"link_active": before.Active, "active": was.Active}, after))
	}
	if rest := slices.DeleteFunc(slices.Clone(changed), func(s string) bool { return s == "active" }); len(rest) > 0 {
		events = append(events, call.Event(l.LastModified, ActionUserUpdated, ID{}, u.ID,
			Facts{"version": before.Version}, Facts{"version": l.Version, "changed": rest}))
	}
	return events, nil
}
