package statements

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const (
	qTables = `select c.relname, '' from pg_class c
		join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
		where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace and not a.attisdropped`
	// Of functions of one name, that which is least sure to return the same again; no column
	// has a time of day with a time zone.
	qFunctions = `select proname, max(provolatile)::text from pg_proc where 'timetz'::regtype <> all (proargtypes)
		group by proname having max(provolatile) <> 'i'`
	qImmutable = `select distinct proname, '' from pg_proc where provolatile = 'i'`
	qBodies    = `select p.oid::regprocedure::text, pg_get_functiondef(p.oid)
		from pg_proc p join pg_language l on l.oid = p.prolang
		where p.pronamespace = current_schema()::regnamespace and p.prokind = 'f' and l.lanname in ('sql', 'plpgsql')`
)

// Schema reads what a Checker has to know of a database.
func Schema(ctx context.Context, c *pgx.Conn) (*Checker, error) {
	checker := &Checker{Tables: map[string]bool{}, Functions: map[string]byte{}, Immutable: map[string]bool{}}
	err := eachRow(ctx, c, qTables, func(name, _ string) { checker.Tables[name] = true })
	if err != nil {
		return nil, err
	}
	err = eachRow(ctx, c, qFunctions, func(name, volatility string) { checker.Functions[name] = volatility[0] })
	if err != nil {
		return nil, err
	}
	return checker, eachRow(ctx, c, qImmutable, func(name, _ string) { checker.Immutable[name] = true })
}

// Definitions are those of the functions that a database has besides the built-in ones.
func Definitions(ctx context.Context, c *pgx.Conn) (definitions map[string]string, err error) {
	definitions = map[string]string{}
	err = eachRow(ctx, c, qBodies, func(name, definition string) { definitions[name] = definition })
	return definitions, err
}

func eachRow(ctx context.Context, c *pgx.Conn, q string, read func(a, b string)) error {
	rows, err := c.Query(ctx, q)
	if err != nil {
		return err
	}
	var a, b string
	_, err = pgx.ForEachRow(rows, []any{&a, &b}, func() error {
		read(a, b)
		return nil
	})
	return err
}
