package scim_test

import (
	"context"
	"encoding/binary"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/scim"
)

// crowded is a store whose groups have a million members. Behind the first
// hundredth it waits until somebody has seen the beginning of the list.
type crowded struct {
	membership.Lookups
	store membership.Store
	seen  chan struct{}
}

const crowd = 1_000_000

func (s crowded) Read(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) error {
	return s.store.Read(ctx, tenant, func(r membership.Reader) error { return fn(crowdedReader{r, s.seen}) })
}

func (s crowded) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) error {
	return s.store.Update(ctx, tenant, fn)
}

func (s crowded) WriteMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	return s.store.WriteMembers(ctx, c)
}

func (s crowded) UpdateHolding(
	ctx context.Context, tenant membership.ID, n membership.HeldName,
	fn func(membership.Tx, membership.NameHolders) error,
) error {
	return s.store.UpdateHolding(ctx, tenant, n, fn)
}

func (s crowded) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

func (s crowded) Scrub(ctx context.Context) error { return s.store.Scrub(ctx) }

type crowdedReader struct {
	membership.Reader
	seen chan struct{}
}

func (r crowdedReader) MemberIDs(ctx context.Context, _, _ membership.ID) iter.Seq2[membership.ID, error] {
	return func(yield func(membership.ID, error) bool) {
		for i := range uint32(crowd) {
			if i == crowd/100 {
				select {
				case <-r.seen:
				case <-ctx.Done():
					return
				}
			}
			var id membership.ID
			binary.BigEndian.PutUint32(id[:], i)
			if !yield(id, nil) {
				return
			}
		}
	}
}

// TestLongAnswer: a group of any size, alone or in a list, is sent while it is
// read, and of its members no more memory is taken than their ids have.
func TestLongAnswer(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) {
		b := newBench(t, store)
		g := b.group("g")
		for _, path := range []string{"/Groups/" + g, "/Groups", "/Groups?excludedAttributes=members.type",
			"?filter=displayName%20pr"} {
			seen := make(chan struct{})
			server := httptest.NewServer(scim.New(membership.NewDirectory(crowded{store, store, seen}, auth.Policy{},
				membership.Options{}),
				auth.NewVerifier(store, time.Now), scim.Config{PublicURL: "http://x"}))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/scim/v2"+path, nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+b.token)
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			_, err = io.CopyN(io.Discard, answer.Body, 100_000)
			require.NoError(t, err)
			close(seen)
			n, err := io.Copy(io.Discard, answer.Body)
			require.NoError(t, err)
			require.Greater(t, n, int64(40*crowd))
			require.NoError(t, answer.Body.Close())
			cancel()
			server.Close()
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(20*crowd), "bytes allocated, %s", path)
		}
	})
}
