package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
)

type postgresEngine struct {
	pool    *postgresPool
	writers lines[memberLine, *memberWrite]
	stats   *statistics
}

func openPostgres(ctx context.Context, url string, log *zap.Logger) (engine, error) {
	c, err := postgresConfig(url)
	if err != nil {
		return nil, err
	}
	pool, err := openPostgresPool(ctx, c, log)
	if err != nil {
		return nil, err
	}
	e := &postgresEngine{pool: pool, stats: newStatistics(pool, log)}
	e.writers.run = e.writeTogether
	if err := e.warnOfSuperuser(ctx, log); err != nil {
		pool.close()
		return nil, err
	}
	return e, nil
}

func postgresConfig(url string) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		// pgx quotes the URL without its password.
		return nil, err
	}
	switch c.ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		return nil, errors.New("default_query_exec_mode cannot be exec or simple_protocol: " +
			"for a pooler that keeps no prepared statements it is cache_describe")
	}
	// A pooler such as PgBouncer takes this parameter and refuses those that it
	// does not know: nothing else is sent with the start of a connection.
	if _, set := c.ConnConfig.RuntimeParams["application_name"]; !set {
		c.ConnConfig.RuntimeParams["application_name"] = "scimbridge"
	}
	if set := sessionSettings(c.ConnConfig.RuntimeParams); set != "" {
		c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.PgConn().Exec(ctx, set).ReadAll()
			return err
		}
	}
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	if !strings.Contains(url, "pool_max_conns=") {
		c.MaxConns = max(c.MaxConns, 16)
	}
	return c, nil
}

// sessionSettings sets what the URL does not. Plans: every query goes by a key, and
// plans made for one set of values cost more than they can win: of the change of
// members they are half of the time.
func sessionSettings(given map[string]string) string {
	var b strings.Builder
	for _, l := range postgresLimits {
		if _, set := given[l.name]; !set {
			fmt.Fprintf(&b, "set %s = '%s';", l.name, l.value)
		}
	}
	return b.String()
}

const qRoleBypassesRLS = `select rolsuper or rolbypassrls from pg_roles where rolname = current_user`

// warnOfSuperuser says when the second wall between tenants does not stand.
func (e *postgresEngine) warnOfSuperuser(ctx context.Context, log *zap.Logger) error {
	var bypass bool
	err := e.pool.with(ctx, func(c *pgx.Conn) error { return c.QueryRow(ctx, qRoleBypassesRLS).Scan(&bypass) })
	if err != nil {
		return err
	}
	if bypass {
		log.Warn("the database role bypasses row-level security; use a role that is no superuser")
	}
	return nil
}

func (e *postgresEngine) name() string { return "postgres" }

func (e *postgresEngine) close() error {
	e.stats.close()
	e.pool.close()
	return nil
}

func (e *postgresEngine) view(ctx context.Context, tenant membership.ID, fn func(querier) error) error {
	c, err := e.pool.acquire(ctx)
	if err != nil {
		return err
	}
	t := &pgTransaction{pgTx: pgTx{c.Conn.Conn()}, tenant: tenant, begin: "begin isolation level repeatable read read only"}
	// There is nothing to commit, so nobody waits for the end of it.
	defer func() {
		go func() {
			defer c.release()
			t.end(ctx, "commit")
		}()
	}()
	return c.checked(ctx, fn(t))
}

func (e *postgresEngine) update(ctx context.Context, tenant membership.ID, fn func(querier) error) error {
	return e.pool.with(ctx, func(c *pgx.Conn) error {
		t := &pgTransaction{pgTx: pgTx{c}, tenant: tenant, begin: "begin isolation level read committed"}
		done := false
		defer func() {
			if !done { // also when fn panics
				t.end(ctx, "rollback")
			}
		}()
		if err := fn(t); err != nil {
			return err
		}
		err := t.commit(ctx)
		if done = err == nil; done {
			e.stats.wrote(&e.stats.directory, t.writes) //nolint:contextcheck // the look is nobody's request
		}
		return err
	})
}

func (e *postgresEngine) migrate(ctx context.Context, files fs.FS, inGo ...*goose.Migration) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600)) // every second, ten minutes
	if err != nil {
		return err
	}
	// A migration takes the time and the locks that it needs.
	db := stdlib.OpenDB(*e.pool.pool.Config().ConnConfig)
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker), outOfOrder,
		goose.WithGoMigrations(inGo...))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func (e *postgresEngine) hasColumn() string {
	return `select count(*) from pg_attribute where attrelid = $1::text::regclass and attname = $2 and not attisdropped`
}

// tenants takes the second wall away for the length of a transaction: row-level
// security is for the owner of the tables as well, and shows no tenant to who
// names none.
func (e *postgresEngine) tenants(ctx context.Context, s *session) ([]membership.ID, error) {
	if _, err := s.exec(ctx, `alter table tenants no force row level security`); err != nil {
		return nil, err
	}
	tenants, err := list(ctx, s, qAllTenants, nil, func(id *membership.ID) []any { return []any{id} })
	if err != nil {
		return nil, err
	}
	_, err = s.exec(ctx, `alter table tenants force row level security`)
	return tenants, err
}

func (e *postgresEngine) ready(ctx context.Context, version int64) error {
	return e.pool.aside(ctx, func(c *pgx.Conn) error { return checkSchema(ctx, pgTx{c}, version) })
}

// tryWrite writes a message into the log of the database that nothing reads.
func (e *postgresEngine) tryWrite(ctx context.Context) error {
	return e.pool.aside(ctx, func(c *pgx.Conn) error {
		if err := writable(ctx, c.PgConn()); err != nil {
			return err
		}
		_, err := c.Exec(ctx, "select pg_logical_emit_message(true, 'scimbridge', 'ready')")
		return err
	})
}

// checkIntegrity: PostgreSQL has amcheck for that, which needs a superuser.
func (e *postgresEngine) checkIntegrity(context.Context) error { return nil }

func (e *postgresEngine) fault(err error) string {
	var pe *pgconn.PgError
	switch {
	case errors.Is(err, errReadOnly):
		return reasonReadOnly
	case !errors.As(err, &pe):
	case pe.Code == readOnlyTransaction:
		return reasonReadOnly
	case pe.Code == "53100":
		return reasonDiskFull
	case pe.Code == "XX001", pe.Code == "XX002":
		return reasonCorrupted
	case pe.Code == "42P01":
		return reasonSchema
	}
	if unreachable(err) && !errors.Is(err, errBusy) {
		return reasonUnreachable
	}
	return ""
}

func (e *postgresEngine) class(err error) errorClass {
	if unreachable(err) { // whatever the reason: it is no defect of a request
		return classUnavailable
	}
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return classOther
	}
	switch pe.Code {
	case "40001", "40P01": // serialization failure, deadlock
		return classRetry
	case "23505":
		return classUnique
	case "23514": // the one check there is
		return classFrozen
	case "42P01":
		return classNoTable
	case "57014", "55P03": // canceled by statement_timeout, lock not available in time
		return classUnavailable
	}
	switch pe.Code[:2] {
	case "08", "53", "57", "58", "XX": // connection, resources, shutdown, system, corrupted
		return classUnavailable
	}
	return classOther
}

// pgTx runs statements on the connection that holds the transaction.
type pgTx struct{ conn *pgx.Conn }

func (t pgTx) query(ctx context.Context, q string, args ...any) (rows, error) {
	return t.conn.Query(ctx, pgText(q), pgArgs(args)...) //nolint:sqlclosecheck // the caller closes
}

func (t pgTx) exec(ctx context.Context, q string, args ...any) (int64, error) {
	tag, err := t.conn.Exec(ctx, pgText(q), pgArgs(args)...)
	return tag.RowsAffected(), err
}

func (t pgTx) execEach(ctx context.Context, q string, rows [][]any) error {
	if len(rows) < 2 {
		return execInTurn(ctx, t, q, rows)
	}
	var b pgx.Batch
	for _, args := range rows {
		b.Queue(pgText(q), pgArgs(args)...)
	}
	return t.conn.SendBatch(ctx, &b).Close()
}

func pgText(q string) string {
	if !strings.Contains(q, "{") {
		return q
	}
	return pgDialect.expand(postgresWords.spell(q))
}

var pgDialect = dialect{ids: "(select unnest(#::uuid[]) as id)", in: "= any(#::uuid[])", inKeys: "= any(#::text[])", json: "::json", locks: true}

func pgArgs(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case membership.ID:
			out[i] = [16]byte(a)
		case []membership.ID:
			out[i] = uuids(a)
		case stamp:
			out[i] = a.time()
		default:
			out[i] = a
		}
	}
	return out
}

func uuids(ids []membership.ID) [][16]byte {
	out := make([][16]byte, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}
