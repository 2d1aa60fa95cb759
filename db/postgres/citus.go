package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A database of the extension Citus has its tables on several nodes, by tenant. Each
// statement goes to the node of its tenant, which any node finds: docs/citus.md.

// citusSettings are set in place of, and after, settings.
var citusSettings = []setting{
	// A statement is planned for the tenant that it is for: there is no generic plan.
	{"plan_cache_mode", "force_custom_plan"},
	// What a transaction sets, it sets on the node of the tenant as well.
	{"citus.propagate_set_commands", "local"},
	// A statement that does not go to the shard of one tenant is an error.
	{"citus.multi_task_query_log_level", "error"},
}

// listTenantsCitus lets a transaction look at all shards.
var listTenantsCitus = []string{qListTenants, `set local citus.multi_task_query_log_level = 'off'`}

const qHasCitus = `select exists (select from pg_extension where extname = 'citus')`

// begin sets up a new connection.
func (p *pool) begin(ctx context.Context, c *pgx.Conn) error {
	given := c.Config().RuntimeParams
	results, err := c.PgConn().Exec(ctx, sessionSettings(given, settings)+qHasCitus).ReadAll()
	if err != nil {
		return err
	}
	citus := string(results[len(results)-1].Rows[0][0]) == "t"
	p.citus.Store(citus)
	if !citus {
		return nil
	}
	_, err = c.PgConn().Exec(ctx, sessionSettings(given, citusSettings)).ReadAll()
	return err
}

// beginMigration lets a transaction change distributed tables and read them.
func (p *pool) beginMigration(ctx context.Context, c *pgx.Conn) (err error) {
	if p.citus.Load() {
		_, err = c.Exec(ctx, "set citus.multi_shard_modify_mode = 'sequential'")
	}
	return err
}

// beginCitus begins a transaction and names its tenant to the nodes that it will come to:
// they are sent what SET LOCAL sets in a statement of its own, and not what a function sets.
func (t *transaction) beginCitus(ctx context.Context) error {
	var b pgconn.Batch
	b.ExecParams(t.begin, nil, nil, nil, nil)
	b.ExecParams("set local scimbridge.tenant = '"+t.tenant.String()+"'", nil, nil, nil, nil)
	_, err := t.conn.PgConn().ExecBatch(ctx, &b).ReadAll()
	return err
}
