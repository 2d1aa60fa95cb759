// Package statements reads the SQL that the program sends to PostgreSQL, with PostgreSQL's
// own parser, and finds what would not hold in a database that is distributed by tenant
// (docs/citus.md): a table that is not restricted to one tenant by its own tenant_id, and
// shapes that do not run there.
package statements

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Checker knows the schema that statements are for.
type Checker struct {
	// Tables that have a tenant_id.
	Tables map[string]bool
	// Functions of which some kind is not immutable: 's' stable, 'v' volatile.
	Functions map[string]byte
	// Immutable are functions of which some kind is.
	Immutable map[string]bool
	// AcrossTenants are the texts that may look at more than one tenant.
	AcrossTenants map[string]bool
}

// Check returns what is wrong with a text of one or several statements.
func (c *Checker) Check(text string) (wrong []string) { return c.check(text, nil) }

// check reads a statement of a function with these variables, or of none.
func (c *Checker) check(text string, variables map[string]bool) (wrong []string) {
	statements, err := parse(text)
	if err != nil {
		return []string{"it cannot be parsed: " + err.Error()}
	}
	for _, s := range statements {
		if slices.Contains(unread, s.kind) {
			wrong = append(wrong, "a "+s.kind+" is not read")
		}
		if !c.AcrossTenants[text] {
			wrong = append(wrong, c.tenants(s, variables)...)
		}
		wrong = append(wrong, c.shapes(s, variables)...)
	}
	return wrong
}

// unread are statements that have rows of tenants, or others in a text, and name no tenant.
var unread = []string{"CopyStmt", "DoStmt", "LockStmt", "TruncateStmt"}

// CheckFunction returns what is wrong with the statements in the body of a function, of
// which definition is the "create function".
func (c *Checker) CheckFunction(definition string) (wrong []string) {
	texts, variables, err := body(definition)
	if err != nil {
		return []string{"it cannot be parsed: " + err.Error()}
	}
	for _, text := range texts {
		for _, w := range c.check(text, variables) {
			wrong = append(wrong, fmt.Sprintf("%s: %s", w, text))
		}
	}
	return wrong
}

// CheckMigration returns what is wrong with the statements of a migration of tables that
// are distributed.
func (c *Checker) CheckMigration(text string) (wrong []string) {
	statements, err := parse(text)
	if err != nil {
		return []string{"it cannot be parsed: " + err.Error()}
	}
	for _, s := range statements {
		wrong = append(wrong, c.shapes(s, nil)...)
		wrong = append(wrong, alterations(s)...)
	}
	return wrong
}

// alterations finds a table that is altered in two ways that do not go together.
func alterations(s node) (wrong []string) {
	s.walk(func(n node) bool {
		if n.kind != "AlterTableStmt" {
			return true
		}
		var kinds []string
		for _, cmd := range n.list("cmds") {
			kinds = append(kinds, cmd.text("subtype"))
		}
		if slices.Contains(kinds, "AT_AddColumn") && slices.Contains(kinds, "AT_AddConstraint") {
			wrong = append(wrong, "add column and add constraint are in one alter table")
		}
		return true
	})
	return wrong
}

// body returns the statements of a function, and what its variables are called.
func body(definition string) (texts []string, variables map[string]bool, err error) {
	statements, err := parse(definition)
	if err != nil {
		return nil, nil, err
	}
	variables = map[string]bool{}
	for _, s := range statements {
		if s.kind != "CreateFunctionStmt" {
			return nil, nil, fmt.Errorf("it is no function but a %s", s.kind)
		}
		for _, p := range s.list("parameters") {
			variables[p.text("name")] = true
		}
		var language, as, function string
		for _, o := range s.list("options") {
			switch o.text("defname") {
			case "language":
				language = o.child("arg").text("sval")
			case "as":
				as = o.child("arg").list("items")[0].text("sval")
			}
		}
		if names := s.list("funcname"); len(names) > 0 {
			function = names[len(names)-1].text("sval")
			variables[function] = true // function.variable
		}
		switch language {
		case "sql":
			if as == "" {
				return nil, nil, fmt.Errorf("a body that is no text is not read")
			}
			texts = append(texts, as)
		case "plpgsql":
			// The parser knows a variable, but not as function.variable.
			inner, err := plpgsql(strings.ReplaceAll(definition, function+".", ""), variables)
			if err != nil {
				return nil, nil, err
			}
			texts = append(texts, inner...)
		default:
			return nil, nil, fmt.Errorf("the language %s is not read", language)
		}
	}
	delete(variables, "")
	return texts, variables, nil
}

var errPutTogether = errors.New("a statement that is put together in it cannot be read")

// plpgsql returns the statements of a function of that language and adds its variables.
func plpgsql(definition string, variables map[string]bool) (texts []string, err error) {
	functions, err := parsePLpgSQL(definition)
	if err != nil {
		return nil, err
	}
	for _, f := range functions {
		f.walk(func(n node) bool {
			if n.has("dynquery") {
				err = errPutTogether
			}
			switch n.kind {
			case "PLpgSQL_var", "PLpgSQL_rec":
				variables[n.text("refname")] = true
			case "PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors":
				err = errPutTogether
			case "PLpgSQL_expr":
				texts = append(texts, statementOf(n))
			}
			return true
		})
	}
	return texts, err
}

// How PL/pgSQL reads a text (RawParseMode): an expression, or an assignment to a name of one to
// three parts.
const (
	parsedAsExpression = 2
	parsedAsAssignment = 3
	parsedAsLast       = 5
)

func statementOf(expr node) string {
	query := expr.text("query")
	switch mode := expr.number("parseMode"); {
	case mode == parsedAsExpression:
		return "select " + query
	case mode >= parsedAsAssignment && mode <= parsedAsLast:
		if _, value, ok := strings.Cut(query, ":="); ok {
			return "select " + value
		}
		_, value, _ := strings.Cut(query, "=")
		return "select " + value
	}
	return query
}
