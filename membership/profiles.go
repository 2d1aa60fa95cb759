package membership

import (
	"context"
	"slices"
	"strings"
)

// MembershipOf says that a user is a member of a group, and what it gives.
type MembershipOf struct {
	User        ID
	Group       ID
	Permissions []string
}

// PersonName is a name in two parts (RFC 7643 section 4.1.1: givenName and
// familyName).
type PersonName struct{ Given, Family string }

// Profile is a user with what follows from their groups.
type Profile struct {
	User User
	Name PersonName
	// Groups are those of which the user is a member by any source, in order.
	Groups []ID
	// Permissions are what the groups give, in order, each once. A user who is
	// not active has none.
	Permissions []string
}

// profileReader is what profiles are made of.
type profileReader interface {
	UserReader
	MemberReader
}

// profiles returns the profiles of users, in their order.
func profiles(ctx context.Context, r profileReader, users []User) ([]Profile, error) {
	ids := make([]ID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	names, err := r.NamesOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	of, err := r.MembershipsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	at := make(map[ID]int, len(users))
	out := make([]Profile, len(users))
	for i, u := range users {
		name, ok := names[u.ID]
		if !ok {
			name = splitName(u.Name)
		}
		out[i], at[u.ID] = Profile{User: u, Name: name}, i
	}
	for _, m := range of {
		p := &out[at[m.User]]
		p.Groups = append(p.Groups, m.Group)
		if p.User.Active {
			p.Permissions = append(p.Permissions, m.Permissions...)
		}
	}
	for i := range out {
		out[i].Permissions = permissionSet(out[i].Permissions)
	}
	return out, nil
}

// splitName takes the first word of a name as the given one. That is not
// right for every name, so it is done only where no provider gives the parts.
func splitName(name string) PersonName {
	given, family, _ := strings.Cut(strings.TrimSpace(name), " ")
	return PersonName{Given: given, Family: strings.TrimSpace(family)}
}

// profileOfActor returns the profile of the caller, if that is a user of the
// tenant; else nil.
func profileOfActor(ctx context.Context, r profileReader, a Actor) (*Profile, error) {
	u, err := userOfActor(ctx, r, a)
	if err != nil || u.ID.IsZero() {
		return nil, err
	}
	ps, err := profiles(ctx, r, []User{u})
	if err != nil {
		return nil, err
	}
	return &ps[0], nil
}

// userOfActor returns the user of the tenant who calls, or the zero User: a
// token, a service or a person of another tenant.
func userOfActor(ctx context.Context, r UserReader, a Actor) (User, error) {
	id, err := ParseID(a.ID)
	if a.Kind != ActorUser || err != nil {
		return User{}, nil
	}
	u, err := r.User(ctx, id)
	if KindOf(err) == KindNotFound {
		return User{}, nil
	}
	return u, err
}

// once returns ids without repetitions, in the order of the first of each.
func once[T comparable](ids []T) []T {
	seen := make(map[T]bool, len(ids))
	return slices.DeleteFunc(slices.Clone(ids), func(id T) bool {
		was := seen[id]
		seen[id] = true
		return was
	})
}
