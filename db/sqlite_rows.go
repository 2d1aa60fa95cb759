package db

import (
	"database/sql"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/scimbridge/scimbridge/membership"
)

// sqliteRows steps through a statement.
type sqliteRows struct {
	conn *sqliteConn
	st   *sqlitePrepared // nil once it was closed
	err  error
}

// Next implements rows.
func (r *sqliteRows) Next() bool {
	if r.st == nil || r.err != nil {
		return false
	}
	more, err := r.st.Step()
	if err != nil {
		r.err = r.conn.failed(err)
	}
	if !more {
		r.Close()
	}
	return more
}

// Err implements rows.
func (r *sqliteRows) Err() error { return r.err }

// Close implements rows.
func (r *sqliteRows) Close() {
	if r.st != nil {
		r.st.finish()
		r.st = nil
	}
}

// Scan implements rows.
func (r *sqliteRows) Scan(dest ...any) error {
	for i, d := range dest {
		if err := r.column(i, d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

// id reads a column of ids: 16 bytes, the text form, or NULL.
func (r *sqliteRows) id(i int) (id membership.ID, err error) {
	switch n := r.st.ColumnLen(i); {
	case n == len(id):
		r.st.ColumnBytes(i, id[:])
	case n > 0 || !r.st.ColumnIsNull(i):
		err = id.Scan(r.st.ColumnText(i))
	}
	return id, err
}

func (r *sqliteRows) column(i int, dest any) (err error) {
	switch d := dest.(type) {
	case *membership.ID:
		*d, err = r.id(i)
		return err
	case sql.Scanner:
		return d.Scan(r.value(i))
	case *[]byte:
		*d = r.bytes(i)
		return nil
	}
	if r.st.ColumnIsNull(i) {
		return errors.New("there is no value")
	}
	switch d := dest.(type) {
	case *string:
		*d = r.st.ColumnText(i)
	case *int:
		*d = r.st.ColumnInt(i)
	case *int64:
		*d = r.st.ColumnInt64(i)
	case *bool:
		*d = r.st.ColumnBool(i)
	default:
		return fmt.Errorf("cannot be read as %T", dest)
	}
	return nil
}

func (r *sqliteRows) bytes(i int) []byte {
	if r.st.ColumnIsNull(i) {
		return nil
	}
	b := make([]byte, r.st.ColumnLen(i))
	r.st.ColumnBytes(i, b)
	return b
}

// value is a column for a sql.Scanner.
func (r *sqliteRows) value(i int) any {
	switch r.st.ColumnType(i) {
	case sqlite.TypeNull:
		return nil
	case sqlite.TypeInteger:
		return r.st.ColumnInt64(i)
	case sqlite.TypeFloat:
		return r.st.ColumnFloat(i)
	case sqlite.TypeBlob:
		return r.bytes(i)
	default:
		return r.st.ColumnText(i)
	}
}
