package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/scimbridge/scimbridge/membership"
)

// sqlitePool holds open connections, each with its prepared statements.
// database/sql would prepare anew in every transaction.
type sqlitePool struct {
	db    *sql.DB
	begin string
	idle  chan *sqliteConn
}

type sqliteConn struct {
	*sql.Conn
	prepared map[sqliteStatement]*sql.Stmt
}

// sqliteStatement is a query, and whether its lists hold one element each: then
// it is prepared for just that, as most are.
type sqliteStatement struct {
	text string
	one  bool
}

// maxPrepared bounds the statements kept by one connection: the texts of
// filters differ without end.
const maxPrepared = 256

func newSQLitePool(ctx context.Context, path string, size int, begin string, pragmas ...string) (*sqlitePool, error) {
	db, err := sqliteDB(path, pragmas...)
	if err != nil {
		return nil, err
	}
	p := &sqlitePool{db: db, begin: begin, idle: make(chan *sqliteConn, size)}
	for range size {
		c, err := db.Conn(ctx)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), p.close())
		}
		p.idle <- &sqliteConn{Conn: c, prepared: make(map[sqliteStatement]*sql.Stmt)}
	}
	return p, nil
}

// close ends the idle connections; database/sql waits for no others.
func (p *sqlitePool) close() error {
	for {
		select {
		case c := <-p.idle:
			for _, st := range c.prepared {
				_ = st.Close()
			}
			_ = c.Close()
		default:
			return p.db.Close()
		}
	}
}

func (p *sqlitePool) transact(ctx context.Context, fn func(querier) error) error {
	var c *sqliteConn
	select {
	case c = <-p.idle:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { p.idle <- c }()
	if _, err := c.exec(ctx, p.begin); err != nil {
		return err
	}
	done := false
	// Also when fn panics, or when the context ended: the connection goes back
	// without a transaction.
	defer func() {
		if !done {
			_, _ = c.exec(context.WithoutCancel(ctx), "rollback")
		}
	}()
	if err := fn(c); err != nil {
		return err
	}
	// From here on the answer is the commit's, whatever the caller's patience.
	_, err := c.exec(context.WithoutCancel(ctx), "commit")
	done = err == nil
	return err
}

// prepare returns a statement and whether it is the caller's to close.
func (c *sqliteConn) prepare(ctx context.Context, q string, args []any) (st *sql.Stmt, temporary bool, err error) {
	key := sqliteStatement{q, oneEach(args)}
	if st := c.prepared[key]; st != nil {
		return st, false, nil
	}
	st, err = c.PrepareContext(ctx, key.expanded())
	if err != nil {
		return nil, false, err
	}
	if len(c.prepared) >= maxPrepared {
		return st, true, nil
	}
	c.prepared[key] = st
	return st, false, nil
}

func (s sqliteStatement) expanded() string {
	if s.one {
		return sqliteOne.expand(sqliteOneWords.spell(sqliteWords.spell(s.text)))
	}
	return sqliteMany.expand(sqliteListWords.spell(sqliteWords.spell(s.text)))
}

const inKeysSQLite = "in (select value from json_each(#))"

// sqliteOne is for lists that have one element each, which then is the argument.
var (
	sqliteOne = dialect{
		ids:  "(select # as id)",
		rows: "(select substr(#, 1, 16) as user_id, substr(#, 17, 16) as grant_id)",
		in:   "= #", inKeys: inKeysSQLite, index: "indexed by #",
	}
	sqliteMany = dialect{
		ids: "(select unhex(value) as id from json_each(#))",
		rows: `(with recursive n(i) as (select 1 union all select i + 32 from n where i + 32 < length(#))
			select substr(#, i, 16) as user_id, substr(#, i + 16, 16) as grant_id from n)`,
		in: "in (select unhex(value) from json_each(#))", inKeys: inKeysSQLite, index: "indexed by #",
	}
)

// oneEach reports whether every list among args has one element.
func oneEach(args []any) bool {
	for _, a := range args {
		switch a := a.(type) {
		case []membership.ID:
			if len(a) != 1 {
				return false
			}
		case memberRows:
			if len(a) != memberRowSize {
				return false
			}
		}
	}
	return true
}

func (c *sqliteConn) query(ctx context.Context, q string, args ...any) (rows, error) {
	st, temporary, err := c.prepare(ctx, q, args)
	if err != nil {
		return nil, err
	}
	r := &sqlRows{}
	if temporary {
		r.st = st
	}
	//nolint:rowserrcheck,sqlclosecheck // the caller closes the rows and asks for their error
	if r.Rows, err = st.QueryContext(ctx, sqliteArgs(args, oneEach(args))...); err != nil {
		if r.st != nil {
			_ = r.st.Close()
		}
		return nil, err
	}
	return r, nil
}

func (c *sqliteConn) exec(ctx context.Context, q string, args ...any) (int64, error) {
	st, temporary, err := c.prepare(ctx, q, args)
	if err != nil {
		return 0, err
	}
	if temporary {
		defer func() { _ = st.Close() }()
	}
	res, err := st.ExecContext(ctx, sqliteArgs(args, oneEach(args))...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (c *sqliteConn) execEach(ctx context.Context, q string, rows [][]any) error {
	return execInTurn(ctx, c, q, rows)
}

// sqlRows closes its statement with itself when nobody else keeps it.
type sqlRows struct {
	*sql.Rows
	st *sql.Stmt
}

func (r *sqlRows) Close() {
	_ = r.Rows.Close()
	if r.st != nil {
		_ = r.st.Close()
	}
}
