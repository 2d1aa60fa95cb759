package server

import (
	"context"
	"errors"

	"github.com/scimbridge/scimbridge/membership"
)

// inTransaction is a store in which everything is done in one transaction: what use
// cases do one after another see each other's changes, and of one that fails nothing is
// left.
type inTransaction struct {
	tx     membership.Tx
	failed error // why the transaction cannot go on; another may
}

// Read implements membership.Store.
func (s *inTransaction) Read(_ context.Context, _ membership.ID, fn func(membership.Reader) error) error {
	return fn(s.tx)
}

// Update implements membership.Store.
func (s *inTransaction) Update(ctx context.Context, _ membership.ID, fn func(membership.Tx) error) error {
	err := s.tx.Part(ctx, func() error { return fn(s.tx) })
	if membership.KindOf(err) == membership.KindUnavailable {
		s.failed = err
	}
	return err
}

// UpdateHolding implements membership.Store.
func (s *inTransaction) UpdateHolding(
	ctx context.Context, tenant membership.ID, n membership.HeldName,
	fn func(membership.Tx, membership.NameHolders) error,
) error {
	return s.Update(ctx, tenant, func(tx membership.Tx) error {
		h, err := tx.LockNameHolders(ctx, n.Connection, n.Name, n.Emails)
		if err != nil {
			return err
		}
		return fn(tx, h)
	})
}

// WriteMembers implements membership.Store.
func (s *inTransaction) WriteMembers(
	ctx context.Context, c membership.MemberChange,
) (r membership.MemberResult, err error) {
	if c.Judge != nil { // only of native changes
		return r, errors.New("a change in a transaction that is judged")
	}
	err = s.Update(ctx, c.Call.Tenant, func(tx membership.Tx) error {
		r, err = tx.ChangeMembers(ctx, c)
		return err
	})
	return r, err
}

// LookUpUser implements membership.Lookups.
func (s *inTransaction) LookUpUser(
	ctx context.Context, _, connection, user membership.ID,
) (u membership.ProvisionedUser, err error) {
	if u.UserLink, err = s.tx.UserLink(ctx, connection, user); err != nil {
		return u, err
	}
	groups, err := s.tx.GroupsOf(ctx, connection, []membership.ID{user}, 0)
	u.Groups = groups[user]
	return u, err
}

// LookUpUsersNamed implements membership.Lookups. No change asks for it.
func (s *inTransaction) LookUpUsersNamed(
	context.Context, membership.ID, membership.ID, string,
) ([]membership.ProvisionedUser, error) {
	return nil, errors.New("a list of users in a transaction")
}

// LookUpGroupLink implements membership.Lookups.
func (s *inTransaction) LookUpGroupLink(
	ctx context.Context, _, connection, group membership.ID,
) (membership.GroupLink, error) {
	return s.tx.GroupLink(ctx, connection, group)
}

// Scrub implements membership.Store. The transaction's end is not known yet.
func (s *inTransaction) Scrub(context.Context) error { return nil }

// Ready implements membership.Store.
func (s *inTransaction) Ready(context.Context) error { return nil }
