package db_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// keysByEngine lists, from the catalog, the first column of every primary key,
// unique index and foreign key, as table.index: column.
var keysByEngine = map[string]string{
	"sqlite": `select t.name || '.' || i.name || ': ' || coalesce(c.name, '')
		from sqlite_master t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
		where t.type = 'table' and t.name not like 'goose%' and t.name not like 'sqlite%' and i."unique" and c.seqno = 0
		union all
		select t.name || '.fk' || f.id || ': ' || f."from"
		from sqlite_master t, pragma_foreign_key_list(t.name) f
		where t.type = 'table' and f.seq = 0`,
	"postgres": `select c.conrelid::regclass || '.' || c.conname || ': ' || a.attname
		from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
		where c.connamespace = 'public'::regnamespace and c.contype in ('p', 'u', 'f')
			and c.conrelid::regclass::text not like 'goose%'
		union all
		select i.indrelid::regclass || '.' || i.indexrelid::regclass || ': ' || a.attname
		from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
		join pg_class t on t.oid = i.indrelid and t.relnamespace = 'public'::regnamespace
		where i.indisunique and i.indrelid::regclass::text not like 'goose%'`,
}

func TestEveryKeyBeginsWithTheTenant(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		keys, err := s.Query(context.Background(), membership.ID{}, keysByEngine[s.Engine()])
		require.NoError(t, err)
		require.Greater(t, len(keys), len(tables)+5, "the catalog was not read: %v", keys)
		for _, k := range keys {
			require.Regexp(t, `: tenant_id$`, k)
		}
	})
}

// A statement that forgets its tenant sees one tenant all the same, and none
// where no tenant was named.
func TestRowLevelSecurity(t *testing.T) {
	ctx := context.Background()
	s := dbtest.Open(t, dbtest.URL(t, "postgres"))
	a, b := newTenant(t, s), newTenant(t, s)
	for _, w := range []*tenant{a, b} { // several members of one event
		w.Update(func(tx membership.Tx) error { return dbtest.ChangeMembers(ctx, tx, w.Change(w.Users[2:4], nil)) })
		w.Number()
	}
	for _, w := range []*tenant{a, b} { // after the numbering
		w.Update(func(tx membership.Tx) error { return dbtest.ChangeMembers(ctx, tx, w.Change(w.Users[1:2], nil)) })
	}
	for _, table := range tables {
		forced, err := s.Query(ctx, a.ID, `select (relrowsecurity and relforcerowsecurity)::text from pg_class
			where oid = '`+table+`'::regclass`)
		require.NoError(t, err)
		// Of a Citus the owner does not serve.
		require.Equal(t, []string{strconv.FormatBool(!dbtest.IsCitus(t, s.Engine()))}, forced, table)
	}
	for _, table := range []string{"tenants", "connections", "users", "groups", "grants", "events", "event_users",
		"event_keys", "event_spans", "user_links", "group_links"} {
		q := `select distinct tenant_id::text from ` + table
		seen, err := s.QueryEverywhere(ctx, a.ID, q)
		require.NoError(t, err)
		require.Equal(t, []string{a.ID.String()}, seen, table)
		seen, err = s.QueryEverywhere(ctx, membership.ID{}, q)
		require.NoError(t, err)
		require.Empty(t, seen, table)
	}
	// Nor can a write reach across.
	err := s.Update(ctx, a.ID, func(tx membership.Tx) error {
		return tx.AppendEvents(ctx, membership.Event{Tenant: b.ID, ID: membership.NewID(), At: dbtest.Now()})
	})
	require.NoError(t, err, "the transaction's tenant is what counts")
	err = s.Update(ctx, b.ID, func(tx membership.Tx) error {
		return tx.InsertTenant(ctx, membership.Tenant{ID: a.ID, Name: "stolen", CreatedAt: dbtest.Now()})
	})
	require.Error(t, err)
}

// The list of tenants is all that its transaction sees of them, and it is over
// with it: the connection is shared.
func TestTenantsAreListed(t *testing.T) {
	ctx := context.Background()
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		var want []membership.ID
		for range 3 {
			want = append(want, newTenant(t, s).ID)
		}
		slices.SortFunc(want, membership.ID.Compare)
		var got []membership.ID
		for after := (membership.ID{}); ; after = got[len(got)-1] {
			page, err := s.Tenants(ctx, after, 2)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			for _, tenant := range page {
				require.NotEmpty(t, tenant.Name)
				require.False(t, tenant.CreatedAt.IsZero())
				got = append(got, tenant.ID)
			}
		}
		assert.Equal(t, want, got)
		if s.Engine() == "postgres" {
			for range 20 {
				none, err := s.QueryEverywhere(ctx, membership.ID{}, `select name from tenants`)
				require.NoError(t, err)
				require.Empty(t, none)
			}
		}
	})
}

func TestTwoProcessesMigrateAtOnce(t *testing.T) {
	ctx := context.Background()
	dbtest.EachEmptyURL(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			s, err := db.Open(ctx, url, db.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			wg.Go(func() {
				if errs[i] = s.Migrate(ctx); errs[i] == nil {
					errs[i] = s.Ready(ctx)
				}
			})
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	})
}

func TestReadyWantsTheSchema(t *testing.T) {
	dbtest.EachEmptyURL(t, func(t *testing.T, url string) {
		s, err := db.Open(context.Background(), url, db.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		require.ErrorIs(t, s.CheckSchema(context.Background()), db.ErrNoStore)
		require.NoError(t, s.Migrate(context.Background()))
		require.NoError(t, s.Ready(context.Background()))
	})
}

func TestOpenRefusesOtherURLs(t *testing.T) {
	for _, url := range []string{"", "mysql://x", "sqlite:", "sqlite::memory:",
		"postgres://u:hunter2@127.0.0.1:1/x?connect_timeout=1"} {
		_, err := db.Open(context.Background(), url, db.Options{})
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

// A first import has no statistics to plan by: the lookup of a user must go by
// the user all the same, or it reads every row that the connection has.
func TestLookupsGoByTheUserWithoutStatistics(t *testing.T) {
	ctx := context.Background()
	s, err := db.OpenWithoutStatistics(ctx, dbtest.URL(t, "postgres"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Migrate(ctx))
	w := newTenant(t, s)
	w.Update(func(tx membership.Tx) error {
		for i := range 5000 {
			if err := w.InsertUser(tx, fmt.Sprintf("import%d", i), dbtest.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	plan, err := s.Query(ctx, w.ID,
		fmt.Sprintf(`explain select x.user_id from unnest(array['%s'::uuid]) k(id), lateral (
		select x.user_id from user_links x
		where x.tenant_id = '%s' and x.connection_id = '%s' and x.user_id = k.id offset 0) x`, w.Users[9], w.ID,
			w.Connection))
	require.NoError(t, err)
	require.Regexp(t, `Index Cond: .*\(user_id = k\.id\)`, strings.Join(plan, "\n"))

	for _, name := range []string{"qUser", "qGroup"} {
		plan, err := s.Query(ctx, w.ID, "explain "+constants(t)[name], w.ID, w.Users[9])
		require.NoError(t, err)
		require.Regexp(t, `Index Cond: .*\(id = `, strings.Join(plan, "\n"), name)
	}
}

// A provider looks for every user before it makes them. The store sees to it
// that a first import has statistics to plan that with, and others do not.
func TestAFirstImportIsPlannedWithStatistics(t *testing.T) {
	dbtest.PlainPlans(t, "postgres")
	s := dbtest.Open(t, dbtest.URL(t, "postgres"))
	w := newTenant(t, s)
	w.Update(func(tx membership.Tx) error {
		for i := range 500 {
			if err := w.InsertUser(tx, fmt.Sprintf("import%d", i), dbtest.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	goesByName := regexp.MustCompile(`Index Cond: .*user_name_key`)
	require.Eventually(t, func() bool {
		plans, err := s.Plans(w.Ctx, w.ID, func(r membership.Reader) error {
			_, err := r.UserLinks(w.Ctx, w.Connection, membership.LinkQuery{
				Filter: membership.Compare{Attribute: membership.Attribute{Name: "userName"}, Op: membership.Equal,
					Value: "import3"}, Limit: 10,
			})
			return err
		})
		require.NoError(t, err)
		return goesByName.MatchString(plans[0])
	}, 20*time.Second, 50*time.Millisecond)
}
