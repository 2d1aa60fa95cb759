package db_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
)

// rowOfEvent says which row of each table belongs to the event $2 of the tenant $1.
var rowOfEvent = map[string]string{
	"events": `number = $2`,
	"event_users": `number = $2 and user_id = (select user_id from event_users where tenant_id = $1 and number = ` +
		`$2 limit 1)`,
	"event_keys":  `key = 'action grant.opened' and first <= $2 and last >= $2`,
	"event_spans": `span = $2 / 1024`,
	"event_texts": `position = (select position from events where tenant_id = $1 and number = $2)`,
}

// columnsOf lists columns from the catalog, as name:type.
var columnsOf = map[string]string{
	"sqlite": `select name || ':' || lower(type) from pragma_table_info('%s')`,
	"postgres": `select column_name || ':' || data_type from information_schema.columns
		where table_schema = 'public' and table_name = '%s' and is_generated = 'NEVER'`,
}

// tablesOfEvents lists the tables of events; those of before are emptied by a migration.
var tablesOfEvents = map[string]string{
	"sqlite": `select name from sqlite_master where type = 'table' and name like 'event%' and name not like '%before'`,
	"postgres": `select table_name::text from information_schema.tables where table_schema = 'public'
		and table_name like 'event%' and table_name not like '%before'`,
}

// another is an expression of another value of a column. What it takes for id is an
// id in $3.
func another(t testing.TB, column, kind string) string {
	t.Helper()
	switch {
	case column == "salt":
		return map[string]string{"blob": `cast(salt || 'x' as blob)`, "bytea": `salt || salt`}[kind]
	case kind == "bigint", kind == "integer":
		return column + ` + 5000`
	case kind == "uuid", kind == "blob":
		return `$3`
	case strings.HasPrefix(kind, "timestamp"):
		return `(` + column + ` at time zone 'UTC' - interval '1 microsecond') at time zone 'UTC'`
	case strings.HasSuffix(column, "_at"):
		return `'1' || substr(` + column + `, 2)`
	case kind == "text":
		return column + ` || 'x'`
	}
	require.Fail(t, "no other value is known", "%s %s", column, kind)
	return ""
}

// flip gives a column of an event's row another value.
func (w *sealed) flip(table, column, kind string, number int64) {
	w.T.Helper()
	where := ` where tenant_id = $1 and ` + rowOfEvent[table]
	if column == "tenant_id" { // it is gone from this tenant, and no other may be written
		w.sql(`delete from `+table+where, number)
		return
	}
	value, args := another(w.T, column, kind), []any{number}
	if value == "$3" {
		args = append(args, membership.NewID())
	}
	w.sql(`update `+table+` set `+column+` = `+value+where, args...)
}

// Every column of an event, those of its index and its texts too, is held against
// what was sealed: the catalog says which there are. Only a text that is gone is not
// missed, as it is erased so.
func TestEveryStoredColumnIsVerified(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		// A change of two members with a reason is the event of a number.
		with := func(t *testing.T) (w *sealed, number int64) {
			w = newSealed(t, s)
			number = w.log().Head + 1
			w.Update(func(tx membership.Tx) error {
				c := w.Change(w.Users[11:13], nil)
				c.Call.Reason = "INC-7"
				return dbtest.ChangeMembers(w.Ctx, tx, c)
			})
			w.change(7)
			require.NoError(t, w.sealer.Number(w.Ctx))
			require.NoError(t, w.restart().SealTenant(w.Ctx, w.ID))
			require.NoError(t, w.verify())
			return w, number
		}
		found := func(t *testing.T, w *sealed, number int64) {
			t.Helper()
			var f *seal.Finding
			require.ErrorAs(t, w.verify(), &f)
			assert.Equal(t, number, f.Number, f.Error())
		}
		whole, _ := with(t)
		tables, err := s.Query(whole.Ctx, membership.ID{}, tablesOfEvents[s.Engine()])
		require.NoError(t, err)
		for _, table := range tables { // event_heads has the last number, which numbering depends on
			if rowOfEvent[table] == "" && table != "event_heads" {
				assert.Fail(t, "nothing is known of the table "+table)
			}
		}
		require.Greater(t, len(tables), len(rowOfEvent))
		for table := range rowOfEvent {
			columns, err := s.Query(whole.Ctx, membership.ID{}, fmt.Sprintf(columnsOf[s.Engine()], table))
			require.NoError(t, err)
			require.NotEmpty(t, columns, table)
			for _, c := range columns {
				column, kind, _ := strings.Cut(c, ":")
				if table == "event_texts" && column == "tenant_id" {
					continue
				}
				t.Run(table+"."+column, func(t *testing.T) {
					w, number := with(t)
					want := number
					switch table {
					case "event_keys":
						want = w.firstOpened()
					case "event_spans":
						want = 1
					}
					w.flip(table, column, kind, number)
					found(t, w, want)
				})
			}
		}
		t.Run("position of an event without texts", func(t *testing.T) {
			w, number := with(t)
			w.flip("events", "position", "bigint", number+2) // that ended a grant
			found(t, w, number+2)
		})
		if s.Engine() == "postgres" && !dbtest.IsCitus(t, s.Engine()) { // at the end: no other event has keys any more
			defer t.Run("keys that PostgreSQL generates", func(t *testing.T) {
				w, number := with(t)
				for _, column := range []string{"group_key", "user_key"} {
					require.NoError(t, s.Exec(w.Ctx, membership.ID{},
						`alter table events alter column `+column+` drop expression`))
				}
				require.NoError(t, w.verify())
				w.flip("events", "group_key", "bigint", number)
				found(t, w, number)
			})
		}
		t.Run("members in the body", func(t *testing.T) { // the text that is hashed is the same
			w, number := with(t)
			w.sql(`update events set body = substr(body, 1, length(body) - 1) || ',"members":' || members || '}',
				members = null`+numbered, number)
			found(t, w, number)
		})
		t.Run("rows that belong to no event", func(t *testing.T) {
			w, number := with(t)
			w.sql(`insert into event_users (tenant_id, user_id, number) values ($1, $2, $3)`, membership.NewID(),
				number+1)
			found(t, w, number+1)
			w, _ = with(t)
			w.sql(`insert into event_keys (tenant_id, key, span, first, last) values ($1, 'action x', 900, 57600, ` +
				`57600)`)
			found(t, w, 57600)
			w, number = with(t)
			w.sql(`update event_texts set text = 'INC-8' where tenant_id = $1`)
			found(t, w, number)
		})
	})
}

// firstOpened is the number of the first event that opened a grant.
func (w *sealed) firstOpened() int64 {
	for l, err := range w.store.Leaves(w.Ctx, w.ID, 0, 100) {
		require.NoError(w.T, err)
		if strings.Contains(string(l.Body), `"action":"grant.opened"`) {
			return l.Number
		}
	}
	return 0
}
