package membership

import (
	"context"
	"errors"
	"time"
)

// localChanges are the local changes of one request in one group, inside its
// transaction. Make them with lockLocal, then read, then judge.
type localChanges struct {
	d     *Directory
	tx    Tx
	call  Call
	id    ID    // of the group
	each  bool  // the policy is asked about every user
	group Group // zero: there is none
	at    time.Time

	changes []LocalChange
	users   map[ID]User   // those that exist, of those that have to be known
	members map[ID]Member // those who are members now, of all that are named
	errs    []error       // the answer to each change; nil: it may be made
}

// lockLocal locks the group, if it exists. That it does not is no error yet: a
// caller that the policy denies gets to know nothing of groups.
func (d *Directory) lockLocal(ctx context.Context, tx Tx, call Call, group ID, each bool) (*localChanges, error) {
	l := &localChanges{d: d, tx: tx, call: call, id: group, each: each, at: d.clock.Now()}
	g, err := tx.LockGroup(ctx, group)
	if err != nil && KindOf(err) != KindNotFound {
		return nil, err
	}
	if err == nil {
		l.group = g
	}
	return l, nil
}

// read locks the users and reads what is there of them: one statement a subject,
// however many users.
func (l *localChanges) read(ctx context.Context, changes []LocalChange) error {
	l.changes = changes
	var known, named []ID
	for _, c := range changes {
		named = append(named, c.User)
		if c.Add || l.each {
			known = append(known, c.User)
		}
	}
	users, err := l.tx.LockUsers(ctx, known)
	if err != nil {
		return err
	}
	l.users = make(map[ID]User, len(users))
	for _, u := range users {
		l.users[u.ID] = u
	}
	members, err := l.tx.MembersAmong(ctx, l.id, named)
	if err != nil {
		return err
	}
	l.members = make(map[ID]Member, len(members))
	for _, m := range members {
		l.members[m.User.ID] = m
	}
	return nil
}

// judge sets the answer to each change: the policy's first, before anything is
// said of what exists, then that of the rules. An error is the store's.
func (l *localChanges) judge(ctx context.Context) error {
	l.errs = make([]error, len(l.changes))
	for i, c := range l.changes {
		s := MemberState{Group: l.group, User: l.users[c.User], Member: l.members[c.User]}
		err := error(nil)
		if l.each {
			err = l.d.authorize(ctx, Question{
				Call: l.call, Operation: c.operation(), Group: l.id, User: c.User,
				Objects: &Objects{Group: s.Group, User: s.User},
			})
		}
		if err == nil {
			c.At = l.at
			err = judge(s, c)
		}
		if err != nil && KindOf(err) == "" {
			return err
		}
		l.errs[i] = err
	}
	return nil
}

// denied reports whether the policy denies every change: then nothing is said of
// the group.
func (l *localChanges) denied() bool {
	for _, err := range l.errs {
		if KindOf(err) != KindForbidden {
			return false
		}
	}
	return len(l.errs) > 0
}

// missing is the answer to all when there is no such group.
func (l *localChanges) missing() error {
	if l.group.ID.IsZero() && !l.denied() {
		return NotFound("group")
	}
	return nil
}

// all is the answer to a request that is carried out whole or not at all.
func (l *localChanges) all() error {
	for i, err := range l.errs {
		if KindOf(err) == KindForbidden {
			return &deniedMember{op: l.changes[i].operation(), user: l.changes[i].User, err: err}
		}
	}
	if err := l.missing(); err != nil {
		return err
	}
	var unknown []ID
	var members []Member
	for i, err := range l.errs {
		switch user := l.changes[i].User; KindOf(err) {
		case "":
		case KindNotFound:
			unknown = append(unknown, user)
		case KindAlreadyMember:
			members = append(members, l.members[user])
		default:
			return err
		}
	}
	switch {
	case len(unknown) > 0:
		return unknownUsers(unknown)
	case len(members) > 0:
		return alreadyMembers(members)
	}
	return nil
}

// refusals are the events of the changes that alone would end in 403.
func (l *localChanges) refusals() (rs []Refusal) {
	for i, err := range l.errs {
		if isRefusal(err) {
			rs = append(rs, l.d.refusal(l.call, l.changes[i].operation(), l.id, l.changes[i].User, err))
		}
	}
	return rs
}

// write makes the changes that were not refused. Their users are locked. What it opens
// has one end.
func (l *localChanges) write(ctx context.Context, t *tally) (MemberChange, error) {
	c := MemberChange{Call: l.call, At: l.at, Group: l.id, UsersLocked: true}
	for i, change := range l.changes {
		switch {
		case l.errs[i] != nil:
		case change.Add:
			c.Open, c.ExpiresAt = append(c.Open, change.User), change.ExpiresAt
		default:
			c.Close = append(c.Close, change.User)
		}
	}
	if !c.ExpiresAt.IsZero() && len(c.Close) > 0 { // an event of what closes has no end
		closing := c
		closing.Open, closing.ExpiresAt, c.Close = nil, time.Time{}, nil
		if _, err := t.change(ctx, l.tx, closing); err != nil {
			return c, err
		}
	}
	if len(c.Open)+len(c.Close) == 0 {
		return c, nil
	}
	_, err := t.change(ctx, l.tx, c)
	return c, err
}

func additions(users []ID, alsoLocal bool) []LocalChange {
	cs := make([]LocalChange, len(users))
	for i, u := range users {
		cs[i] = LocalChange{User: u, Add: true, AlsoLocal: alsoLocal}
	}
	return cs
}

// ending gives additions their terms.
func ending(cs []LocalChange, terms GrantTerms) []LocalChange {
	for i := range cs {
		cs[i].GrantTerms = terms
	}
	return cs
}

// allowAdding asks about adding members as a whole. each means that the policy
// wants to be asked about every user, inside the transaction.
func (d *Directory) allowAdding(ctx context.Context, q Question) (each bool, err error) {
	err = d.authorize(ctx, q)
	if errors.Is(err, ErrUndecided) {
		return true, nil
	}
	return false, d.refused(ctx, q.Call, q.Operation, q.Group, ID{}, err)
}

// refusedAdding is refused for a use case that adds many.
func (d *Directory) refusedAdding(ctx context.Context, call Call, group ID, err error) error {
	var denied *deniedMember
	if errors.As(err, &denied) {
		return d.refused(ctx, call, denied.op, group, denied.user, denied.err)
	}
	return d.refused(ctx, call, OpAddMembers, group, ID{}, err)
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
