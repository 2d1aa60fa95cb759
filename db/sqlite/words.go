package sqlite

import (
	"maps"
	"strings"

	"github.com/scimbridge/scimbridge/db/engine"
)

// words are those whose text is the same for any list.
var words = engine.Words{
	"in numbers": engine.Around("in (select value from json_each(#))"),
	"lookup":     lookup("cross join "),
	"maybe":      lookup("left join "),
	"id":         engine.Around("#"),
	"no id":      engine.Always("zeroblob(16)"),
	"text":       textOfID,
	"fact": func(x string) string {
		text, path, _ := strings.Cut(x, " ")
		return "json_extract(" + text + ", '$." + path + "')"
	},
	"each":              engine.Around("json_each(#)"),
	"quoted":            engine.Around("json_quote(#)"),
	"id of":             engine.Around("unhex(case when length(#) = 36 then replace(#, '-', '') end)"),
	"least position":    engine.Always("min(coalesce((select min(position) from events), 0), 0)"),
	"all events":        engine.Always("events"),
	"of user":           engine.AroundTwo("#1.user_id = #2"),
	"keys hold":         engine.Always("true"),
	"of group":          engine.AroundTwo("#1.group_id = #2"),
	"no groups":         engine.Around("(select coalesce(max(no), 0) + 1 from groups where tenant_id = #)"),
	"no connections":    engine.Around("(select coalesce(max(no), 0) + 1 from connections where tenant_id = #)"),
	"stripe":            engine.Always("0"),
	"row id":            engine.Always("''"),
	"index":             engine.Around("indexed by #"),
	"open":              engine.Open,
	"later":             engine.AroundTwo("(#1 + 1000000 * #2)"),
	"::json":            engine.Always(""),
	"for update":        engine.Always(""),
	"for no key update": engine.Always(""),
	"for key share":     engine.Always(""),
	"contains":          engine.AroundTwo("instr(#1, #2) > 0"),
	"mentions":          engine.AroundTwo("mentions(#1, #2)"), // functions.go
	"position":          engine.Always("null"),                // the key of the row, which counts up
}

// singleWords are for lists that have one element each, which then is the
// argument; listWords for the others, whose ids come as hexArray writes them.
var (
	singleWords = with(engine.Words{
		"ids":     engine.Around("(select # as id)"),
		"in":      engine.Around("= #"),
		"in keys": engine.Around("= #"),
		"nth": func(x string) string {
			ids, _, _ := strings.Cut(x, " ")
			return ids
		},
	})
	listWords = with(engine.Words{
		"ids":     engine.Around("(select unhex(value) as id from json_each(#))"),
		"in keys": engine.Around("in (select value from json_each(#))"),
		"in":      engine.Around("in (select unhex(value) from json_each(#))"),
		// As a blob the list is not searched for the ends of letters.
		"nth": func(x string) string {
			ids, n, _ := strings.Cut(x, " ")
			return "unhex(substr(cast(" + ids + " as blob), 3 + 35 * (" + n + "), 32))"
		},
	})
)

func with(more engine.Words) engine.Words {
	maps.Copy(more, words)
	return more
}

// lookup joins a table by the index that the argument names behind "by", if it does.
func lookup(join string) func(string) string {
	return func(x string) string {
		table, condition, _ := strings.Cut(x, " on ")
		return join + strings.Replace(table, " by ", " indexed by ", 1) + " on " + condition
	}
}

// textOfID writes the canonical text of an id, RFC 9562 section 4.
func textOfID(x string) string {
	hex := "lower(hex(" + x + "))"
	parts := []string{"1, 8", "9, 4", "13, 4", "17, 4", "21, 12"}
	for i, p := range parts {
		parts[i] = "substr(" + hex + ", " + p + ")"
	}
	return strings.Join(parts, " || '-' || ")
}
