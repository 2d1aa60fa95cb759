package statements_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/scimbridge/scimbridge/db/dbtest/statements"
)

var checker = statements.Checker{
	Tables:    map[string]bool{"tenants": true, "users": true, "links": true, "events": true},
	Immutable: map[string]bool{"length": true},
	Functions: map[string]byte{
		"length": 's', "now": 's', "current_setting": 's', "to_char": 's', "random": 'v', "nextval": 'v',
	},
	AcrossTenants: map[string]bool{
		"select tenant_id from tenants": true,
	},
}

const (
	usersOpen  = "users is not restricted to one tenant"
	linksOpen  = "links is not restricted to one tenant"
	eventsOpen = "events is not restricted to one tenant"
	noColumn   = "what is inserted into links is selected with a tenant_id that is no column of a table of the tenant"
	noConflict = "what is inserted into links is selected, without on conflict"
	interval   = "an update or delete adds an interval to a column, which depends on the time zone"
	element    = "an update sets an element of an array: put it into a variable"
	changes    = "a common table expression changes rows"
	inValues   = "a subquery is in the values of an insert"
	sets       = "an update sets tenant_id"
	inCase     = "a case or coalesce calls now, which is not immutable"
	returning  = "a returning calls now, which is not immutable"
	onConflict = "an on conflict calls now, which is not immutable"
)

func TestCheck(t *testing.T) {
	for text, wrong := range map[string][]string{
		// One table.
		"select id from users where tenant_id = $1 and id = $2":     nil,
		"select id from users u where $1::uuid = u.tenant_id":       nil,
		"select id from users where (tenant_id, id) = ($1, $2)":     nil,
		"select id from users where (id, tenant_id) = ($1, id)":     {usersOpen},
		"select id from users where id = $1":                        {usersOpen},
		"select id from users where tenant_id > $1":                 {usersOpen},
		"select id from users where tenant_id = any($1)":            {usersOpen},
		"select id from users where tenant_id in ($1, $2)":          {usersOpen},
		"select id from users where tenant_id = $1 or id = $2":      {usersOpen},
		"select id from users where not (tenant_id = $1)":           {usersOpen},
		"select id from users where tenant_id = null":               {usersOpen},
		"select id from users where tenant_id = id":                 {usersOpen},
		"select id from users where tenant_id = tenant_id":          {usersOpen},
		"select id from users having tenant_id = $1":                {usersOpen},
		"select tenant_id = $1 from users":                          {usersOpen},
		"select tenant_id from tenants":                             nil, // may look at all
		"select 1":                                                  nil,
		"select key from settings where key = $1":                   nil, // no table of tenants
		"select id from users where tenant_id = uuid_of(tenant_id)": {usersOpen},
		"declare c cursor for select id from users where id = $1":   {usersOpen},
		"prepare p as select id from users where tenant_id = $1":    nil,
		"explain select id from users":                              {usersOpen},
		"create table copy as select id from users":                 {usersOpen},
		"select id from users where ctid = any($1)":                 {usersOpen},
		"delete from users where ctid = $1":                         {usersOpen},
		"delete from users where tenant_id = $1 and ctid = any($2)": nil,
		"update users set name = $2 where ctid = any($1)":           {usersOpen},
		"update users set tenant_id = $1":                           {usersOpen, sets},
		"update users set tenant_id = $2 where tenant_id = $1":      {sets},
		"select id from users where tenant_id::text = $1":           {usersOpen},
		"select id from users where tenant_id = $1::text::uuid":     nil,
		"truncate events":                                               {"a TruncateStmt is not read"},
		"copy users to stdout":                                          {"a CopyStmt is not read"},
		"lock table users":                                              {"a LockStmt is not read"},
		"do $do$ begin delete from users; end $do$":                     {"a DoStmt is not read"},
		"update users u set name = $2 where u.tenant_id = $1":           nil,
		"update users u set name = $2 where tenant_id = $1 returning 1": nil,
		// Joins.
		"select 1 from users u, links l where u.tenant_id = $1 and l.tenant_id = $1":          nil,
		"select 1 from users u, links l where u.tenant_id = $1 and l.tenant_id = u.tenant_id": nil,
		`select 1 from users u, links l where l.tenant_id =
			u.tenant_id`: {usersOpen, linksOpen},
		"select 1 from users u, links l where u.tenant_id = $1 and l.user_id = u.id":             {linksOpen},
		"select 1 from users u join links l on l.tenant_id = u.tenant_id where u.tenant_id = $1": nil,
		"select 1 from users u join links l using (tenant_id) where u.tenant_id = $1":            nil,
		"select 1 from users u join links l using (tenant_id) where tenant_id = $1":              nil,
		"select 1 from users u join links l using (id) where u.tenant_id = $1":                   {linksOpen},
		"select 1 from users u left join links l on l.tenant_id = $1 where u.tenant_id = $1":     nil,
		"select 1 from users u left join links l on l.tenant_id = $1 and u.tenant_id = $1":       {usersOpen},
		"select 1 from users u right join links l on u.tenant_id = $1 and l.tenant_id = $1":      {linksOpen},
		`select 1 from users u full join links l on
			u.tenant_id = $1 and l.tenant_id = $1`: {usersOpen, linksOpen},
		"select 1 from users u join links l on u.tenant_id = $1 and l.tenant_id = u.tenant_id": nil,
		"update users u set name = l.name from links l where u.tenant_id = $1 and l.id = u.id": {linksOpen},
		`update users u set name = l.name from links l where u.tenant_id = $1 and l.tenant_id =
			u.tenant_id`: nil,
		"delete from users u using links l where l.tenant_id = $1 and l.id = u.id":                     {usersOpen},
		"delete from users u using unnest($2::tid[]) n(row) where u.tenant_id = $1 and u.ctid = n.row": nil,
		"delete from users u using unnest($2::tid[]) n(tenant_id) where u.tenant_id = n.tenant_id":     {usersOpen},
		// Of two tenants.
		"select 1 from users u, links l where u.tenant_id = $1 and l.tenant_id = $2": {
			"links is restricted to $2, and another table to $1"},
		"select id from users where tenant_id = $1 union all select id from links where tenant_id = $2": {
			"links is restricted to $2, and another table to $1"},
		`insert into links (tenant_id, id) select tenant_id, id from users where tenant_id = $1 union all
			select tenant_id, id from users where tenant_id = $2 on conflict do nothing`: {
			"users is restricted to $2, and another table to $1", linksOpen},
		"select 1 from users u, links l where u.tenant_id = 'a' and l.tenant_id = 'a'": nil,
		// Subqueries.
		`select (select count(*) from links l where l.tenant_id = u.tenant_id) from users u where
			u.tenant_id = $1`: nil,
		`select (select count(*) from links l where l.id = u.id) from users u where u.tenant_id = $1`: {linksOpen},
		"select 1 from users u where u.tenant_id = $1 and u.id in (select id from links)":             {linksOpen},
		`select 1 from users u where exists (select 1 from links l where l.tenant_id = u.tenant_id
			and l.tenant_id = $1)`: {
			usersOpen},
		"select 1 from users u where exists (select 1 from links l where u.tenant_id = $1 and l.tenant_id = $1)": {
			usersOpen},
		"select 1 from users u where u.tenant_id = $1 order by (select id from links)":    {linksOpen},
		"select 1 from users u where u.tenant_id = $1 limit (select count(*) from links)": {linksOpen},
		`select 1 from unnest($2::uuid[]) k(id) cross join lateral (select * from users where
			tenant_id = $1 and id = k.id offset 0) u`: nil,
		`select 1 from links l left join lateral (select * from users where id = l.id offset 0) u
			on true where l.tenant_id = $1`: {
			usersOpen},
		`select 1 from links l left join lateral (select * from users u where u.tenant_id =
			l.tenant_id offset 0) u on true where l.tenant_id = $1`: nil,
		// What restricts a derived table restricts its tables, where PostgreSQL says so too.
		"select 1 from (select * from events union all select * from events) e where e.tenant_id = $1": nil,
		`select 1 from (select * from events union all
			select * from events) e where e.id = $1`: {eventsOpen, eventsOpen},
		"select 1 from (select * from events limit 1) e where e.tenant_id = $1":           {eventsOpen},
		"select 1 from (select *, count(*) over () from events) e where e.tenant_id = $1": {eventsOpen},
		"select 1 from (select id from events) e where e.tenant_id = $1":                  {eventsOpen},
		"select 1 from (select id as tenant_id from events) e where e.tenant_id = $1":     {eventsOpen},
		"select 1 from (select tenant_id as t from events) e where e.t = $1":              nil,
		"with e as (select * from events) select 1 from e where e.tenant_id = $1":         {eventsOpen},
		`with e as (select * from events where tenant_id = $1) select 1 from e, users u where
			u.tenant_id = e.tenant_id`: nil,
		`with e as (select id as tenant_id from events where tenant_id = $1) select 1 from e,
			users u where u.tenant_id = e.tenant_id`: {
			usersOpen},
		`with e (t) as (select tenant_id from events where tenant_id = $1) select 1 from e, users u
			where u.tenant_id = e.t`: nil,
		`with recursive w (t) as (select tenant_id from users where tenant_id = $1 union all select
			l.tenant_id from w, links l where l.tenant_id = w.t) select t from w`: nil,
		`with recursive w (t) as (select tenant_id from users where tenant_id = $1 union all
			select l.tenant_id from w, links l where l.tenant_id > w.t) select t from w`: {
			linksOpen},
		"select 1 from users u, (values ($1, 1), ($2, 2)) v (t, n) where u.tenant_id = v.t": {usersOpen},
		"select 1 from users u, (values ($1, 1), ($1, 2)) v (t, n) where u.tenant_id = v.t": nil,
		// Inserts.
		"insert into links (tenant_id, id) values ($1, $2)":                     nil,
		"insert into links (tenant_id, id) values ($1, $2), ($1, $3)":           nil,
		"insert into links (tenant_id, id) values ($1, $2), ($3, $4)":           {linksOpen},
		"insert into links (id) values ($1)":                                    {linksOpen},
		"insert into links (tenant_id, id) values (new_tenant(), $1)":           {linksOpen},
		"insert into links (tenant_id, id) values ($1, (select $2))":            {inValues},
		"insert into links (tenant_id, id) values ($1, (select id from users))": {usersOpen, inValues},
		`insert into links (tenant_id, id) values ($1, $2) on conflict (tenant_id, id) do update set
			id = excluded.id`: nil,
		`insert into links (tenant_id, id) values ($1, 1) on conflict do update set id =
			($2::int[])[1]`: {element},
		`insert into links (tenant_id, id) select u.tenant_id, u.id from users u where u.tenant_id =
			$1 on conflict do nothing`: nil,
		`insert into links (tenant_id, id) select u.tenant_id, u.id from users u where u.tenant_id =
			$1`: {noConflict},
		"insert into links (tenant_id, id) select u.tenant_id, u.id from users u on conflict do nothing": {
			usersOpen, linksOpen},
		`insert into links (tenant_id, id) select $1, n from unnest($2::int[]) n on conflict do
			nothing`: {noColumn},
		`insert into links (tenant_id, id) select $1, u.id from users u where u.tenant_id = $1`: {noColumn, noConflict},
		`insert into links (tenant_id, id) select u.tenant_id, n from users u, unnest($2::int[]) n
			where u.tenant_id = $1 on conflict do nothing`: nil,
		// What does not run.
		"with gone as (delete from users where tenant_id = $1 returning id) select id from gone": {changes},
		"with gone as (delete from users returning id) select id from gone":                      {usersOpen, changes},
		"update users set name = ($2::text[])[1] where tenant_id = $1":                           {element},
		"update users set name = $2 where tenant_id = $1 and name = ($3::text[])[1]":             nil,
		"update users set at = at + interval '1 second' where tenant_id = $1":                    {interval},
		"update users set at = at + $2 * interval '1 second' where tenant_id = $1":               {interval},
		"update users set n = n + $2 where tenant_id = $1":                                       nil,
		"select at + interval '1 second' from users where tenant_id = $1":                        nil,
		"update users set at = now() where tenant_id = $1":                                       nil,
		"update users set name = to_char(at, $2) where tenant_id = $1": {
			"an update or delete calls the stable to_char with a column"},
		"update users set n = $2 where tenant_id = $1 and current_setting(name) = $3": {
			"an update or delete calls the stable current_setting with a column"},
		"update users set at = coalesce(at, now()) where tenant_id = $1":                        {inCase},
		"update users set at = case when n > 1 then now() end where tenant_id = $1":             {inCase},
		"update users set n = 1 where tenant_id = $1 returning now()":                           {returning},
		"delete from users where tenant_id = $1 returning length(name)":                         nil,
		"delete from users where tenant_id = $1 returning now()":                                {returning},
		"insert into links (tenant_id, id) values ($1, 1) on conflict do update set at = now()": {onConflict},
		"update users set at = at + make_interval(secs => $2) where tenant_id = $1":             {interval},
		`update users set n = random() where tenant_id = $1`: {
			"an update or delete calls the volatile random"},
		"delete from users where tenant_id = $1 and at - interval '1 day' < $2":    {interval},
		"merge into users u using links l on u.id = l.id when matched then delete": {"a merge is not read"},
		"selec 1": {`it cannot be parsed: syntax error at or near "selec"`},
	} {
		assert.ElementsMatch(t, wrong, checker.Check(text), text)
	}
}

// In a function, variables are what parameters are in a statement.
func TestCheckFunction(t *testing.T) {
	function := func(language, rest string) string {
		return "create function f(p_tenant uuid, p_names text[], out n bigint) language " + language +
			" as $$" + rest + "$$"
	}
	for _, tt := range []struct {
		language, body string
		wrong          []string
	}{
		{"sql", "select count(*) from users where tenant_id = p_tenant", nil},
		{"sql", "select count(*) from users where tenant_id = f.p_tenant", nil},
		{"sql", "select count(*) from users", []string{usersOpen + ": select count(*) from users"}},
		{"plpgsql", "begin select count(*) into n from users where tenant_id = p_tenant; end", nil},
		{"plpgsql", "begin n := (select count(*) from users where tenant_id = p_tenant); end", nil},
		{"plpgsql", "begin n := (select count(*) from users); end",
			[]string{usersOpen + ": select  (select count(*) from users)"}},
		{"plpgsql", "begin if exists (select from users) then n := 1; end if; end",
			[]string{usersOpen + ": select exists (select from users)"}},
		{"plpgsql", "declare r record; begin for r in select id from users loop n := 1; end loop; end",
			[]string{usersOpen + ": select id from users"}},
		{"plpgsql", "begin update users set name = p_names[1] where tenant_id = p_tenant; end",
			[]string{element + ": update users set name = p_names[1] where tenant_id = p_tenant"}},
		{"plpgsql", "declare name text := p_names[1]; " +
			"begin update users set name = name where tenant_id = p_tenant; end",
			nil},
		{"plpgsql", "declare at timestamptz; " +
			"begin update users set n = to_char(at, 'x') where tenant_id = p_tenant; end",
			nil},
		{"plpgsql", "begin execute 'select ' || p_tenant; end",
			[]string{"it cannot be parsed: a statement that is put together in it cannot be read"}},
		{"plpgsql", "declare r record; begin for r in execute 'select ' || p_tenant loop n := 1; end loop; end",
			[]string{"it cannot be parsed: a statement that is put together in it cannot be read"}},
		{"plpgsql", "declare r record; begin r.id := (select max(id) from users where tenant_id = p_tenant); end", nil},
		{"python", "print(1)", []string{"it cannot be parsed: the language python is not read"}},
	} {
		assert.Equal(t, tt.wrong, checker.CheckFunction(function(tt.language, tt.body)), tt.body)
	}
}

func TestCheckMigration(t *testing.T) {
	const both = "add column and add constraint are in one alter table"
	for text, wrong := range map[string][]string{
		"alter table users add column a int, add constraint b check (a > 0)":                   {both},
		"alter table users add column a int; alter table users add constraint b check (a > 0)": nil,
		"alter table users add column a int, add column b int":                                 nil,
		// Of all tenants.
		`update users set at = at + interval '1 second'`: {interval},
		"update users set n = 0":                         nil,
	} {
		assert.Equal(t, wrong, checker.CheckMigration(text), text)
	}
}
