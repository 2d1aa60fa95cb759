package postgres

import (
	"strings"

	"github.com/scimbridge/scimbridge/db/engine"
)

var words = engine.Words{
	"ids":        engine.Around("(select unnest(#::uuid[]) as id)"),
	"in":         engine.Around("= any(#::uuid[])"),
	"in keys":    engine.Around("= any(#::text[])"),
	"in numbers": engine.Around("= any(#::bigint[])"),
	"lookup":     lookup("cross join lateral (select * from ", ""),
	"maybe":      lookup("left join lateral (select * from ", " on true"),
	"id":         engine.Around("#::uuid"),
	"no id":      engine.Always("'00000000-0000-0000-0000-000000000000'::uuid"),
	"text":       engine.Around("#::text"),
	"fact":       fact,
	"each":       engine.Around("json_array_elements(#::json)"),
	"quoted":     engine.Around("to_json(#)::text"),
	"position":   engine.Around("next_position(#)"),
	"least position": engine.Around("least(coalesce((select min(position) from events " +
		"where tenant_id = # and number is null), 0), 0)"),
	"all events": engine.Always("(select * from events where number is not null and position <> 0 " +
		"union all select * from events where number is null)"),
	"of user":  engine.AroundTwo("#1.user_id = #2 and #1.user_key = uuid_hash_extended(#2::uuid, 0)"),
	"of group": engine.AroundTwo("#1.group_id = #2 and #1.group_key = uuid_hash_extended(#2::uuid, 0)"),
	"keys hold": engine.Around("#.user_key is not distinct from uuid_hash_extended(#.user_id, 0) and " +
		"#.group_key is not distinct from uuid_hash_extended(#.group_id, 0)"),
	"no groups":         engine.Always("nextval('group_numbers')"),
	"no connections":    engine.Always("nextval('connection_numbers')"),
	"stripe":            engine.Always("pg_backend_pid() % 32"),
	"row id":            engine.Around("#.ctid::text"),
	"index":             engine.Always(""),
	"open":              engine.Open,
	"later":             engine.AroundTwo("(#1 + #2 * interval '1 second')"),
	"::json":            engine.Always("::json"),
	"for update":        engine.Always("for update"),
	"for no key update": engine.Always("for no key update"),
	"for key share":     engine.Always("for key share"),
	"contains":          engine.AroundTwo("strpos(#1, #2) > 0"),
	"mentions": engine.AroundTwo(`(strpos(lower(#1 collate "C"), #2) > 0 or octet_length(#1) > length(#1)
			or strpos(#1, '\') > 0 or strpos(#1, chr(127)) > 0)`),
	"nth": func(x string) string {
		ids, n, _ := strings.Cut(x, " ")
		return "(" + ids + "::uuid[])[" + n + " + 1]"
	},
	"id of": engine.Around(`case when # ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' then #::uuid end`),
}

// lookup joins rows of a table by what comes before it. A subquery with an offset is
// not taken apart: whatever the planner knows or believes of the tables, it can only
// look the rows up.
func lookup(before, after string) func(string) string {
	return func(x string) string {
		table, condition, _ := strings.Cut(x, " on ")
		table, _, _ = strings.Cut(table, " by ")
		_, alias, _ := strings.Cut(table, " ")
		return before + table + " where " + condition + " offset 0) " + alias + after
	}
}

// fact reads a field of a JSON text.
func fact(x string) string {
	text, path, _ := strings.Cut(x, " ")
	return "(" + text + "::json #>> '{" + strings.ReplaceAll(path, ".", ",") + `}') collate "C"`
}
