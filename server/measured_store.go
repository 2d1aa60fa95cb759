package server

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// measuredStore times and traces the operations of a membership.Store. It names each of its
// methods instead of embedding it: a new one does not compile before it is here.
type measuredStore struct {
	store   membership.Store
	metrics *metrics
	tracing *tracing
}

func measured(s membership.Store, m *metrics, t *tracing) membership.Store {
	return measuredStore{s, m, t}
}

// Read implements membership.Store.
func (s measuredStore) Read(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) (err error) {
	ctx, span := s.tracing.operation(ctx, "view")
	defer s.metrics.inStore(ctx, span, "view", time.Now(), &err)
	return s.store.Read(ctx, tenant, fn)
}

// Update implements membership.Store.
func (s measuredStore) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) (err error) {
	ctx, span := s.tracing.operation(ctx, "update")
	defer s.metrics.inStore(ctx, span, "update", time.Now(), &err)
	return s.store.Update(ctx, tenant, fn)
}

// UpdateHolding implements membership.Store.
func (s measuredStore) UpdateHolding(
	ctx context.Context, tenant membership.ID, n membership.HeldName,
	fn func(membership.Tx, membership.NameHolders) error,
) (err error) {
	ctx, span := s.tracing.operation(ctx, "update")
	defer s.metrics.inStore(ctx, span, "update", time.Now(), &err)
	return s.store.UpdateHolding(ctx, tenant, n, fn)
}

// WriteMembers implements membership.Store.
func (s measuredStore) WriteMembers(
	ctx context.Context, c membership.MemberChange,
) (r membership.MemberResult, err error) {
	ctx, span := s.tracing.operation(ctx, "write_members")
	defer s.metrics.inStore(ctx, span, "write_members", time.Now(), &err)
	return s.store.WriteMembers(ctx, c)
}

// LookUpUser implements membership.Lookups.
func (s measuredStore) LookUpUser(
	ctx context.Context, tenant, connection, user membership.ID,
) (u membership.ProvisionedUser, err error) {
	ctx, span := s.tracing.operation(ctx, "lookup")
	defer s.metrics.inStore(ctx, span, "lookup", time.Now(), &err)
	return s.store.LookUpUser(ctx, tenant, connection, user)
}

// LookUpUsersNamed implements membership.Lookups.
func (s measuredStore) LookUpUsersNamed(
	ctx context.Context, tenant, connection membership.ID, key string,
) (us []membership.ProvisionedUser, err error) {
	ctx, span := s.tracing.operation(ctx, "lookup")
	defer s.metrics.inStore(ctx, span, "lookup", time.Now(), &err)
	return s.store.LookUpUsersNamed(ctx, tenant, connection, key)
}

// LookUpGroupLink implements membership.Lookups.
func (s measuredStore) LookUpGroupLink(
	ctx context.Context, tenant, connection, group membership.ID,
) (l membership.GroupLink, err error) {
	ctx, span := s.tracing.operation(ctx, "lookup")
	defer s.metrics.inStore(ctx, span, "lookup", time.Now(), &err)
	return s.store.LookUpGroupLink(ctx, tenant, connection, group)
}

// Scrub implements membership.Store.
func (s measuredStore) Scrub(ctx context.Context) (err error) {
	ctx, span := s.tracing.operation(ctx, "scrub")
	defer s.metrics.inStore(ctx, span, "scrub", time.Now(), &err)
	return s.store.Scrub(ctx)
}

// Ready implements membership.Store. It is a probe, and not measured: the metric
// of the store's state has its outcome.
func (s measuredStore) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

// inStore times one operation of the store: for the metrics, and for the request's line
// in the log. It ends its span, if it has one.
func (m *metrics) inStore(ctx context.Context, span trace.Span, operation string, start time.Time, err *error) {
	took := time.Since(start)
	endSpan(span, *err)
	auth.NoteOf(ctx).InStore(took)
	m.transactions.WithLabelValues(operation, outcome(*err)).Observe(took.Seconds())
}

func outcome(err error) string {
	kind := membership.KindOf(err)
	switch {
	case err == nil:
		return "ok"
	case kind != "" && kind != membership.KindUnavailable:
		return "refused"
	case errors.Is(err, context.Canceled):
		return "canceled" // the client went away
	}
	return "error"
}
