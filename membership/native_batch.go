package membership

import (
	"context"
	"slices"
)

// MaxBatch is how many users one batch may name.
const MaxBatch = 10_000

// MemberBatch is a list of local additions and removals in one group. A user is
// named at most once.
type MemberBatch struct {
	Add       []ID
	Remove    []ID
	AlsoLocal bool // rule 8: open a local grant beside a provider's
	Atomic    bool // apply all of it or nothing
}

// MemberOutcome is what became of one user of a batch. Err is nil when it was
// done, and else what AddMember or RemoveMember would have returned.
type MemberOutcome struct {
	User ID
	Add  bool
	Err  error
}

// ChangeMembers applies a batch in one transaction, each user by rules 7 to 12.
// The outcomes stand in the order of the batch: additions, then removals. When
// an atomic batch fails, nothing is applied, and the error is that of the first
// user who failed, beside the outcomes.
func (d *Directory) ChangeMembers(ctx context.Context, call Call, group ID, b MemberBatch) ([]MemberOutcome, error) {
	each, err := d.allowBatch(ctx, call, group, b)
	if err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	run := &batchRun{}
	err = d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		run = &batchRun{d: d, call: call, batch: b, each: each}
		return run.apply(ctx, tx, t, group)
	})
	if err != nil && !run.failed {
		return nil, err
	}
	// Of an applied batch the outcomes are told in any case: what cannot be written
	// now is counted, and written later.
	if werr := d.refusals.Record(ctx, call.Tenant, run.refusals...); werr != nil && run.failed {
		return nil, werr
	}
	return run.outcomes, err
}

// allowBatch asks about a batch as a whole; each is as with allowDelta.
func (d *Directory) allowBatch(ctx context.Context, call Call, group ID, b MemberBatch) (each bool, err error) {
	var delta MemberDelta
	delta.Add(b.Add...)
	delta.Remove(b.Remove...)
	if delta.IsZero() {
		delta.Clear() // nobody may probe for groups with an empty batch
	}
	return d.allowDelta(ctx, call, group, delta)
}

func (b MemberBatch) check() error {
	n := len(b.Add) + len(b.Remove)
	if n == 0 {
		return Invalidf("add or remove must name a user")
	}
	if n > MaxBatch {
		e := errorf(KindTooLarge, "a batch names at most %d users", MaxBatch)
		e.Details = map[string]any{"max_users": MaxBatch}
		return e
	}
	seen := make(map[ID]bool, n)
	for _, u := range slices.Concat(b.Add, b.Remove) {
		if seen[u] {
			return Invalidf("the user %s is named more than once", u)
		}
		seen[u] = true
	}
	return nil
}

// batchRun is one try of a batch.
type batchRun struct {
	d     *Directory
	call  Call
	batch MemberBatch
	each  bool

	group    Group
	users    map[ID]User     // those that exist, of the users that have to be known
	standing map[ID]standing // of the members among the users
	outcomes []MemberOutcome
	refusals []Refusal
	failed   bool // the batch is atomic, and a user failed
}

// standing is by whom a user is a member.
type standing struct{ local, scim bool }

func (r *batchRun) apply(ctx context.Context, tx Tx, t *tally, group ID) error {
	if err := r.read(ctx, tx, group); err != nil {
		return err
	}
	change := MemberChange{Call: r.call, At: r.d.clock.Now(), Group: group, Kept: true}
	var first error
	for i, u := range slices.Concat(r.batch.Add, r.batch.Remove) {
		o := MemberOutcome{User: u, Add: i < len(r.batch.Add)}
		switch o.Err = r.judge(ctx, u, o.Add); {
		case o.Err != nil && KindOf(o.Err) == "":
			return o.Err
		case o.Err != nil:
			r.refuse(group, o)
			if first == nil {
				first = o.Err
			}
		case o.Add:
			change.Open = append(change.Open, u)
		default:
			change.Close = append(change.Close, u)
		}
		r.outcomes = append(r.outcomes, o)
	}
	if first != nil && r.batch.Atomic {
		r.failed = true
		return first
	}
	if len(change.Open)+len(change.Close) == 0 {
		return nil
	}
	_, err := t.change(ctx, tx, change)
	return err
}

// read locks what the batch is about and reads it: one statement a subject,
// however many users.
func (r *batchRun) read(ctx context.Context, tx Tx, group ID) (err error) {
	if r.group, err = tx.LockGroup(ctx, group); err != nil {
		return err
	}
	known := r.batch.Add
	if r.each {
		known = slices.Concat(r.batch.Add, r.batch.Remove)
	}
	users, err := tx.KeepUsers(ctx, known)
	if err != nil {
		return err
	}
	r.users = make(map[ID]User, len(users))
	for _, u := range users {
		r.users[u.ID] = u
	}
	grants, err := tx.OpenGrantsOf(ctx, group, slices.Concat(r.batch.Add, r.batch.Remove))
	if err != nil {
		return err
	}
	r.standing = make(map[ID]standing, len(grants))
	for _, g := range grants {
		s := r.standing[g.User]
		if g.Connection.IsZero() {
			s.local = true
		} else {
			s.scim = true
		}
		r.standing[g.User] = s
	}
	return nil
}

// judge says what AddMember or RemoveMember would answer.
func (r *batchRun) judge(ctx context.Context, user ID, add bool) error {
	u, exists := r.users[user]
	s, member := r.standing[user]
	op := OpRemoveMembers
	if add {
		op = OpAddMembers
	}
	if r.each {
		if err := r.d.ask(ctx, Question{
			Call: r.call, Operation: op, Group: r.group.ID, User: user, Objects: &Objects{Group: r.group, User: u},
		}); err != nil {
			return err
		}
	}
	switch {
	case add && r.group.Kind == GroupEnterprise:
		return errGroupManaged
	case add && !exists:
		return NotFound("user")
	case add && member && (s.local || !r.batch.AlsoLocal):
		return errorf(KindAlreadyMember, "the user is already a member of the group")
	case !add && !member:
		return NotFound("member")
	case !add && !s.local:
		return errorf(KindManagedByIdP, managedByIdP)
	}
	return nil
}

// refuse keeps an outcome that alone would end in 403.
func (r *batchRun) refuse(group ID, o MemberOutcome) {
	op := OpRemoveMembers
	if o.Add {
		op = OpAddMembers
	}
	if isRefusal(o.Err) {
		r.refusals = append(r.refusals, r.d.refusal(r.call, op, group, o.User, o.Err))
	}
}
