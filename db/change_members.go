package db

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// ChangeMembers implements membership.Tx.
func (s *session) ChangeMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	return s.engine.changeMembers(ctx, s.querier, c)
}

// memberLine is whose changes of members go together: those of one source in
// one group.
type memberLine struct{ tenant, connection, group membership.ID }

// known are the users that must exist, each once.
func known(c membership.MemberChange) []membership.ID {
	switch {
	case c.Kept:
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
