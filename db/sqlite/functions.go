package sqlite

import (
	"strings"
	"unicode/utf8"

	zombiezen "zombiezen.com/go/sqlite"
)

// addFunctions makes what queries call beside SQLite's own functions.
func (c *conn) addFunctions() error {
	return c.CreateFunction("mentions", &zombiezen.FunctionImpl{
		NArgs: 2, Deterministic: true,
		Scalar: func(_ zombiezen.Context, args []zombiezen.Value) (zombiezen.Value, error) {
			is := int64(0)
			if mentions(args[0].Text(), args[1].Text()) {
				is = 1
			}
			return zombiezen.IntegerValue(is), nil
		},
	})
}

// mentions is the word of that name (engine.Words). SQLite's lower and instr would
// take ten times as long.
func mentions(doc, text string) bool {
	for i := range len(doc) {
		if c := doc[i]; c >= utf8.RuneSelf-1 || c == '\\' {
			return true
		}
	}
	return strings.Contains(strings.ToLower(doc), text)
}
