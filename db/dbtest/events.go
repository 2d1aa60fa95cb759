package dbtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// Events numbers all events of a tenant and returns those that a filter selects,
// in the order of their numbers; with no limit of the filter, all of them.
func Events(t testing.TB, s membership.Store, tenant membership.ID, f membership.EventFilter) (es []membership.Event) {
	t.Helper()
	const batch = 10_000
	ctx := context.Background()
	for n := batch; n >= batch; {
		require.NoError(t, s.Update(ctx, tenant, func(tx membership.Tx) (err error) {
			n, err = tx.NumberEvents(ctx, batch)
			return err
		}))
	}
	if f.Limit == 0 {
		f.Limit = 1 << 20
	}
	require.NoError(t, s.Read(ctx, tenant, func(r membership.Reader) (err error) {
		es, err = r.NumberedEvents(ctx, f)
		return err
	}))
	return es
}
