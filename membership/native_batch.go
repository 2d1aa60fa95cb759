package membership

import (
	"context"
	"slices"
	"time"
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
	GrantTerms
}

// MemberOutcome is what became of one user of a batch. Err is nil when it was
// done, and else what AddMember or RemoveMember would have returned.
type MemberOutcome struct {
	User ID
	Add  bool
	Err  error
}

// ApplyBatch applies a batch in one transaction, each user by rules 7 to 12.
// The outcomes stand in the order of the batch: additions, then removals. When
// an atomic batch fails, nothing is applied, and the error is that of the first
// user who failed, beside the outcomes.
func (d *Directory) ApplyBatch(ctx context.Context, call Call, group ID, b MemberBatch) ([]MemberOutcome, error) {
	each, err := d.allowBatch(ctx, call, group, b)
	if err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	b.ExpiresAt = b.ExpiresAt.UTC().Truncate(time.Microsecond)
	var l *localChanges
	var answer error // of the whole batch, once it was judged
	err = d.update(ctx, call.Tenant, func(tx Tx, t *tally) (err error) {
		answer = nil
		if l, err = d.lockLocal(ctx, tx, call, group, each); err != nil {
			return err
		}
		if err := l.read(ctx, b.changes()); err != nil {
			return err
		}
		if err := l.judge(ctx); err != nil {
			return err
		}
		if answer = l.missing(); answer == nil && b.Atomic {
			answer = firstError(l.errs)
		}
		if answer == nil {
			_, err = l.write(ctx, t)
		}
		return errorOr(answer, err)
	})
	if err != nil && answer == nil {
		return nil, err
	}
	// Of an applied batch the outcomes are answered in any case: what cannot be written
	// now is counted, and written later.
	if werr := d.refusals.Record(ctx, call.Tenant, l.refusals()...); werr != nil && answer != nil {
		return nil, werr
	}
	if l.missing() != nil {
		return nil, answer
	}
	return l.outcomes(), answer
}

func (b MemberBatch) changes() []LocalChange {
	cs := ending(additions(b.Add, b.AlsoLocal), b.GrantTerms)
	for _, u := range b.Remove {
		cs = append(cs, LocalChange{User: u})
	}
	return cs
}

// outcomes say what became of each change.
func (l *localChanges) outcomes() []MemberOutcome {
	out := make([]MemberOutcome, len(l.changes))
	for i, c := range l.changes {
		out[i] = MemberOutcome{User: c.User, Add: c.Add, Err: l.errs[i]}
	}
	return out
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// allowBatch asks about a batch as a whole; each is as with allowDelta.
func (d *Directory) allowBatch(ctx context.Context, call Call, group ID, b MemberBatch) (each bool, err error) {
	var delta MemberDelta
	delta.Add(b.Add...)
	delta.Remove(b.Remove...)
	if delta.IsZero() {
		delta.Clear() // an empty batch must not probe for groups
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
