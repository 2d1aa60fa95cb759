package scim

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/semaphore"
)

// Bodies that take much memory wait for each other, as far as they have come in,
// and the small ones do not wait.
func TestLargeBodiesAreReadAFewAtATime(t *testing.T) {
	room := semaphore.NewWeighted(2 * largeStep)
	body := func(ctx context.Context, size int) *largeBody {
		return &largeBody{Reader: strings.NewReader(strings.Repeat(" ", size)), ctx: ctx, room: room, free: largeStep}
	}
	small := body(t.Context(), largeStep)
	_, err := io.CopyN(io.Discard, small, largeStep)
	require.NoError(t, err)
	require.Zero(t, small.taken)

	first := body(t.Context(), 3*largeStep)
	_, err = io.CopyN(io.Discard, first, 3*largeStep)
	require.NoError(t, err)
	require.Equal(t, int64(2*largeStep), first.taken)

	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	late := body(impatient, 2*largeStep)
	_, err = io.Copy(io.Discard, late)
	require.ErrorIs(t, err, errUnavailable)
	_, err = io.Copy(io.Discard, newBodyReader(late))
	require.ErrorIs(t, err, errUnavailable, "as the caller is told")
	late.done()

	first.done()
	next := body(t.Context(), 2*largeStep)
	_, err = io.CopyN(io.Discard, next, 2*largeStep)
	require.NoError(t, err)
	next.done()
	require.True(t, room.TryAcquire(2*largeStep), "everything was given back")
}
