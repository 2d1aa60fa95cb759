package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	endless = `with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n`
	long    = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000) select count(*) from n`
)

// A caller who is gone ends the read, in the middle of a statement, and the
// connection serves the next.
func TestACancelledReadEnds(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	for range 10 { // more than there are connections
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		_, err := s.Query(ctx, membership.ID{}, endless)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = s.Query(ctx, membership.ID{}, `select 1`)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		one, err := s.Query(context.Background(), membership.ID{}, `select 1`)
		require.NoError(t, err)
		require.Equal(t, []string{"1"}, one)
	}
}

// A shared write ends its statement although its caller is gone, and begins no
// other: SQLite would roll back what the others wrote.
func TestACancelledWriteIsNotInterrupted(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	ctx, cancel := context.WithCancel(context.Background())
	begun, gone := make(chan struct{}), make(chan error)
	go func() {
		gone <- s.Within(ctx, func(exec func(string) error) error {
			close(begun)
			if err := exec(long); err != nil {
				return err
			}
			<-ctx.Done()
			return exec(long)
		})
	}()
	<-begun
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	require.NoError(t, s.Exec(context.Background(), membership.ID{},
		`update tenants set name = name where tenant_id = $1`, membership.NewID()))
}

// What SQLite refuses is told apart by its code.
func TestFullAndReadOnly(t *testing.T) {
	ctx := context.Background()
	s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	w := newTenant(t, s)
	_, err := s.Query(ctx, w.ID, `delete from tenants where tenant_id = $1`, w.ID)
	assert.Equal(t, membership.KindUnavailable, membership.KindOf(s.Translate(err)), "a reader cannot write: %v", err)

	require.NoError(t, s.Exec(ctx, w.ID, `pragma max_page_count = 1`)) // it stays at what there is
	fill := func() error {
		return s.Exec(ctx, w.ID, `update tenants set name = hex(zeroblob(1000000)) where tenant_id = $1`, w.ID)
	}
	err = fill()
	assert.Equal(t, membership.KindUnavailable, membership.KindOf(s.Translate(err)), "the disk is full: %v", err)
	require.NoError(t, s.Exec(ctx, w.ID, `pragma max_page_count = 1000000`))
	require.NoError(t, fill())
}

// Values come back as they went in.
func TestSQLiteValues(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	id, at := membership.NewID(), dbtest.Now()
	type name string
	got, err := db.Values(context.Background(), s,
		`select $3, $1, $2, $4, $5, $6, $7, $8, $9`, id, db.Stamp(at), nil, "a\x00ü", []byte{}, []byte(nil),
		int64(1)<<62, true, name("n"))
	require.NoError(t, err)
	assert.Equal(t, db.Row{
		None: membership.ID{}, ID: id, At: at, Text: "a\x00ü", Empty: []byte{}, Nil: nil, Int: 1 << 62, Bool: true,
		Name: "n",
	}, got)
	_, err = s.Query(context.Background(), id, `select $1`, nil)
	require.ErrorContains(t, err, "no value")
	_, err = s.Query(context.Background(), id, `select $2`, 1)
	require.ErrorContains(t, err, "$2")
	_, err = s.Query(context.Background(), id, `select $1`, at)
	require.ErrorContains(t, err, "stamp")
}
