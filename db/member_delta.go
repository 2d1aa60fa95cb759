package db

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// delta carries out changes of members. Each engine has steps of its own for it:
// SQLite plain statements, because one costs no round trip there and one
// transaction writes at a time; PostgreSQL one call of a function.
type delta interface {
	// change does so inside the transaction of s.
	change(ctx context.Context, s *session, c membership.MemberChange) (membership.MemberResult, error)
	// write does so in a transaction of its own, or in a batch with others that come at
	// the same time.
	write(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error)
}

// ChangeMembers implements membership.Tx.
func (s *session) ChangeMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	if err := checkCallTexts(c.Call.Actor, c.Call.Credential, c.Call.RequestID); err != nil {
		return membership.MemberResult{}, err
	}
	r, err := s.store.delta.change(ctx, s, c)
	if err != nil || c.ExpiresAt.IsZero() || r.Opened == 0 {
		return r, s.store.noteEnded(err, &c)
	}
	return r, s.endOpened(ctx, c)
}

// writeEnding is WriteMembers for grants that end. They are few, and share no
// transaction.
func (s *Store) writeEnding(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	w := &memberWrite{change: c}
	err := s.updateOnce(ctx, c.Call.Tenant, func(in *session) error {
		in.UseClock(func() time.Time { return c.At })
		errs, err := writeJudged(ctx, in, []*memberWrite{w},
			func(ctx context.Context, in *session, ws []*memberWrite) (_ []error, err error) {
				w.result, err = in.ChangeMembers(ctx, c)
				return []error{nil}, err
			})
		if err != nil {
			return err
		}
		return errs[0]
	})
	return w.result, err
}

// memberWrite is one change in a batch, and its result.
type memberWrite struct {
	change membership.MemberChange
	result membership.MemberResult
}

// user is the only one of a change that is judged.
func (w *memberWrite) user() membership.ID { return slices.Concat(w.change.Open, w.change.Close)[0] }

func (w *memberWrite) members() int {
	return len(w.change.Open) + len(w.change.Close) + len(w.change.Check)
}

// linkOf is what changes that share a transaction are about: the members of one
// source in one group.
func linkOf(c membership.MemberChange) engine.Link {
	return engine.Link{Tenant: c.Call.Tenant, Connection: c.Connection, Group: c.Group}
}

// ending reports whether a change ends what a connection granted without a request
// of it: that can be done when the connection is removed.
func ending(c membership.MemberChange) bool { return c.Connection != c.Call.Connection }

// known are the users that must exist, each once.
func known(c membership.MemberChange) []membership.ID {
	switch {
	case c.UsersLocked:
		return nil
	case len(c.Check) == 0:
		return c.Open
	}
	ids := slices.Concat(c.Open, c.Check)
	slices.SortFunc(ids, membership.ID.Compare)
	return slices.Compact(ids)
}

func newIDs(n int) []membership.ID {
	ids := make([]membership.ID, n)
	for i := range ids {
		ids[i] = membership.NewID()
	}
	return ids
}

func unknownMembers(ids []membership.ID) error {
	slices.SortFunc(ids, membership.ID.Compare)
	return membership.UnknownMembers(ids)
}

func versionMismatch(have int64) error {
	return &membership.Error{
		Kind:    membership.KindVersionMismatch,
		Message: "the resource has changed: its version is " + strconv.FormatInt(have, 10),
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
