package membership_test

import (
	"context"
	"iter"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Whoever takes a report slowly keeps a place: the others wait, and do not take
// what the store has of connections.
func TestFewReportsAtATime(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		f := membership.Format[membership.RegisterRow]{Name: "test", Append: func(b []byte, _ membership.RegisterRow) []byte { return b }}
		held, let := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				_ = w.dir.ExportRegister(w.ctx, w.admin, membership.RegisterQuery{}, f,
					func(membership.Manifest, iter.Seq2[[]byte, error]) error {
						held <- struct{}{}
						<-let
						return nil
					})
			})
			<-held
		}
		impatient, cancel := context.WithCancel(w.ctx)
		cancel()
		send := func(membership.Manifest, iter.Seq2[[]byte, error]) error { return nil }
		require.ErrorIs(t, w.dir.ExportRegister(impatient, w.admin, membership.RegisterQuery{}, f, send), context.Canceled)
		close(let)
		wg.Wait()
		require.NoError(t, w.dir.ExportRegister(w.ctx, w.admin, membership.RegisterQuery{}, f, send))
	})
}

// A store that is read-only says so, and no event is left out in silence.
func TestEventsOfAReadOnlyStore(t *testing.T) {
	address := dbtest.URL(t, "postgres")
	w := newWorld(t, dbtest.Open(t, address))
	u, err := url.Parse(address)
	require.NoError(t, err)
	q := u.Query()
	q.Set("default_transaction_read_only", "on")
	u.RawQuery = q.Encode()
	replica, err := db.Open(w.ctx, u.String(), db.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, replica.Close()) }()
	dir := membership.NewDirectory(replica, allowAll{}, membership.Options{})

	read := func() (membership.EventPage, error) {
		return dir.NumberedEvents(w.ctx, w.admin, membership.EventFilter{Limit: 10})
	}
	_, err = read()
	w.kind(membership.KindUnavailable, err)
	require.ErrorContains(t, err, "no writes")
	_, err = w.dir.NumberedEvents(w.ctx, w.admin, membership.EventFilter{Limit: 10})
	require.NoError(t, err)
	page, err := read()
	require.NoError(t, err, "nothing was left to number")
	require.NotEmpty(t, page.Events)
}

type allowAll struct{}

func (allowAll) Allow(context.Context, membership.Question) error { return nil }
