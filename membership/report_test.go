package membership_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// A slow reader of a report holds nothing of the store, and of the reports only
// their tenant's.
func TestReportsThatNobodyTakes(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		f := membership.Format[membership.RegisterRow]{Name: "test",
			Append: func(b []byte, _ membership.RegisterRow) []byte { return b }}
		report := func(w *world, send membership.Send) error {
			return w.dir.ExportRegister(w.ctx, w.admin, membership.RegisterQuery{}, f, send)
		}
		taken := func(membership.Manifest, iter.Seq2[[]byte, error]) error { return nil }
		other := newWorld(t, w.store)
		other.dir = w.dir
		held, let := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				_ = report(w, func(membership.Manifest, iter.Seq2[[]byte, error]) error {
					held <- struct{}{}
					<-let
					return nil
				})
			})
			<-held
		}
		w.kind(membership.KindUnavailable, report(w, taken))
		for range 5 { // one after the other: more than are made at a time
			require.NoError(t, report(other, taken))
		}
		close(let)
		wg.Wait()
		require.NoError(t, report(w, taken))
	})
}

// A report is sent as it was read, however much it is and whatever happens
// meanwhile; what memory does not hold, a temporary file does.
func TestLargeReports(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.add(w.localGroup(), w.localUser())
		noise := make([]byte, 10<<20) // no compression helps
		_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
		f := membership.Format[membership.RegisterRow]{Name: "test",
			Append: func(b []byte, _ membership.RegisterRow) []byte {
				return append(b, noise...)
			}}
		report := func() error {
			return w.dir.ExportRegister(w.ctx, w.admin, membership.RegisterQuery{}, f,
				func(m membership.Manifest, body iter.Seq2[[]byte, error]) error {
					w.add(w.localGroup(), w.localUser()) // more to tell of, next time
					sum := sha256.New()
					n := 0
					for piece, err := range body {
						require.NoError(t, err)
						n += len(piece)
						_, _ = sum.Write(piece)
					}
					require.Zero(t, n%len(noise))
					require.Equal(t, int64(n/len(noise)), m.Rows)
					require.Equal(t, m.SHA256, hex.EncodeToString(sum.Sum(nil)))
					return nil
				})
		}
		t.Setenv("TMPDIR", t.TempDir())
		require.NoError(t, report())
		left, err := os.ReadDir(os.Getenv("TMPDIR"))
		require.NoError(t, err)
		require.Empty(t, left)

		t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "nowhere"))
		require.NoError(t, report(), "in memory, as far as there is room")
		w.dir = membership.NewDirectory(w.store, allowAll{}, membership.Options{
			Clock: w.clock, Answers: membership.AnswerLimits{Tenant: 8 << 20},
		})
		err = report()
		w.kind(membership.KindUnavailable, err)
		require.ErrorContains(t, err, "temporary file")
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
