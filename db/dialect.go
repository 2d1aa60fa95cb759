package db

import (
	"context"
	"strings"
)

// querier runs statements inside one transaction. Queries are written once;
// words in braces stand for what the engines spell differently:
//
//	{ids $n}           a derived table with one column, id, from a list of ids
//	{rows $n}          one of user_id, grant_id, event_id, from memberRows; SQLite only
//	{for update}       a row lock, and the weaker {for no key update}; nothing on
//	                   SQLite, whose writers stand in line
type querier interface {
	// query's rows must be closed before the next statement.
	query(ctx context.Context, q string, args ...any) (rows, error)
	// exec returns how many rows were changed.
	exec(ctx context.Context, q string, args ...any) (int64, error)
}

// rows is what database/sql and pgx have in common.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// expand replaces the words in braces; in what ids and rows are expanded to, #
// stands for the parameter.
func expand(q, ids, rows string, locks bool) string {
	for word, table := range map[string]string{"{ids ": ids, "{rows ": rows} {
		for {
			i := strings.Index(q, word)
			if i < 0 {
				break
			}
			j := i + strings.IndexByte(q[i:], '}')
			q = q[:i] + strings.ReplaceAll(table, "#", q[i+len(word):j]) + q[j+1:]
		}
	}
	for _, lock := range []string{"for update", "for no key update"} {
		word := ""
		if locks {
			word = lock
		}
		q = strings.ReplaceAll(q, "{"+lock+"}", word)
	}
	return q
}
