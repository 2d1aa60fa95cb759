package membership

import (
	"cmp"
	"context"
	"slices"
)

// Shown is what the application is shown of a person.
type Shown struct{ UserName, Email, Name string }

// shownFields are the fields of Shown in their order, as events name them.
var shownFields = [...]string{"user_name", "email", "name"}

func (s Shown) values() [3]string { return [3]string{s.UserName, s.Email, s.Name} }

func (u *User) shown() Shown { return Shown{u.UserName, u.Email, u.Name} }

func (u *User) shownAt() [3]*string { return [3]*string{&u.UserName, &u.Email, &u.Name} }

func (l UserLink) shown() Shown { return Shown{l.UserName, l.Email, l.Name} }

// otherwise is what the sources say of a user that are left, each field from the
// first that has any: active links, the oldest first, then those that are not,
// then what was set natively.
func (u *User) otherwise(left []UserLink) (values [3]string) {
	left = slices.Clone(left)
	slices.SortStableFunc(left, func(a, b UserLink) int {
		if a.Active != b.Active {
			if a.Active {
				return -1
			}
			return 1
		}
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), a.Connection.Compare(b.Connection))
	})
	sources := make([]Shown, 0, len(left)+1)
	for _, l := range left {
		sources = append(sources, l.shown())
	}
	for _, s := range append(sources, u.Native) {
		for i, v := range s.values() {
			values[i] = cmp.Or(values[i], v)
		}
	}
	return values
}

// fill takes from the other sources what a link does not say any more, and the
// user so has lost.
func (u *User) fill(said, says UserLink, left []UserLink) {
	other, was, now := u.otherwise(left), said.shown().values(), says.shown().values()
	for i, field := range u.shownAt() {
		if was[i] != "" && now[i] == "" && *field == "" {
			*field = other[i]
		}
	}
}

// showWithout is for the end of a link: where the user shows what it said, and
// another source has something, they show that. Where none has anything it
// stays, and so does a userName whose successor another user has by now.
// It returns the fields that changed.
func (u *User) showWithout(
	ctx context.Context, r Reader, ended UserLink, left []UserLink,
) (changed []string, err error) {
	other, said, was := u.otherwise(left), ended.shown().values(), *u
	for i, field := range u.shownAt() {
		same := func(l UserLink) bool { return l.shown().values()[i] == said[i] }
		if *field == said[i] && other[i] != "" && !slices.ContainsFunc(left, same) {
			*field = other[i]
		}
	}
	if Fold(u.UserName) != Fold(was.UserName) {
		switch err := userNameFree(ctx, r, *u); {
		case KindOf(err) == KindUniqueness:
			u.UserName = was.UserName
		case err != nil:
			return nil, err
		}
	}
	for i, v := range was.shown().values() {
		if u.shown().values()[i] != v {
			changed = append(changed, shownFields[i])
		}
	}
	slices.Sort(changed)
	return changed, nil
}

// showWithoutConnection is showWithout for users of a connection that ends, those
// with greater ids than after; last is the last of them, done: there are no more.
func (d *Directory) showWithoutConnection(
	ctx context.Context, tx Tx, call Call, connection, batch, after ID,
) (last ID, done bool, err error) {
	users, err := tx.UsersShowing(ctx, connection, after, usersAStep)
	if err != nil || len(users) == 0 {
		return after, true, err
	}
	for _, u := range users {
		if u, err = tx.LockUser(ctx, u.ID); err != nil {
			return after, false, err
		}
		links, err := tx.LinksOfUser(ctx, u.ID)
		if err != nil {
			return after, false, err
		}
		i := slices.IndexFunc(links, func(l UserLink) bool { return l.Connection == connection })
		if i < 0 {
			continue
		}
		ended := links[i]
		changed, err := u.showWithout(ctx, tx, ended, slices.Delete(links, i, i+1))
		if err != nil {
			return after, false, err
		}
		if len(changed) == 0 {
			continue
		}
		at := later(d.clock.Now(), u.UpdatedAt)
		u.UpdatedAt = at
		if err := tx.UpdateUser(ctx, u); err != nil {
			return after, false, err
		}
		if err := tx.AppendEvents(ctx,
			call.Event(at, ActionUserUpdated, ID{}, u.ID, nil, Facts{"changed": changed, "batch": batch})); err != nil {
			return after, false, err
		}
	}
	return users[len(users)-1].ID, len(users) < usersAStep, nil
}
