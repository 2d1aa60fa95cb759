package requests

import (
	"context"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// What is kept of the captured bodies of a tenant at most. The oldest make room.
const (
	maxBodies    = 2_000
	maxBodyBytes = 64 << 20
)

const (
	qInsertBody = `insert into request_bodies (tenant_id, id, connection_id, until, size, box)
		values ($1, $2, $3, $4, $5, $6) on conflict do nothing`
	qBodySizes  = `select id, size from request_bodies where tenant_id = $1 order by id desc`
	qDeleteBody = `delete from request_bodies where tenant_id = $1 and id = $2`
)

// bodyRows are the captured bodies of requests.
func bodyRows(tenant membership.ID, rs []membership.Request) (rows [][]any) {
	for i := range rs {
		if b := rs[i].Sealed; b != nil {
			rows = append(rows, []any{tenant, rs[i].ID, rs[i].Connection, engine.Stamp(b.Until), len(b.Box), b.Box})
		}
	}
	return rows
}

// addBodies adds captured bodies, and removes the oldest beyond what a tenant may have.
func addBodies(ctx context.Context, t engine.Tx, tenant membership.ID, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if err := t.ExecEach(ctx, qInsertBody, rows); err != nil {
		return err
	}
	type body struct {
		id   membership.ID
		size int64
	}
	rs, err := t.Query(ctx, qBodySizes, tenant)
	if err != nil {
		return err
	}
	all, err := engine.ReadAll(rs, func(b *body) []any { return []any{&b.id, &b.size} })
	rs.Close()
	if err != nil {
		return err
	}
	var bytes int64
	var old [][]any
	for i, b := range all {
		if bytes += b.size; i >= maxBodies || bytes > maxBodyBytes {
			old = append(old, []any{tenant, b.id})
		}
	}
	if len(old) == 0 {
		return nil
	}
	return t.ExecEach(ctx, qDeleteBody, old)
}

const qBody = `select until, box from request_bodies where tenant_id = $1 and id = $2`

// RequestBody implements membership.RequestLog.
func (l *Log) RequestBody(ctx context.Context, tenant, id membership.ID) (b membership.SealedBody, err error) {
	err = l.engine.Read(ctx, tenant, func(t engine.Tx) error {
		rs, err := t.Query(ctx, qBody, tenant, id)
		if err != nil {
			return err
		}
		defer rs.Close()
		found, err := engine.ReadOne(rs, []any{(*engine.Stamp)(&b.Until), &b.Box})
		if err == nil && !found {
			err = membership.NotFound("captured body")
		}
		return err
	})
	return b, l.translate(err)
}

const qBodies = `select id, connection_id, until from request_bodies where tenant_id = $1`

// KeptBodies implements membership.RequestLog.
func (l *Log) KeptBodies(ctx context.Context, tenant membership.ID) (bodies []membership.KeptBody, err error) {
	err = l.engine.Read(ctx, tenant, func(t engine.Tx) error {
		rs, err := t.Query(ctx, qBodies, tenant)
		if err != nil {
			return err
		}
		defer rs.Close()
		bodies, err = engine.ReadAll(rs, func(b *membership.KeptBody) []any {
			return []any{&b.Request, &b.Connection, (*engine.Stamp)(&b.Until)}
		})
		return err
	})
	return bodies, l.translate(err)
}

const (
	qRemoveBodies   = `delete from request_bodies where tenant_id = $1`
	qRemoveBodiesOf = qRemoveBodies + ` and connection_id = $2`
)

// RemoveBodies implements membership.RequestLog.
func (l *Log) RemoveBodies(ctx context.Context, tenant, connection membership.ID) error {
	q, args := qRemoveBodies, []any{tenant}
	if !connection.IsZero() {
		q, args = qRemoveBodiesOf, append(args, connection)
	}
	return l.translate(l.update(ctx, tenant, func(t engine.Tx) error {
		_, err := t.Exec(ctx, q, args...)
		return err
	}))
}

// RemoveBodiesOf implements membership.RequestLog.
func (l *Log) RemoveBodiesOf(ctx context.Context, tenant membership.ID, requests []membership.ID) error {
	if len(requests) == 0 {
		return nil
	}
	rows := make([][]any, len(requests))
	for i, id := range requests {
		rows[i] = []any{tenant, id}
	}
	return l.translate(l.update(ctx, tenant, func(t engine.Tx) error {
		return t.ExecEach(ctx, qDeleteBody, rows)
	}))
}
