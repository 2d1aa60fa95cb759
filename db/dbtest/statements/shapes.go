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
			wrong = append(wrong, subscripts(n.child("onConflictClause").list("targetList"))...)
		case "UpdateStmt":
			wrong = append(wrong, subscripts(n.list("targetList"))...)
			wrong = append(wrong, c.mutable(append(n.list("targetList"), n.child("whereClause")), variables)...)
		case "DeleteStmt":
			wrong = append(wrong, c.mutable([]node{n.child("whereClause")}, variables)...)
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
			case "FuncCall":
				parts := names(n.list("funcname"))
				name := parts[len(parts)-1]
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
	return n.kind == "TypeCast" && slices.Contains(names(n.child("typeName").list("names")), "interval")
}
