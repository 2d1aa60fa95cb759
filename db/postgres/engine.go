// Package postgres is the engine on a PostgreSQL server, through pgx without
// database/sql. A transaction begins with its first statement and in the same
// round trip; a monitor notices a server that hangs.
package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// Engine implements engine.Engine.
type Engine struct {
	pool   *pool
	stats  *statistics
	tracer engine.Tracer // nil: there are no spans

	mustCitus, maySpread bool
}

var _ engine.Engine = (*Engine)(nil)

// Options of an engine.
type Options struct {
	Logger *zap.Logger
	// NoStatistics leaves the tables to the server's autovacuum.
	NoStatistics bool
	// Tracer makes spans of statements; nil: there are none.
	Tracer engine.Tracer
	// Citus makes it an error to migrate a database without that extension.
	Citus bool
	// Spread lets a store that is on one machine be spread over the nodes of Citus.
	Spread bool
}

// Open connects to the server of a URL as pgx reads it.
func Open(ctx context.Context, url string, o Options) (*Engine, error) {
	c, err := config(url)
	if err != nil {
		return nil, err
	}
	pool, err := openPool(ctx, c, o.Logger)
	if err != nil {
		return nil, err
	}
	e := &Engine{pool: pool, stats: newStatistics(pool, o), tracer: o.Tracer, mustCitus: o.Citus,
		maySpread: o.Spread}
	if err := e.warnOfSuperuser(ctx, o.Logger); err != nil {
		pool.close()
		return nil, err
	}
	return e, nil
}

// Who owns a table is held by its policies only where it forces them (docs/citus.md).
const qRoleBypassesRLS = `select rolsuper or rolbypassrls or exists (select from pg_class
		where oid = to_regclass('tenants') and not relforcerowsecurity and pg_has_role(current_user, relowner, 'usage'))
	from pg_roles where rolname = current_user`

// warnOfSuperuser says when the second wall between tenants does not stand.
func (e *Engine) warnOfSuperuser(ctx context.Context, log *zap.Logger) error {
	var bypass bool
	err := e.pool.with(ctx, func(c *pgx.Conn) error { return c.QueryRow(ctx, qRoleBypassesRLS).Scan(&bypass) })
	if err != nil {
		return err
	}
	if bypass {
		log.Warn("the database role bypasses row-level security; use a role that is no superuser, and on Citus " +
			"does not own the tables")
	}
	return nil
}

// Expand writes a query as it is sent.
func Expand(q string) string { return words.Expand(q) }

// Name implements engine.Engine.
func (e *Engine) Name() string { return "postgres" }

// ReadConnections implements engine.Engine.
func (e *Engine) ReadConnections() int { return cap(e.pool.slots) }

// qListTenants opens the table of tenants to this transaction (migration 20).
const qListTenants = `set local scimbridge.list = 'tenants'`

var listTenants = []string{qListTenants}

// Dialect implements engine.Engine. Row-level security is for the owner of the
// tables as well, but on Citus, and shows no tenant to a transaction that names none: a
// migration takes it away for the length of its transaction.
func (e *Engine) Dialect() engine.Dialect {
	citus := e.pool.citus.Load()
	list := listTenants
	if citus {
		list = listTenantsCitus
	}
	return engine.Dialect{
		HasColumn: `select count(*) from pg_attribute
			where attrelid = to_regclass($1::text) and attname = $2 and not attisdropped`,
		ListTenants:   list,
		UnlockTenants: `alter table tenants no force row level security`,
		LockTenants:   `alter table tenants force row level security`,
		RoundTrips:    true,
		RowIDs:        true,
		Distributed:   citus,
	}
}

// Close implements engine.Engine.
func (e *Engine) Close() error {
	e.stats.close()
	e.pool.close()
	return nil
}

func (e *Engine) transaction(c *pgx.Conn, tenant membership.ID, begin string) *transaction {
	return &transaction{conn: conn{c}, tenant: tenant, begin: begin, citus: e.pool.citus.Load()}
}

// Read implements engine.Engine.
func (e *Engine) Read(ctx context.Context, tenant membership.ID, fn func(engine.Tx) error) error {
	c, err := e.pool.acquire(ctx)
	if err != nil {
		return err
	}
	t := e.transaction(c.Conn.Conn(), tenant, beginRead)
	// There is nothing to commit, so the caller does not wait for the end of it.
	defer func() {
		go func() {
			defer c.release()
			t.end(ctx, "commit")
		}()
	}()
	return c.checked(ctx, fn(e.traced(ctx, t)))
}

// traced is a transaction with a span for each statement, where these are recorded.
func (e *Engine) traced(ctx context.Context, t engine.Tx) engine.Tx {
	return engine.Traced(ctx, e.tracer, t, Expand)
}

// ReadAtOnce implements engine.Engine.
func (e *Engine) ReadAtOnce(ctx context.Context, tenant membership.ID, qs ...engine.Query) error {
	return e.pool.with(ctx, func(c *pgx.Conn) error {
		t := e.transaction(c, tenant, beginRead)
		qs, end := engine.TracedQueries(ctx, e.tracer, qs, Expand)
		err := t.whole(ctx, qs)
		end(err)
		if err != nil {
			t.end(ctx, "rollback")
		}
		return err
	})
}

// Update implements engine.Engine.
func (e *Engine) Update(ctx context.Context, tenant membership.ID, fn func(engine.Tx) error) error {
	return e.pool.with(ctx, func(c *pgx.Conn) error {
		t := e.transaction(c, tenant, "begin isolation level read committed")
		done := false
		defer func() {
			if !done { // also when fn panics
				t.end(ctx, "rollback")
			}
		}()
		if err := fn(e.traced(ctx, t)); err != nil {
			return err
		}
		end := engine.Span(ctx, e.tracer, "commit")
		err := t.commit(ctx)
		end(err)
		if done = err == nil; done {
			e.stats.wrote(&e.stats.directory, t.writes) //nolint:contextcheck // the look belongs to no request
		}
		return err
	})
}

// Statement runs fn on a connection without a transaction: for one statement that
// is a transaction by itself, and names its tenant.
func (e *Engine) Statement(ctx context.Context, fn func(engine.Tx) error) error {
	return e.pool.with(ctx, func(c *pgx.Conn) error { return fn(e.traced(ctx, conn{c})) })
}

// GrantsChanged counts grants that were opened or closed, for the statistics of
// their table.
func (e *Engine) GrantsChanged(n int) { e.stats.wrote(&e.stats.grants, n) }

// Scrub implements engine.Engine: what the server keeps of deleted rows is for its
// vacuum.
func (e *Engine) Scrub(context.Context) error { return nil }

// WriteBack implements engine.Engine: the server has processes for that.
func (e *Engine) WriteBack(context.Context) error { return nil }
