package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// errNoCitus is for who asked for Citus where there is none.
var errNoCitus = errors.New("the database has no extension citus: an administrator creates it, and adds the workers, " +
	"before the store is made (docs/citus.md)")

// errNotSpread is for a server on a store of one machine, in a database that has Citus.
var errNotSpread = errors.New("the database has the extension citus, and the tables of the store are not on its nodes" +
	": stop all servers and run scimbridge migrate as the owner of the tables (docs/citus.md), or drop the extension")

// FirstDistributed is the migration from which on tables may be distributed: those after it
// have to run there, those up to it cannot.
const FirstDistributed = 54

const (
	// All tables, those first that others refer to. What has no tenant is the same for all: each
	// node has it whole.
	qTablesToDistribute = `with recursive t (oid, depth) as (
			select oid, 0 from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace
			union
			select f.conrelid, t.depth + 1 from t join pg_constraint f on f.contype = 'f' and f.confrelid = t.oid
				where f.conrelid <> t.oid and t.depth < 20)
		select t.oid::regclass::text, a.attname is not null, c.relforcerowsecurity, c.relreplident,
			d.logicalrelid is not null,
			exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary), pg_relation_size(c.oid) > 0
		from t join pg_class c on c.oid = t.oid left join pg_dist_partition d on d.logicalrelid = t.oid
			left join pg_attribute a on a.attrelid = t.oid and a.attname = 'tenant_id'
		group by t.oid, c.oid, a.attname, d.logicalrelid
		order by a.attname is not null, max(t.depth), t.oid = 'tenants'::regclass desc, 1`

	// Functions, last those that change members: called for a tenant, they run where it is,
	// and what they call has to be there. One that was made before the extension is nowhere else.
	qFunctionsToDistribute = `select p.oid::regprocedure::text, m.is,
			coalesce(p.proconfig::text like '%plan_cache_mode%', false),
			d.objid is null or m.is and d.distribution_argument_index is null
		from pg_proc p cross join lateral (select p.proname in ('write_member', 'write_members') as is) m
			left join pg_dist_object d on d.classid = 'pg_proc'::regclass and d.objid = p.oid
		where p.pronamespace = current_schema()::regnamespace and p.prokind = 'f' and not exists (
			select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
		order by m.is, 1`

	qNextPosition = `select prosrc from pg_proc
		where pronamespace = current_schema()::regnamespace and proname = 'next_position'`

	// Whether the store is spread over the nodes of a database that has the extension.
	qIsDistributed = `select exists (select from pg_dist_partition where logicalrelid = to_regclass('tenants'))`
	qHasStore      = `select to_regclass('tenants') is not null`
)

// positions is the body of next_position, in the place of that of the migrations. Each node has
// a sequence of its own, and a tenant can move from one to another. So a position is the time
// in units of a microsecond / 1024, and greater than all that the tenant has: what an event
// depends on is there before it. Two at the same time, or beside a clock that is behind, have
// a number by chance each; where that is the same they meet in the index of positions, and one
// of them comes again. The events of one statement come one after another.
const positions = `
declare
    statement constant text := extract(epoch from statement_timestamp())::text;
    last_one constant text := current_setting('scimbridge.position', true);
    place bigint := coalesce(nullif(split_part(last_one, ' ', 2), ''), '0')::bigint + 1;
    greatest_one bigint;
begin
    if split_part(last_one, ' ', 1) <> statement or last_one is null then
        select max(e.position) into greatest_one from events e where e.tenant_id = p_tenant;
        place := greatest(place, coalesce(greatest_one, 0) + 1,
            (extract(epoch from clock_timestamp()) * 1000000)::bigint * 1024) + floor(random() * 1024)::bigint;
    end if;
    perform set_config('scimbridge.position', statement || ' ' || place, true);
    return place;
end `

const nextPosition = `create or replace function next_position(p_tenant uuid) returns bigint language plpgsql as $$` +
	positions + `$$`

// distribute spreads the tables of a database of Citus over its nodes, and does nothing
// where that was done, so that a role that owns nothing can serve.
func distribute(ctx context.Context, c *sql.Conn) error {
	d := distribution{ctx: ctx, conn: c}
	tables, err := d.tables()
	if err != nil {
		return err
	}
	for _, t := range tables {
		d.prepare(t)
		d.distribute(t)
	}
	for _, t := range tables { // what was here before is on the nodes now
		if t.rows {
			d.exec("select truncate_local_data_after_distributing_table($1)", t.name)
		}
	}
	d.functions()
	return d.err
}

type distribution struct {
	ctx  context.Context //nolint:containedctx // of one call
	conn *sql.Conn
	err  error
}

func (d *distribution) exec(q string, args ...any) {
	if d.err != nil {
		return
	}
	if _, err := d.conn.ExecContext(d.ctx, q, args...); err != nil {
		d.err = fmt.Errorf("%s %v: %w", q, args, err)
	}
}

type table struct {
	name                                       string
	ofTenants, forced, distributed, primaryKey bool
	rows                                       bool   // there are some in the table itself
	identity                                   string // pg_class.relreplident
}

func (d *distribution) tables() (ts []table, err error) {
	err = d.rows(qTablesToDistribute, func(rs *sql.Rows) error {
		var t table
		if err := rs.Scan(&t.name, &t.ofTenants, &t.forced, &t.identity, &t.distributed, &t.primaryKey,
			&t.rows); err != nil {
			return err
		}
		ts = append(ts, t)
		return nil
	})
	return ts, err
}

func (d *distribution) rows(q string, read func(*sql.Rows) error) (err error) {
	rs, err := d.conn.QueryContext(d.ctx, q)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rs.Err(), rs.Close()) }()
	for rs.Next() {
		if err := read(rs); err != nil {
			return err
		}
	}
	return nil
}

// prepare does what lets a table be copied to another node while it is used: rows are copied
// by the owner, which row-level security must not stop, and changes meanwhile are repeated by
// what identifies a row.
func (d *distribution) prepare(t table) {
	if t.forced {
		d.exec("alter table " + t.name + " no force row level security")
	}
	switch {
	case t.primaryKey:
	case t.name == "events" && t.identity != "i":
		d.exec("create unique index if not exists events_identity on events (tenant_id, position)")
		d.exec("alter table events replica identity using index events_identity")
	case t.name != "events" && t.identity != "f": // next to nothing in it ever changes
		d.exec("alter table " + t.name + " replica identity full")
	}
}

func (d *distribution) distribute(t table) {
	switch {
	case t.distributed:
	case !t.ofTenants:
		d.exec("select create_reference_table($1)", t.name)
	case t.name == "tenants":
		d.exec("select create_distributed_table('tenants', 'tenant_id')")
	default:
		d.exec("select create_distributed_table($1, 'tenant_id', colocate_with => 'tenants')", t.name)
	}
}

func (d *distribution) functions() {
	text := ""
	d.err = errors.Join(d.err, d.rows(qNextPosition, func(rs *sql.Rows) error { return rs.Scan(&text) }))
	if text != positions {
		d.exec(nextPosition)
	}
	type function struct {
		name                           string
		ofMembers, hasMode, notOnNodes bool
	}
	var fs []function
	d.err = errors.Join(d.err, d.rows(qFunctionsToDistribute, func(rs *sql.Rows) error {
		var f function
		err := rs.Scan(&f.name, &f.ofMembers, &f.hasMode, &f.notOnNodes)
		fs = append(fs, f)
		return err
	}))
	for _, f := range fs {
		switch {
		case !f.notOnNodes:
		case f.ofMembers:
			if f.hasMode { // there is no generic plan
				d.exec("alter function " + f.name + " reset plan_cache_mode")
			}
			d.exec("select create_distributed_function($1, 'p_tenant', colocate_with => 'tenants')", f.name)
		default:
			d.exec("select create_distributed_function($1)", f.name)
		}
	}
}
