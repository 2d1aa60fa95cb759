package membership

import (
	"context"
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
	By    *Profile // the actor, if that is a user of the tenant
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
	var out Additions
	err = d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		out = Additions{Group: group}
		l, err := d.lockLocal(ctx, tx, call, group, each)
		if err != nil {
			return err
		}
		if err := l.read(ctx, additions(once(users), false)); err != nil {
			return err
		}
		if err := l.judge(ctx); err != nil {
			return err
		}
		if err := l.all(); err != nil {
			return err
		}
		if out.Users, err = l.add(ctx, t); err != nil {
			return err
		}
		out.By, err = profileOfActor(ctx, tx, call.Actor)
		return err
	})
	return out, d.refusedAdding(ctx, call, group, err)
}

// add makes the changes, all of them additions, and returns who was added.
func (l *localChanges) add(ctx context.Context, t *tally) ([]Added, error) {
	c, err := l.write(ctx, t)
	if err != nil {
		return nil, err
	}
	members, err := l.tx.MembersAmong(ctx, l.id, c.Open)
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
	users := make([]User, len(c.Open))
	for i, id := range c.Open {
		users[i] = l.users[id]
	}
	ps, err := profiles(ctx, l.tx, users)
	if err != nil {
		return nil, err
	}
	out := make([]Added, len(ps))
	for i, p := range ps {
		out[i] = Added{Profile: p, At: at[p.User.ID]}
	}
	return out, nil
}
