package membership

import (
	"context"
	"slices"
)

// NamedAdditions says which of the user names of a request became members.
type NamedAdditions struct{ Failed, Succeeded []string }

// Invitation says how a request came about that adds members.
type Invitation struct {
	// By is who invited: the id, the userName or the address of a user of the
	// tenant, who is then named in grants and events. Anything else is kept nowhere.
	By     string
	Notify bool // write a Notification for those who were added
}

// AddMembersByName opens local grants for the users of the tenant who have one of
// names, and for as many of them as can be added: whoever does not exist, is a
// member by any source already (rule 8), or is denied by the policy has failed.
// The caller has to have a role. Errors: KindGone when the group has been
// deleted.
func (d *Directory) AddMembersByName(
	ctx context.Context, call Call, role string, group ID, names []string, inv Invitation,
) (NamedAdditions, error) {
	each, err := d.allowAdding(ctx, Question{Call: call, Operation: OpAddMembers, Group: group, Role: role})
	if err != nil {
		return NamedAdditions{}, err
	}
	if err := checkText("invitedBy", inv.By, false); err != nil {
		return NamedAdditions{}, err
	}
	var out NamedAdditions
	var denied []Refusal
	err = d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		out, denied = NamedAdditions{}, nil
		g, err := d.groupToAddTo(ctx, tx, group)
		if err != nil {
			return err
		}
		inviter, err := userCalled(ctx, tx, inv.By)
		if err != nil {
			return err
		}
		adding := call
		if !inviter.IsZero() {
			adding.Reason = "invited by user:" + inviter.String()
		}
		users, err := d.namedUsers(ctx, tx, adding, g, names, each, &denied)
		if err != nil {
			return err
		}
		var ids []ID
		for _, name := range onceFolded(names) {
			u, ok := users[Fold(name)]
			if !ok {
				out.Failed = append(out.Failed, name)
				continue
			}
			out.Succeeded = append(out.Succeeded, name)
			ids = append(ids, u.ID)
		}
		if len(ids) == 0 {
			return nil
		}
		change := MemberChange{Call: adding, At: d.clock.Now(), Group: group, Open: ids}
		if _, err := t.change(ctx, tx, change); KindOf(err) == KindUnknownMembers { // deleted since we looked
			return errorf(KindUnavailable, "a user was deleted meanwhile: try again")
		} else if err != nil {
			return err
		}
		if !inv.Notify {
			return nil
		}
		return tx.InsertNotification(ctx, membersAdded(change, inviter))
	})
	if err == nil {
		// Who was added is told in any case: what cannot be written now is counted,
		// and written later.
		_ = d.refusals.Record(ctx, call.Tenant, denied...)
	}
	return out, d.refusedAdding(ctx, call, group, err)
}

// groupToAddTo locks a group that takes local members.
func (d *Directory) groupToAddTo(ctx context.Context, tx Tx, id ID) (Group, error) {
	g, err := tx.LockGroup(ctx, id)
	if KindOf(err) == KindNotFound {
		if gone, err := tx.GroupDeleted(ctx, id); err != nil || gone {
			return g, errorOr(err, errorf(KindGone, "the group has been deleted"))
		}
	}
	if err != nil {
		return g, err
	}
	return g, g.takesLocal()
}

func errorOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// namedUsers returns, by Fold of their names, the users who can be added, and
// appends to denied those whom the policy denies.
func (d *Directory) namedUsers(
	ctx context.Context, tx Tx, call Call, g Group, names []string, each bool, denied *[]Refusal,
) (map[string]User, error) {
	keys := make([]string, 0, len(names))
	for _, name := range names {
		if checkText("", name, true) == nil {
			keys = append(keys, Fold(name))
		}
	}
	users, err := tx.UsersByName(ctx, once(keys))
	if err != nil {
		return nil, err
	}
	users = alone(users)
	ids := make([]ID, len(users))
	byKey := make(map[string]User, len(users))
	for i, u := range users {
		ids[i], byKey[Fold(u.UserName)] = u.ID, u
	}
	members, err := tx.MembersAmong(ctx, g.ID, ids)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		delete(byKey, Fold(m.User.UserName))
	}
	if !each {
		return byKey, nil
	}
	for _, u := range users {
		err := d.askAdding(ctx, call, g.ID, g, u.ID, u)
		switch {
		case KindOf(err) == KindForbidden:
			delete(byKey, Fold(u.UserName))
			*denied = append(*denied, d.refusal(call, OpAddMembers, g.ID, u.ID, err))
		case err != nil:
			return nil, err
		}
	}
	return byKey, nil
}

// alone returns those of users who have their name for themselves: what is asked
// for a name is done for nobody, where several have it.
func alone(users []User) []User {
	n := make(map[string]int, len(users))
	for _, u := range users {
		n[Fold(u.UserName)]++
	}
	return slices.DeleteFunc(users, func(u User) bool { return n[Fold(u.UserName)] > 1 })
}

// userCalled returns the user whose id, userName or address a text is; zero when
// that is nobody, or not one.
func userCalled(ctx context.Context, r Reader, text string) (ID, error) {
	if text == "" {
		return ID{}, nil
	}
	if id, err := ParseID(text); err == nil {
		us, err := r.UsersByID(ctx, []ID{id})
		return only(us), err
	}
	key := []string{Fold(text)}
	us, err := r.UsersByName(ctx, key)
	if err != nil || len(us) > 0 {
		return only(us), err
	}
	us, err = r.UsersByEmail(ctx, key)
	return only(us), err
}

func only(us []User) ID {
	if len(us) != 1 {
		return ID{}
	}
	return us[0].ID
}

// onceFolded returns names without those that are the same by Fold as an earlier
// one.
func onceFolded(names []string) []string {
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		key := Fold(name)
		was := seen[key]
		seen[key] = true
		return was
	})
}
