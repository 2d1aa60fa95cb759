package membership

import "context"

// timedStore gives each transaction the clock of the Directory. It names each method
// instead of embedding the Store: a new one does not compile before it is here.
type timedStore struct {
	store Store
	clock *steadyClock
}

// Read implements Store.
func (s timedStore) Read(ctx context.Context, tenant ID, fn func(Reader) error) error {
	return s.store.Read(ctx, tenant, func(r Reader) error {
		r.UseClock(s.clock.Now)
		return fn(r)
	})
}

// Update implements Store.
func (s timedStore) Update(ctx context.Context, tenant ID, fn func(Tx) error) error {
	return s.store.Update(ctx, tenant, func(tx Tx) error {
		tx.UseClock(s.clock.Now)
		return fn(tx)
	})
}

// UpdateHolding implements Store.
func (s timedStore) UpdateHolding(
	ctx context.Context, tenant ID, n HeldName, fn func(Tx, NameHolders) error,
) error {
	return s.store.UpdateHolding(ctx, tenant, n, func(tx Tx, h NameHolders) error {
		tx.UseClock(s.clock.Now)
		return fn(tx, h)
	})
}

// WriteMembers implements Store. The change has its time.
func (s timedStore) WriteMembers(ctx context.Context, c MemberChange) (MemberResult, error) {
	return s.store.WriteMembers(ctx, c)
}

// LookUpUser implements Lookups.
func (s timedStore) LookUpUser(ctx context.Context, tenant, connection, user ID) (ProvisionedUser, error) {
	return s.store.LookUpUser(ctx, tenant, connection, user)
}

// LookUpUsersNamed implements Lookups.
func (s timedStore) LookUpUsersNamed(
	ctx context.Context, tenant, connection ID, key string,
) ([]ProvisionedUser, error) {
	return s.store.LookUpUsersNamed(ctx, tenant, connection, key)
}

// LookUpGroupLink implements Lookups.
func (s timedStore) LookUpGroupLink(ctx context.Context, tenant, connection, group ID) (GroupLink, error) {
	return s.store.LookUpGroupLink(ctx, tenant, connection, group)
}

// Scrub implements Store.
func (s timedStore) Scrub(ctx context.Context) error { return s.store.Scrub(ctx) }

// Ready implements Store.
func (s timedStore) Ready(ctx context.Context) error { return s.store.Ready(ctx) }
