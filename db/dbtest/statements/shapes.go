package statements

import "slices"

var changes = []string{"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"}

// shapes finds what does not run in a distributed database.
func (c *Checker) shapes(statement node, variables map[string]bool) (wrong []string) {
	statement.walk(func(n node) bool {
		switch n.kind {
		case "CommonTableExpr":
			if slices.Contains(changes, n.child("ctequery").kind) {
				wrong = append(wrong, "a common table expression changes rows")
			}
		case "InsertStmt":
			for _, row := range n.child("selectStmt").list("valuesLists") {
				if row.any(func(n node) bool { return n.kind == "SubLink" }) {
					wrong = append(wrong, "a subquery is in the values of an insert")
				}
			}
			conflict := n.child("onConflictClause")
			set := conflict.list("targetList")
			wrong = append(wrong, subscripts(set)...)
			wrong = append(wrong, moves(set)...)
			wrong = append(wrong, c.calls("an on conflict", append(set, conflict.child("whereClause")))...)
		case "UpdateStmt":
			set := n.list("targetList")
			wrong = append(wrong, subscripts(set)...)
			wrong = append(wrong, moves(set)...)
			wrong = append(wrong, c.mutable(append(set, n.child("whereClause")), variables)...)
			wrong = append(wrong, c.calls("a returning", n.list("returningList"))...)
		case "DeleteStmt":
			wrong = append(wrong, c.mutable([]node{n.child("whereClause")}, variables)...)
			wrong = append(wrong, c.calls("a returning", n.list("returningList"))...)
		case "MergeStmt":
			wrong = append(wrong, "a merge is not read")
		}
		return true
	})
	return wrong
}

// subscripts finds elements of arrays in what an update sets: they crash a worker of Citus.
func subscripts(set []node) (wrong []string) {
	for _, s := range set {
		if s.child("val").any(func(n node) bool { return n.kind == "A_Indices" }) {
			wrong = append(wrong, "an update sets an element of an array: put it into a variable")
		}
	}
	return wrong
}

// moves finds an update that gives a row to another tenant.
func moves(set []node) (wrong []string) {
	for _, s := range set {
		if s.text("name") == "tenant_id" {
			wrong = append(wrong, "an update sets tenant_id")
		}
	}
	return wrong
}

// calls finds functions where none may be that is not immutable. Which of several of one name
// it is, is not known: one that may be immutable passes.
func (c *Checker) calls(where string, exprs []node) (wrong []string) {
	for _, e := range exprs {
		e.walk(func(n node) bool {
			if n.kind == "SelectStmt" {
				return false
			}
			if name := function(n); c.Functions[name] != 0 && !c.Immutable[name] {
				wrong = append(wrong, where+" calls "+name+", which is not immutable")
			}
			return true
		})
	}
	return wrong
}

// function is the name of the one that a node calls; "": it calls none.
func function(n node) string {
	if n.kind != "FuncCall" {
		return ""
	}
	parts := names(n.list("funcname"))
	return parts[len(parts)-1]
}

// mutable finds functions and operators that are not immutable, together with a column: an
// update or delete is sent with their values, which are the same for all rows.
func (c *Checker) mutable(exprs []node, variables map[string]bool) (wrong []string) {
	ofColumn := func(n node) bool {
		return n.kind == "ColumnRef" && !variables[names(n.list("fields"))[0]]
	}
	for _, e := range exprs {
		e.walk(func(n node) bool {
			switch n.kind {
			case "SelectStmt": // not a value of the row
				return false
			case "CaseExpr", "CoalesceExpr":
				wrong = append(wrong, c.calls("a case or coalesce", []node{n})...)
			case "FuncCall":
				name := function(n)
				switch volatility := c.Functions[name]; {
				case volatility == 'v':
					wrong = append(wrong, "an update or delete calls the volatile "+name)
				case volatility == 's' && n.any(ofColumn):
					wrong = append(wrong, "an update or delete calls the stable "+name+" with a column")
				}
			case "A_Expr":
				if op := names(n.list("name")); (op[0] == "+" || op[0] == "-") && n.any(isInterval) && n.any(ofColumn) {
					wrong = append(wrong,
						"an update or delete adds an interval to a column, which depends on the time zone")
				}
			}
			return true
		})
	}
	return wrong
}

func isInterval(n node) bool {
	return n.kind == "TypeCast" && slices.Contains(names(n.child("typeName").list("names")), "interval") ||
		function(n) == "make_interval"
}
