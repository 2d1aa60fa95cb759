package membership

import (
	"context"
	"slices"
	"time"
)

// NamedAdditions says which of the user names of a request became members.
type NamedAdditions struct{ Failed, Succeeded []string }

// Invitation says how a request came about that adds members.
type Invitation struct {
	// By is who invited: the id, the userName or the address of a user of the
	// tenant, who is then named in grants and events. Anything else is not stored.
	By     string
	Notify bool // write a Notification for those who were added
}

// AddMembersByName opens local grants for the users of the tenant who have one of
// names, and for as many of them as can be added: who does not exist, is a
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
		inviter, err := userCalled(ctx, tx, inv.By)
		if err != nil {
			return err
		}
		adding := call
		if !inviter.IsZero() {
			adding.Reason = "invited by user:" + inviter.String()
		}
		l, err := d.lockLocal(ctx, tx, adding, group, each)
		if err != nil {
			return err
		}
		byKey, err := usersNamed(ctx, tx, names)
		if err != nil {
			return err
		}
		if out, err = l.addNamed(ctx, onceFolded(names), byKey); err != nil {
			return err
		}
		denied = l.refusals()
		change, err := l.write(ctx, t)
		if err != nil || len(change.Open) == 0 || !inv.Notify {
			return err
		}
		return tx.InsertNotification(ctx, membersAdded(change, inviter))
	})
	if err == nil {
		// Who was added is answered in any case: what cannot be written now is counted,
		// and written later.
		_ = d.refusals.Record(ctx, call.Tenant, denied...)
	}
	return out, d.refusedAdding(ctx, call, group, err)
}

// addNamed judges the users that the names are of, and says what becomes of each
// name.
func (l *localChanges) addNamed(
	ctx context.Context, names []string, byKey map[string]User,
) (out NamedAdditions, err error) {
	var ids []ID
	at := make(map[string]int, len(names))
	for _, name := range names {
		if u, ok := byKey[Fold(name)]; ok {
			at[name] = len(ids)
			ids = append(ids, u.ID)
		}
	}
	if err := l.read(ctx, additions(ids, false)); err != nil {
		return out, err
	}
	if err := l.judge(ctx); err != nil {
		return out, err
	}
	if !l.denied() {
		if l.group.ID.IsZero() {
			return out, l.goneOrMissing(ctx)
		}
		if err := l.group.TakesLocal(); err != nil {
			return out, err
		}
		if err := l.group.checkEnd(l.at, time.Time{}); err != nil { // this way has no word for an end
			return out, err
		}
	}
	for _, name := range names {
		if i, ok := at[name]; ok && l.errs[i] == nil {
			out.Succeeded = append(out.Succeeded, name)
		} else {
			out.Failed = append(out.Failed, name)
		}
	}
	return out, nil
}

// goneOrMissing tells a group that was deleted from one that never was.
func (l *localChanges) goneOrMissing(ctx context.Context) error {
	gone, err := l.tx.GroupDeleted(ctx, l.id)
	if err == nil && gone {
		return errorf(KindGone, "the group has been deleted")
	}
	if err != nil {
		return err
	}
	return NotFound("group")
}

// usersNamed returns the users who have one of names, by Fold of it.
func usersNamed(ctx context.Context, r UserReader, names []string) (map[string]User, error) {
	keys := make([]string, 0, len(names))
	for _, name := range names {
		if checkText("", name, true) == nil {
			keys = append(keys, Fold(name))
		}
	}
	users, err := r.UsersByName(ctx, once(keys))
	if err != nil {
		return nil, err
	}
	users = alone(users)
	byKey := make(map[string]User, len(users))
	for _, u := range users {
		byKey[Fold(u.UserName)] = u
	}
	return byKey, nil
}

// alone returns those of users who have their name for themselves: what is asked
// for a name is not done where several have it.
func alone(users []User) []User {
	n := make(map[string]int, len(users))
	for _, u := range users {
		n[Fold(u.UserName)]++
	}
	return slices.DeleteFunc(users, func(u User) bool { return n[Fold(u.UserName)] > 1 })
}

// userCalled returns the user whose id, userName or address a text is; zero when
// that is no user, or several.
func userCalled(ctx context.Context, r UserReader, text string) (ID, error) {
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

func errorOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
