package membership

import (
	"context"
	"errors"
)

// authorize asks the policy.
func (d *Directory) authorize(ctx context.Context, q Question) error {
	if err := checkReason(q.Call.Reason); err != nil {
		return err
	}
	if q.Operation.writes() || q.Operation == OpReadMembers || q.Operation == OpReadAudit {
		if err := d.clock.look(ctx, d.store, q.Call.Tenant); err != nil {
			return err
		}
	}
	return d.policy.Allow(ctx, q)
}

// allow asks the policy before the use case begins; a refusal becomes an event.
// Objects that the policy has to see are read in a transaction of their own.
func (d *Directory) allow(ctx context.Context, call Call, op Operation, group, user ID) error {
	q := Question{Call: call, Operation: op, Group: group, User: user}
	err := d.authorize(ctx, q)
	if errors.Is(err, ErrUndecided) {
		err = d.store.Read(ctx, call.Tenant, func(r Reader) error { return d.authorizeReading(ctx, r, q) })
	}
	return d.refused(ctx, call, op, group, user, err)
}

// allowInside is allow for a use case whose transaction reads the objects
// anyway: what is still open is asked in there, first of all, with inside; nil:
// nothing is.
func (d *Directory) allowInside(
	ctx context.Context, call Call, op Operation, group, user ID,
) (inside func(context.Context, MemberState) error, err error) {
	q := Question{Call: call, Operation: op, Group: group, User: user}
	err = d.authorize(ctx, q)
	if !errors.Is(err, ErrUndecided) {
		return nil, err
	}
	return func(ctx context.Context, s MemberState) error {
		q.Objects = &Objects{Group: s.Group, User: s.User}
		return d.authorize(ctx, q)
	}, nil
}

// authorizeReading asks with the objects as they are now. What does not exist is
// shown as nothing and not answered with KindNotFound: who may not ask does not
// get to know.
func (d *Directory) authorizeReading(ctx context.Context, r Reader, q Question) error {
	var o Objects
	if !q.Group.IsZero() {
		g, err := groupFor(ctx, r, q.Call, q.Group)
		if err != nil && KindOf(err) != KindNotFound {
			return err
		}
		o.Group = g
	}
	if !q.User.IsZero() {
		u, err := userFor(ctx, r, q.Call, q.User)
		if err != nil && KindOf(err) != KindNotFound {
			return err
		}
		o.User = u
	}
	q.Objects = &o
	return d.authorize(ctx, q)
}

// groupFor returns a group that exists for the caller: to a connection only
// those of its view do.
func groupFor(ctx context.Context, r Reader, call Call, id ID) (Group, error) {
	if !call.Connection.IsZero() {
		if _, err := r.GroupLink(ctx, call.Connection, id); err != nil {
			return Group{}, err
		}
	}
	return r.Group(ctx, id)
}

// userFor is to users what groupFor is to groups.
func userFor(ctx context.Context, r Reader, call Call, id ID) (User, error) {
	if !call.Connection.IsZero() {
		if _, err := r.UserLink(ctx, call.Connection, id); err != nil {
			return User{}, err
		}
	}
	return r.User(ctx, id)
}

// allowDelta asks about a connection's delta on members as a whole, before its
// transaction. each means that the policy wants to be asked about every user,
// with allowEach.
func (d *Directory) allowDelta(ctx context.Context, call Call, group ID, m MemberDelta) (each bool, err error) {
	for _, op := range m.operations() {
		switch err := d.authorize(ctx, Question{Call: call, Operation: op, Group: group}); {
		case errors.Is(err, ErrUndecided):
			each = true
		case err != nil:
			return false, d.refused(ctx, call, op, group, ID{}, err)
		}
	}
	return each, nil
}

// deniedMember is a refusal of allowEach, with what the event needs to say.
type deniedMember struct {
	op   Operation
	user ID
	err  error
}

func (e *deniedMember) Error() string { return e.err.Error() }
func (e *deniedMember) Unwrap() error { return e.err }

// allowEach asks about every user of a delta, inside its transaction. Users
// that the connection does not see are left out: adding one is refused by rule
// 6, and removing one does nothing (rule 4).
func (d *Directory) allowEach(ctx context.Context, r UserLinkReader, call Call, group Group, in, out []ID) error {
	for _, part := range []struct {
		op    Operation
		users []ID
	}{{OpAddMembers, in}, {OpRemoveMembers, out}} {
		if len(part.users) == 0 {
			continue
		}
		seen, err := r.LinkedUsers(ctx, call.Connection, part.users)
		if err != nil {
			return err
		}
		for _, u := range seen {
			if err := d.authorize(ctx, Question{
				Call: call, Operation: part.op, Group: group.ID, User: u.ID, Objects: &Objects{Group: group, User: u},
			}); err != nil {
				return &deniedMember{op: part.op, user: u.ID, err: err}
			}
		}
	}
	return nil
}

// refusedMember is refused for a use case that ran allowEach.
func (d *Directory) refusedMember(ctx context.Context, call Call, group ID, err error) error {
	var denied *deniedMember
	if errors.As(err, &denied) {
		return d.refused(ctx, call, denied.op, group, denied.user, denied.err)
	}
	return err
}

// Administer asks whether the call may administer its tenant: its tokens, its
// policies, what else the domain does not know. A refusal becomes an event.
func (d *Directory) Administer(ctx context.Context, call Call) error {
	return d.allow(ctx, call, OpAdminister, ID{}, ID{})
}
