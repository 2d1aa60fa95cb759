package membership

import (
	"context"
	"errors"
	"time"
)

// Added is a user who was put into a group, and when.
type Added struct {
	Profile
	At time.Time
}

// Additions are the users that one call put into a group.
type Additions struct {
	Group ID
	Users []Added  // in the order in which they were named, each once
	By    *Profile // whoever did it, if that is a user of the tenant
}

// AddMembers opens local grants for many users, all or nothing (rules 7, 8 and
// 12). Errors: KindNotFound with Details["unknown"], the first of the ids that are
// no user of the tenant; KindAlreadyMember with Details["members"], the first of
// the users and their sources. FirstOf says what else there is.
func (d *Directory) AddMembers(ctx context.Context, call Call, group ID, users []ID) (Additions, error) {
	each, err := d.allowAdding(ctx, Question{Call: call, Operation: OpAddMembers, Group: group})
	if err != nil {
		return Additions{}, err
	}
	users = once(users)
	var out Additions
	err = d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		out = Additions{Group: group}
		known, err := d.addable(ctx, tx, call, group, users, each)
		if err != nil {
			return err
		}
		members, err := tx.MembersAmong(ctx, group, users)
		if err != nil {
			return err
		}
		if len(members) > 0 {
			return alreadyMembers(members)
		}
		out.Users, err = d.addAll(ctx, tx, t, call, group, known)
		if err != nil {
			return err
		}
		out.By, err = profileOfActor(ctx, tx, call.Actor)
		return err
	})
	return out, d.refusedAdding(ctx, call, group, err)
}

// allowAdding asks about adding members as a whole. each means that the policy
// wants to be asked about every user, inside the transaction.
func (d *Directory) allowAdding(ctx context.Context, q Question) (each bool, err error) {
	err = d.ask(ctx, q)
	if errors.Is(err, ErrUndecided) {
		return true, nil
	}
	return false, d.refused(ctx, q.Call, q.Operation, q.Group, ID{}, err)
}

// addable locks the group and returns the users, in their order, if all of them
// exist and may be added to it.
func (d *Directory) addable(ctx context.Context, tx Tx, call Call, group ID, users []ID, each bool) ([]User, error) {
	g, missing := tx.LockGroup(ctx, group)
	if missing != nil && KindOf(missing) != KindNotFound {
		return nil, missing
	}
	found, err := tx.UsersByID(ctx, users)
	if err != nil {
		return nil, err
	}
	byID := make(map[ID]User, len(found))
	for _, u := range found {
		byID[u.ID] = u
	}
	if each { // before anything is told of what exists
		for _, id := range users {
			if err := d.askAdding(ctx, call, group, g, id, byID[id]); err != nil {
				return nil, &deniedMember{op: OpAddMembers, user: id, err: err}
			}
		}
	}
	if missing != nil {
		return nil, missing
	}
	if err := g.takesLocal(); err != nil {
		return nil, err
	}
	known, unknown := make([]User, 0, len(users)), []ID(nil)
	for _, id := range users {
		if u, ok := byID[id]; ok {
			known = append(known, u)
		} else {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return nil, unknownUsers(unknown)
	}
	return known, nil
}

func (d *Directory) askAdding(ctx context.Context, call Call, group ID, g Group, user ID, u User) error {
	return d.ask(ctx, Question{
		Call: call, Operation: OpAddMembers, Group: group, User: user, Objects: &Objects{Group: g, User: u},
	})
}

// addAll opens the local grants of users who have none.
func (d *Directory) addAll(ctx context.Context, tx Tx, t *tally, call Call, group ID, users []User) ([]Added, error) {
	ids := make([]ID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	switch _, err := t.change(ctx, tx, MemberChange{Call: call, At: d.clock.Now(), Group: group, Open: ids}); {
	case KindOf(err) == KindUnknownMembers: // deleted since we looked
		return nil, NotFound("user")
	case err != nil:
		return nil, err
	}
	members, err := tx.MembersAmong(ctx, group, ids)
	if err != nil {
		return nil, err
	}
	at := make(map[ID]time.Time, len(members))
	for _, m := range members {
		for _, s := range m.Sources {
			if s.Grant.Connection.IsZero() {
				at[m.User.ID] = s.Grant.OpenedAt
			}
		}
	}
	ps, err := profiles(ctx, tx, users)
	if err != nil {
		return nil, err
	}
	out := make([]Added, len(ps))
	for i, p := range ps {
		out[i] = Added{Profile: p, At: at[p.User.ID]}
	}
	return out, nil
}

// refusedAdding is refused for a use case that adds many.
func (d *Directory) refusedAdding(ctx context.Context, call Call, group ID, err error) error {
	var denied *deniedMember
	if errors.As(err, &denied) {
		return d.refused(ctx, call, denied.op, group, denied.user, denied.err)
	}
	return d.refused(ctx, call, OpAddMembers, group, ID{}, err)
}

// takesLocal is rule 12.
func (g *Group) takesLocal() error {
	if g.Kind == GroupEnterprise {
		return errGroupManaged
	}
	return nil
}

func unknownUsers(ids []ID) error {
	e := errorf(KindNotFound, "user not found")
	if len(ids) > 1 {
		e.Message = "users not found"
	}
	e.Details = FirstOf("unknown", ids)
	return e
}

// alreadyMembers is rule 8 for many.
func alreadyMembers(members []Member) error {
	e := errorf(KindAlreadyMember, "some of the users are already members of the group")
	named := make([]map[string]any, min(len(members), maxNamed))
	for i := range named {
		named[i] = members[i].details()
		named[i]["user_id"] = members[i].User.ID
	}
	e.Details = firstOf("members", named, len(members))
	return e
}
