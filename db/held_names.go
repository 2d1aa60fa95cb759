package db

import (
	"context"
	"slices"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// heldName is a transaction that begins with the holders of a name.
type heldName struct {
	membership.HeldName
	fn func(membership.Tx, membership.NameHolders) error
}

// maxHeldNames is how many share a transaction: what they write goes in one round trip
// (postgres.maxPending).
const maxHeldNames = 32

// UpdateHolding implements membership.Store.
func (s *Store) UpdateHolding(
	ctx context.Context, tenant membership.ID, n membership.HeldName,
	fn func(membership.Tx, membership.NameHolders) error,
) error {
	u := &heldName{n, fn}
	if !s.engine.Dialect().RoundTrips {
		return s.updateHolding(ctx, tenant, u)
	}
	return s.translate(s.heldNames.Do(ctx, connectionOf{tenant, n.Connection}, u))
}

// updateHolding is one in a transaction of its own.
func (s *Store) updateHolding(ctx context.Context, tenant membership.ID, u *heldName) error {
	return s.update(ctx, tenant, func(in *session) error {
		h, err := in.LockNameHolders(ctx, u.Connection, u.Name, u.Emails)
		if err != nil {
			return err
		}
		return u.fn(in, h)
	})
}

// updateHeldNames is one batch, in which each name is once.
func (s *Store) updateHeldNames(of connectionOf, b *engine.Batch[*heldName]) {
	names := map[string]bool{}
	b.Execute(func(u *heldName) bool {
		if names[u.Name] || len(names) == maxHeldNames {
			return false
		}
		names[u.Name] = true
		return true
	}, func(ctx context.Context, us []*heldName) ([]error, error) {
		return s.updateFreeNames(ctx, of, us)
	}, func(ctx context.Context, u *heldName) error {
		return s.updateHolding(ctx, of.tenant, u)
	})
}

// updateFreeNames is one transaction for those whose name and addresses are free. The
// others, who have to look at more, follow one by one. The errors are the answers to
// each; the last one means that nothing was written.
func (s *Store) updateFreeNames(ctx context.Context, of connectionOf, us []*heldName) ([]error, error) {
	var others []int
	if err := s.engine.Update(ctx, of.tenant, func(t engine.Tx) error {
		in := &session{tx: t, store: s, tenant: of.tenant}
		h, taken, err := in.lockHolders(ctx, of.connection, us)
		if err != nil {
			return err
		}
		others = nil
		for i, u := range us {
			if taken.has(u.HeldName) {
				others = append(others, i)
			} else if err := u.fn(in, h); err != nil {
				return err
			}
		}
		return in.writeTotals(ctx)
	}); err != nil {
		return nil, err
	}
	errs := make([]error, len(us))
	for _, i := range others {
		errs[i] = s.updateHolding(ctx, of.tenant, us[i])
	}
	return errs, nil
}

const (
	qNamesInView = `select l.user_name_key` + linksNamed
	qNamesTaken  = `select u.user_name_key from users u {index users_user_name}
		where u.tenant_id = $1 and u.user_name_key {in keys $2} and u.deleted_at is null`
	qEmailsTaken = `select u.email_key from users u {index users_email}
		where u.tenant_id = $1 and u.email_key {in keys $2} and u.deleted_at is null`
)

// takenNames are those of a list that somebody has.
type takenNames struct{ names, emails []string }

func (t takenNames) has(n membership.HeldName) bool {
	return slices.Contains(t.names, n.Name) ||
		slices.ContainsFunc(n.Emails, func(e string) bool { return slices.Contains(t.emails, e) })
}

// lockHolders is LockNameHolders for many, in the same round trip: the holders of each
// that is free.
func (s *session) lockHolders(
	ctx context.Context, connection membership.ID, us []*heldName,
) (h membership.NameHolders, t takenNames, err error) {
	h.Connection.Tenant, h.User.Tenant = s.tenant, s.tenant
	var names, emails []string
	for _, u := range us {
		names, emails = append(names, u.Name), append(emails, u.Emails...)
	}
	var held bool
	text := func(out *[]string, q string, args ...any) engine.Query {
		return engine.Query{Text: q, Args: args, Read: func(rs engine.Rows) error {
			some, err := engine.ReadAll(rs, func(t *string) []any { return []any{t} })
			*out = append(*out, some...)
			return err
		}}
	}
	qs := []engine.Query{
		maybe(&held, qLockConnectionShared, []any{s.tenant, connection}, connectionDest(&h.Connection)...),
		text(&t.names, qNamesInView, s.tenant, connection, names),
		text(&t.names, qNamesTaken, s.tenant, names),
	}
	if len(emails) > 0 {
		qs = append(qs, text(&t.emails, qEmailsTaken, s.tenant, emails))
	}
	if err = s.pipeline(ctx, qs...); err == nil && !held {
		err = membership.NotFound("connection")
	}
	return h, t, err
}
