package scim

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// Bodies that take much memory wait for each other, and the small ones for
// nobody.
func TestLargeBodiesAreReadAFewAtATime(t *testing.T) {
	x := func(d *door) *exchange {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPatch, "/scim/v2/Groups/x", nil)
		return &exchange{r: r, large: d.large, largest: d.maxGroupBody}
	}
	d, _ := New(nil, nil, Config{MaxGroupBody: 100}).(*door)
	require.NotNil(t, d)
	first := make([]*exchange, largeAtOnce)
	for i := range first {
		first[i] = x(d)
		require.NoError(t, first[i].admitLarge(1<<40), "no body counts for more than the largest")
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	late := x(d)
	late.r = late.r.WithContext(impatient)
	require.ErrorIs(t, late.admitLarge(1), errUnavailable)
	late.done()
	first[0].done()
	next := x(d)
	require.NoError(t, next.admitLarge(100))
	next.done()
	for _, x := range first[1:] {
		x.done()
	}
	require.True(t, d.large.TryAcquire(largeAtOnce*100), "everything was given back")
}
