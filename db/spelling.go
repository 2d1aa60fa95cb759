package db

import "strings"

// spelling writes on one engine what a word in braces stands for, of its
// argument.
type spelling map[string]func(x string) string

var postgresWords = spelling{
	"text":   func(x string) string { return x + "::text" },
	"quoted": func(x string) string { return "to_json(" + x + ")::text" },
	"nth": func(x string) string {
		ids, n, _ := strings.Cut(x, " ")
		return "(" + ids + "::uuid[])[" + n + " + 1]"
	},
	"position": func(string) string { return "nextval('event_positions')" },
	"place":    func(x string) string { return x + ".ctid::text" },
	"id of": func(x string) string {
		const form = "'^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$'"
		return "case when " + x + " ~ " + form + " then " + x + "::uuid end"
	},
}

var sqliteWords = spelling{
	"text": func(x string) string {
		hex := "lower(hex(" + x + "))"
		parts := []string{"1, 8", "9, 4", "13, 4", "17, 4", "21, 12"}
		for i, p := range parts {
			parts[i] = "substr(" + hex + ", " + p + ")"
		}
		return strings.Join(parts, " || '-' || ")
	},
	"quoted": func(x string) string { return "json_quote(" + x + ")" },
	"position": func(tenant string) string {
		return "(select 1 + max(" +
			"coalesce((select max(m.position) from member_events m where m.tenant_id = " + tenant + " and m.position >= 0), 0), " +
			"coalesce((select max(e.position) from events e indexed by events_unnumbered where e.tenant_id = " + tenant +
			" and e.number is null and e.position >= 0), 0)))"
	},
	"place": func(string) string { return "''" },
	"id of": func(x string) string {
		return "unhex(case when length(" + x + ") = 36 then replace(" + x + ", '-', '') end)"
	},
}

// A list of one id is that id.
var sqliteOneWords = spelling{
	"nth": func(x string) string {
		ids, _, _ := strings.Cut(x, " ")
		return ids
	},
}

var sqliteListWords = spelling{
	// Of the list as hexArray writes it; as a blob it is not searched for the
	// ends of letters.
	"nth": func(x string) string {
		ids, n, _ := strings.Cut(x, " ")
		return "unhex(substr(cast(" + ids + " as blob), 3 + 35 * (" + n + "), 32))"
	},
}

// spell replaces the words of w in a query.
func (w spelling) spell(q string) string {
	for word, write := range w {
		for {
			head, tail, found := strings.Cut(q, "{"+word+" ")
			if !found {
				break
			}
			x, rest, _ := strings.Cut(tail, "}")
			q = head + write(x) + rest
		}
	}
	return q
}
