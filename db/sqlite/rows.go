package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	zombiezen "zombiezen.com/go/sqlite"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// rows steps through a statement.
type rows struct {
	conn *conn
	st   *prepared // nil once it was closed
	err  error
}

// Next implements engine.Rows.
func (r *rows) Next() bool {
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

// Err implements engine.Rows.
func (r *rows) Err() error { return r.err }

// Close implements engine.Rows.
func (r *rows) Close() {
	if r.st != nil {
		r.st.finish()
		r.st = nil
	}
}

// Scan implements engine.Rows.
func (r *rows) Scan(dest ...any) error {
	for i, d := range dest {
		if err := r.column(i, d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

// ScanID implements engine.Rows.
func (r *rows) ScanID(id *membership.ID) (err error) {
	*id, err = r.id(0)
	return err
}

// id reads a column of ids: 16 bytes, the text form, or NULL.
func (r *rows) id(i int) (id membership.ID, err error) {
	switch n := r.st.ColumnLen(i); {
	case n == len(id):
		r.st.ColumnBytes(i, id[:])
	case n > 0 || !r.st.ColumnIsNull(i):
		err = id.Scan(r.st.ColumnText(i))
	}
	return id, err
}

func (r *rows) column(i int, dest any) (err error) {
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

func (r *rows) bytes(i int) []byte {
	if r.st.ColumnIsNull(i) {
		return nil
	}
	b := make([]byte, r.st.ColumnLen(i))
	r.st.ColumnBytes(i, b)
	return b
}

// value is a column for a sql.Scanner.
func (r *rows) value(i int) any {
	switch r.st.ColumnType(i) {
	case zombiezen.TypeNull:
		return nil
	case zombiezen.TypeInteger:
		return r.st.ColumnInt64(i)
	case zombiezen.TypeFloat:
		return r.st.ColumnFloat(i)
	case zombiezen.TypeBlob:
		return r.bytes(i)
	default:
		return r.st.ColumnText(i)
	}
}

// cursor steps through a statement while others run.
type cursor struct {
	engine.Rows
	left int // of the part
}

func newCursor(rs engine.Rows, err error) (engine.Cursor, error) { return &cursor{Rows: rs}, err }

// Next implements engine.Cursor.
func (c *cursor) Next(_ context.Context, n int, read func(engine.Rows) error) error {
	c.left = n
	return read(part{c})
}

// Close implements engine.Cursor.
func (c *cursor) Close(context.Context) error {
	c.Rows.Close()
	return nil
}

// part is what a cursor reads at a time: its end is not the statement's.
type part struct{ *cursor }

// Next implements engine.Rows.
func (p part) Next() bool {
	if p.left == 0 {
		return false
	}
	p.left--
	return p.Rows.Next()
}

// Close implements engine.Rows.
func (p part) Close() {}
