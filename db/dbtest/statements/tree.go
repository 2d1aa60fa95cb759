package statements

import (
	"encoding/json"

	pgquery "github.com/wasilibs/go-pgquery"
)

// node is one of the parser's: what kind it is, and its fields. Fields that are nodes by
// themselves have no kind.
type node struct {
	kind   string
	fields map[string]any
}

func parse(text string) (statements []node, err error) {
	tree, err := pgquery.ParseToJSON(text)
	if err != nil {
		return nil, err
	}
	var parsed struct {
		Stmts []struct{ Stmt map[string]any }
	}
	if err := json.Unmarshal([]byte(tree), &parsed); err != nil {
		return nil, err
	}
	for _, s := range parsed.Stmts {
		statements = append(statements, nodeOf(s.Stmt))
	}
	return statements, nil
}

func parsePLpgSQL(definition string) (functions []node, err error) {
	tree, err := pgquery.ParsePlPgSqlToJSON(definition)
	if err != nil {
		return nil, err
	}
	var parsed []map[string]any
	if err := json.Unmarshal([]byte(tree), &parsed); err != nil {
		return nil, err
	}
	for _, f := range parsed {
		functions = append(functions, nodeOf(f))
	}
	return functions, nil
}

// nodeOf reads {"Kind": {fields}}, or fields alone.
func nodeOf(value any) node {
	fields, _ := value.(map[string]any)
	if len(fields) == 1 {
		for kind, inner := range fields {
			if inner, ok := inner.(map[string]any); ok && kind[0] >= 'A' && kind[0] <= 'Z' {
				return node{kind, inner}
			}
		}
	}
	return node{"", fields}
}

func (n node) none() bool { return n.fields == nil }

func (n node) text(field string) string {
	s, _ := n.fields[field].(string)
	return s
}

func (n node) number(field string) int {
	f, _ := n.fields[field].(float64)
	return int(f)
}

func (n node) is(field string) bool {
	b, _ := n.fields[field].(bool)
	return b
}

func (n node) has(field string) bool { return n.fields[field] != nil }

func (n node) child(field string) node { return nodeOf(n.fields[field]) }

func (n node) list(field string) (nodes []node) {
	values, _ := n.fields[field].([]any)
	for _, v := range values {
		nodes = append(nodes, nodeOf(v))
	}
	return nodes
}

// walk calls visit with the node and, where that says so, with all below it.
func (n node) walk(visit func(node) bool) {
	if n.none() || !visit(n) {
		return
	}
	for _, v := range n.fields {
		walkValue(v, visit)
	}
}

func walkValue(v any, visit func(node) bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walkValue(e, visit)
		}
	case map[string]any:
		nodeOf(v).walk(visit)
	}
}

// any reports whether something is so of the node, or of one below it.
func (n node) any(is func(node) bool) (found bool) {
	n.walk(func(n node) bool {
		found = found || is(n)
		return !found
	})
	return found
}

// names are the parts of a name, such as those of a column; "*" is all.
func names(parts []node) (names []string) {
	for _, p := range parts {
		if p.kind == "A_Star" {
			names = append(names, "*")
			continue
		}
		names = append(names, p.text("sval"))
	}
	return names
}
