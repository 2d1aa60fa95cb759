package server

import (
	"context"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// superuser is a connection that may read the files of the server.
func (h *requestHouse) superuser() *pgx.Conn {
	h.t.Helper()
	server, err := url.Parse(os.Getenv("SCIMBRIDGE_TEST_DATABASE_URL"))
	require.NoError(h.t, err)
	database, err := url.Parse(string(h.config.DatabaseURL))
	require.NoError(h.t, err)
	server.Path = database.Path
	c, err := pgx.Connect(h.t.Context(), server.String())
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func readTexts(h *requestHouse, c *pgx.Conn, query string, args ...any) []string {
	h.t.Helper()
	rows, err := c.Query(h.t.Context(), query, args...)
	require.NoError(h.t, err)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(h.t, err)
	return texts
}

// walPosition is where PostgreSQL writes its write-ahead log now.
func (h *requestHouse) walPosition() string {
	return readTexts(h, h.superuser(), "select pg_current_wal_insert_lsn()::text")[0]
}

// walSince reads the files of the write-ahead log from a position on.
func (h *requestHouse) walSince(position string) string {
	h.t.Helper()
	c := h.superuser()
	// It is written to its files first. A checkpoint would remove what is to be read.
	_, err := c.Exec(h.t.Context(), "select pg_switch_wal()")
	require.NoError(h.t, err)
	names := readTexts(h, c, `select name from pg_ls_waldir()
		where name between pg_walfile_name($1::text::pg_lsn) and pg_walfile_name(pg_current_wal_lsn()) order by name`,
		position)
	var all strings.Builder
	for _, name := range names {
		var b []byte
		require.NoError(h.t, c.QueryRow(h.t.Context(), "select pg_read_binary_file('pg_wal/' || $1)", name).Scan(&b))
		all.Write(b)
	}
	return all.String()
}

// relationFiles reads the files of the tables of the request log and of their indexes, with
// the rows that are there no more.
func (h *requestHouse) relationFiles() string {
	h.t.Helper()
	c := h.superuser()
	_, err := c.Exec(h.t.Context(), "checkpoint")
	require.NoError(h.t, err)
	paths := readTexts(h, c, `select pg_relation_filepath(c.oid) from pg_class c where c.relkind in ('r', 'i', 't')
		and (c.relname like 'request%' or c.oid in (select reltoastrelid from pg_class where relname like 'request%'))`)
	require.Greater(h.t, len(paths), 10)
	var all strings.Builder
	for _, path := range paths {
		var b []byte
		require.NoError(h.t, c.QueryRow(h.t.Context(), "select pg_read_binary_file($1)", path).Scan(&b))
		all.Write(b)
	}
	return all.String()
}

// provisioned is what all other tables have: the write-ahead log has it as well.
func (h *requestHouse) provisioned() string {
	h.t.Helper()
	c := h.superuser()
	var all []string
	for _, table := range readTexts(h, c, `select oid::regclass::text from pg_class
		where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not like 'request%'`) {
		all = append(all, readTexts(h, c, "select t::text from "+table+" t")...)
	}
	return strings.Join(all, "\n")
}
