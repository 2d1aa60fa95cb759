package membership_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestIDsAreUUIDv7AndAscend(t *testing.T) {
	last := membership.ID{}
	for range 20_000 {
		id := membership.NewID()
		require.Equal(t, 1, id.Compare(last))
		require.EqualValues(t, 7, id[6]>>4, "version")
		require.EqualValues(t, 2, id[8]>>6, "variant")
		last = id
	}
	ms := int64(0)
	for _, b := range last[:6] {
		ms = ms<<8 | int64(b)
	}
	require.WithinDuration(t, time.Now(), time.UnixMilli(ms), time.Minute)
}

func TestIDsOfConcurrentMakersDiffer(t *testing.T) {
	var mu sync.Mutex
	seen := map[membership.ID]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				id := membership.NewID()
				mu.Lock()
				if seen[id] {
					t.Errorf("%s was made twice", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestParseID(t *testing.T) {
	id := membership.NewID()
	for _, s := range []string{id.String(), strings.ToUpper(id.String())} {
		got, err := membership.ParseID(s)
		require.NoError(t, err)
		require.Equal(t, id, got)
	}
	for _, s := range []string{
		"", "x", strings.ReplaceAll(id.String(), "-", ""), "{" + id.String() + "}", id.String() + " ",
		"0190-0000000-0000-0000-000000000000", "g1900000-0000-7000-8000-000000000000",
		"01900000-0000-7000-8000-00000000000\x00",
	} {
		_, err := membership.ParseID(s)
		require.Error(t, err, "%q", s)
	}
}
