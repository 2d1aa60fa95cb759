package db

import (
	"context"
	"strings"
)

// querier runs statements inside one transaction. Queries are written once;
// words in braces stand for what the engines spell differently:
//
//	{ids $n}           a derived table with one column, id, from a list of ids
//	{rows $n}          one of user_id, grant_id, from memberRows; SQLite only
//	{in $n}            a condition: is one of a list of ids; {in keys $n}: of texts
//	{text x}           the text of an id
//	{id of x}          the id of a text, NULL if it is none
//	{quoted x}         a text as a JSON string
//	{nth $n i}         one id of a list of ids, the first with i = 0
//	{position $n}      the position of an event that is written now, in the tenant $n
//	{place x}          where a row of x is in its table, as text; PostgreSQL only
//	{for update}       a row lock, and the weaker {for no key update} and {for key
//	                   share}; nothing on SQLite, whose writers stand in line
//	{::json}           the cast that makes a text JSON; SQLite needs none
//	{index name}       the index to use, on SQLite: without statistics it takes any
//	                   condition on the tenant for a narrow one
type querier interface {
	// query's rows must be closed before the next statement.
	query(ctx context.Context, q string, args ...any) (rows, error)
	// exec returns how many rows were changed.
	exec(ctx context.Context, q string, args ...any) (int64, error)
	// execEach runs one statement for each row of arguments, in one round trip.
	execEach(ctx context.Context, q string, rows [][]any) error
}

func execInTurn(ctx context.Context, t querier, q string, rows [][]any) error {
	for _, args := range rows {
		if _, err := t.exec(ctx, q, args...); err != nil {
			return err
		}
	}
	return nil
}

// rows is what database/sql and pgx have in common.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// dialect is how one engine spells the words in braces; # stands for the
// parameter in them.
type dialect struct {
	ids, rows, in, inKeys, index, json string
	locks                              bool
}

// each replaces every word that begins so.
func each(q, begin, by string) string {
	for {
		i := strings.Index(q, begin)
		if i < 0 {
			return q
		}
		j := i + strings.IndexByte(q[i:], '}')
		q = q[:i] + strings.ReplaceAll(by, "#", q[i+len(begin):j]) + q[j+1:]
	}
}

// expand replaces the words in braces.
func (d dialect) expand(q string) string {
	q = each(q, "{ids ", d.ids)
	q = each(q, "{rows ", d.rows)
	q = each(q, "{in keys ", d.inKeys)
	q = each(q, "{in ", d.in)
	q = strings.ReplaceAll(q, "{::json}", d.json)
	q = each(q, "{index ", d.index)
	for _, lock := range []string{"for update", "for no key update", "for key share"} {
		word := ""
		if d.locks {
			word = lock
		}
		q = strings.ReplaceAll(q, "{"+lock+"}", word)
	}
	return q
}
