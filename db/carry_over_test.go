package db_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// before is a store that the version before (schema 20) made: grants opened and
// closed by a connection and natively, some more than once, numbered and not, a
// connection whose grants were converted, and grants that no event tells of.
func before(t *testing.T) (path string) {
	t.Helper()
	packed, err := os.Open("testdata/before.sqlite.gz")
	require.NoError(t, err)
	defer func() { _ = packed.Close() }()
	from, err := gzip.NewReader(packed)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "before.sqlite")
	to, err := os.Create(path)
	require.NoError(t, err)
	_, err = io.Copy(to, from) //nolint:gosec // our own file
	require.NoError(t, err)
	require.NoError(t, to.Close())
	return path
}

// tablesBefore in an order in which their foreign keys hold.
var tablesBefore = []string{
	"tenants", "connections", "tokens", "users", "user_links", "user_link_emails", "groups", "group_links", "grants",
	"events",
	"member_events", "event_heads",
}

// jsonOfTable is a statement that writes the rows of a table as JSON objects.
func jsonOfTable(t *testing.T, s *db.Store, table string) string {
	t.Helper()
	columns, err := s.Query(context.Background(), membership.ID{}, `select name from pragma_table_info('`+table+`')`)
	require.NoError(t, err)
	var pairs []string
	for _, c := range columns {
		pairs = append(pairs, `'`+c+`', case typeof(`+c+`) when 'blob' then case length(`+c+`) when 16 then {text `+c+`}
			else '\x' || lower(hex(`+c+`)) end else `+c+` end`)
	}
	return `select json_object(` + strings.Join(pairs, ", ") + `) from ` + table
}

// copyBefore copies the store of before into one of PostgreSQL.
func copyBefore(t *testing.T, from, to *db.Store, tenants []membership.ID) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, to.MigrateTo(ctx, 20))
	for _, table := range tablesBefore {
		rows, err := from.Query(ctx, membership.ID{}, jsonOfTable(t, from, table))
		require.NoError(t, err)
		for _, row := range rows {
			var tenant struct {
				Tenant membership.ID `json:"tenant_id"`
			}
			require.NoError(t, json.Unmarshal([]byte(row), &tenant))
			require.Contains(t, tenants, tenant.Tenant)
			require.NoError(t, to.Exec(ctx, tenant.Tenant,
				`insert into `+table+` select * from json_populate_record(null::`+table+`, $1::text::json)`, row), row)
		}
	}
}

func TestGrantsOfBeforeAreCarriedOver(t *testing.T) {
	ctx := context.Background()
	db.CarrySteps(t, 3)
	dbtest.EachEmptyURL(t, func(t *testing.T, url string) {
		old, err := db.Open(ctx, "sqlite:"+before(t), db.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, old.Close()) }()
		tenants, err := old.TenantsBefore(ctx)
		require.NoError(t, err)
		require.Len(t, tenants, 2)
		want, numbered := map[membership.ID]membership.Grant{}, map[membership.ID][]string{}
		for _, tenant := range tenants {
			grants, err := old.GrantsBefore(ctx, tenant)
			require.NoError(t, err)
			require.NotEmpty(t, grants)
			for _, g := range grants {
				want[g.ID] = g
			}
			numbered[tenant], err = old.Query(ctx, tenant,
				`select number || ' ' || {text id} || ' ' || action || ' ' || at from events
				where tenant_id = $1 and number is not null order by number`, tenant)
			require.NoError(t, err)
		}
		s := old
		if strings.HasPrefix(url, "postgres") {
			s, err = db.Open(ctx, url, db.Options{Spread: true})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			copyBefore(t, old, s, tenants) //nolint:contextcheck // it is this test's
		}
		// What is stopped in the middle goes on.
		for n := 1; ; n++ {
			require.Less(t, n, 500)
			stopped, stop := context.WithCancel(ctx)
			db.StopCarrying(t, n, stop)
			if err = s.Migrate(stopped); err == nil {
				require.Greater(t, n, 5, "it was stopped nowhere")
				stop()
				break
			}
			stop()
		}
		pending, err := s.PendingMigrations(ctx)
		require.NoError(t, err)
		require.Empty(t, pending)
		require.NoError(t, s.Ready(ctx))

		for _, tenant := range tenants {
			got := map[membership.ID]membership.Grant{}
			links := map[[2]membership.ID]int64{}
			for _, g := range want {
				require.NoError(t, s.Read(ctx, tenant, func(r membership.Reader) error {
					for row, err := range r.Register(ctx,
						membership.RegisterQuery{AsOf: membership.AsOf{Time: g.OpenedAt}}) {
						if err != nil {
							return err
						}
						got[row.Grant.ID] = row.Grant
					}
					return nil
				}))
			}
			require.NotEmpty(t, got)
			for id, g := range got {
				require.Equal(t, want[id], g)
				delete(want, id)
				if g.ClosedAt.IsZero() && !g.Connection.IsZero() {
					links[[2]membership.ID{g.Connection, g.Group}]++
				}
			}
			for link, n := range links {
				open, err := s.Query(ctx, tenant, `select cast(sum(members) as text) from group_links
					where tenant_id = $1 and connection_id = $2`, tenant, link[0])
				require.NoError(t, err)
				require.Equal(t, []string{strconv.FormatInt(n, 10)}, open)
			}
			kept := 0
			w := &dbtest.Tenant{T: t, Ctx: ctx, Store: s, ID: tenant}
			w.Number()
			for i, e := range w.Numbered(0) {
				require.EqualValues(t, i+1, e.Number)
				if i < len(numbered[tenant]) {
					require.Equal(t, numbered[tenant][i], strings.Join([]string{
						numberOf(e), e.ID.String(), string(e.Action), e.At.Format("2006-01-02T15:04:05.000000Z"),
					}, " "))
					kept++
				}
			}
			require.Equal(t, len(numbered[tenant]), kept)
		}
		require.Empty(t, want, "every grant of before is in the register")
	})
}

func numberOf(e membership.Event) string {
	b, _ := json.Marshal(e.Number)
	return string(b)
}

// A program that does not know the schema that a store needs says so, and neither
// uses nor migrates it.
func TestTheSchemaStatesTheOldestProgram(t *testing.T) {
	ctx := context.Background()
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		require.NoError(t, s.CheckSchema(ctx))
		require.NoError(t, s.Exec(ctx, membership.ID{}, `update oldest_program set schema = schema + 1000`))
		for _, err := range []error{s.CheckSchema(ctx), s.Migrate(ctx), s.Ready(ctx)} {
			require.ErrorContains(t, err, "use the newer scimbridge")
		}
	})
}
