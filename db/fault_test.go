package db_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/db/dbtest/cluster"
	"github.com/scimbridge/scimbridge/membership"
)

func reasonOf(t *testing.T, s *db.Store) string {
	t.Helper()
	err := s.Ready(t.Context())
	if err == nil {
		return ""
	}
	var n *db.NotReadyError
	require.ErrorAs(t, err, &n)
	return n.Reason
}

// insertUser writes something that needs room.
func insertUser(ctx context.Context, s *db.Store, tenant membership.ID, n int) error {
	name := fmt.Sprintf("%d-%s", n, strings.Repeat("x", 500))
	return s.Update(ctx, tenant, func(tx membership.Tx) error {
		return tx.InsertUser(ctx, membership.User{
			ID: membership.NewID(), Tenant: tenant, UserName: name, Origin: "local",
			CreatedAt: time.Now(), UpdatedAt: time.Now(),
		})
	})
}

// pragma is one of the connection that writes.
func pragma(ctx context.Context, s *db.Store, text string) error {
	return s.Within(ctx, func(exec func(string) error) error { return exec("pragma " + text) })
}

// A full disk: writes get 503, readiness says why, and is back when there is room.
func TestReadySeesAFullDisk(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	w := newTenant(t, s)
	ctx := t.Context()
	require.Empty(t, reasonOf(t, s))
	require.NoError(t, pragma(ctx, s, "max_page_count = 1")) // as many as there are
	var err error
	for n := 0; n < 2000 && err == nil; n++ {
		err = insertUser(ctx, s, w.ID, n)
	}
	require.Equal(t, membership.KindUnavailable, membership.KindOf(err), "%v", err)
	assert.Equal(t, "disk_full", reasonOf(t, s))
	require.NoError(t, pragma(ctx, s, "max_page_count = 1000000"))
	db.ForgetFaults(s)
	assert.Empty(t, reasonOf(t, s))
	require.NoError(t, insertUser(ctx, s, w.ID, 5000))
}

// A store that takes no writes is found without anybody writing.
func TestReadySeesAReadOnlyStore(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		s := dbtest.Open(t, dbtest.URL(t, "sqlite"))
		require.Empty(t, reasonOf(t, s))
		require.NoError(t, pragma(t.Context(), s, "query_only = 1"))
		db.ForgetFaults(s)
		assert.Equal(t, "read_only", reasonOf(t, s))
	})
	if !slices.Contains(dbtest.Engines(), "postgres") {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		bin, err := cluster.Find()
		require.NoError(t, err)
		c, err := cluster.Start(bin, false)
		require.NoError(t, err)
		t.Cleanup(c.Stop)
		s := dbtest.Open(t, c.URL())
		w := newTenant(t, s)
		require.Empty(t, reasonOf(t, s))
		setReadOnly(t, c, "on")
		require.Eventually(t, func() bool { return reasonOf(t, s) == "read_only" }, 20*time.Second, 50*time.Millisecond)
		err = insertUser(t.Context(), s, w.ID, 1)
		require.Equal(t, membership.KindUnavailable, membership.KindOf(err), "%v", err)
		setReadOnly(t, c, "off")
		require.Eventually(t, func() bool { return reasonOf(t, s) == "" }, 20*time.Second, 50*time.Millisecond)
		require.NoError(t, insertUser(t.Context(), s, w.ID, 2))
	})
}

func setReadOnly(t *testing.T, c *cluster.Cluster, to string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.URL())
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range []string{
		"set default_transaction_read_only = off", // of this session
		"alter system set default_transaction_read_only = " + to, "select pg_reload_conf()",
	} {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
}

// Damaged pages: a reader of them gets 503, and a look at the whole finds them
// where none reads.
func TestReadySeesDamage(t *testing.T) {
	url := dbtest.URL(t, "sqlite")
	path := strings.TrimPrefix(url, "sqlite:")
	ctx := t.Context()
	s, err := db.Open(ctx, url, db.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(ctx))
	w := newTenant(t, s)
	for n := range 500 {
		require.NoError(t, insertUser(ctx, s, w.ID, n))
	}
	require.NoError(t, s.CheckIntegrity(ctx))
	require.Empty(t, reasonOf(t, s))
	require.NoError(t, s.Close())

	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	info, err := file.Stat()
	require.NoError(t, err)
	garbage := make([]byte, 4096) // no kind of page begins with a zero
	for at := info.Size() / 2 / 4096 * 4096; at < info.Size(); at += 4096 {
		_, err := file.WriteAt(garbage, at)
		require.NoError(t, err)
	}
	require.NoError(t, file.Close())

	s, err = db.Open(ctx, url, db.Options{})
	require.NoError(t, err)
	defer func() { _ = s.Close() }()
	require.Error(t, s.CheckIntegrity(ctx))
	assert.Equal(t, "corrupted", reasonOf(t, s))
	err = s.Read(ctx, w.ID, func(r membership.Reader) error {
		_, err := r.Users(ctx, membership.NativeQuery{Limit: 500})
		return err
	})
	assert.Error(t, err, "damaged rows are no answer")
}
