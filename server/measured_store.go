package server

import (
	"context"
	"errors"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// measuredStore times what a membership.Store does.
type measuredStore struct {
	membership.Store
	metrics *metrics
}

func measured(s membership.Store, m *metrics) membership.Store { return measuredStore{s, m} }

// View implements membership.Store.
func (s measuredStore) View(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) (err error) {
	defer s.measure("view", time.Now(), &err)
	return s.Store.View(ctx, tenant, fn)
}

// Update implements membership.Store.
func (s measuredStore) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) (err error) {
	defer s.measure("update", time.Now(), &err)
	return s.Store.Update(ctx, tenant, fn)
}

// ChangeMembers implements membership.Store.
func (s measuredStore) ChangeMembers(
	ctx context.Context, c membership.MemberChange,
) (r membership.MemberResult, err error) {
	defer s.measure("change_members", time.Now(), &err)
	return s.Store.ChangeMembers(ctx, c)
}

func (s measuredStore) measure(operation string, start time.Time, err *error) {
	s.metrics.transactions.WithLabelValues(operation, outcome(*err)).Observe(time.Since(start).Seconds())
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
