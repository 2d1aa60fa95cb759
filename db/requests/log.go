// Package requests keeps the request log: in the tables of the store on PostgreSQL,
// and in a file beside an embedded store.
package requests

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/db/sqlite"
	"github.com/scimbridge/scimbridge/membership"
)

//go:embed schema
var schema embed.FS

// Log implements membership.RequestLog.
type Log struct {
	engine engine.Engine
	owned  bool // the engine is the log's to close

	mu    sync.Mutex
	known map[classOf]bool // classes that are written
}

var _ membership.RequestLog = (*Log)(nil)

// maxKnown bounds the classes that are remembered.
const maxKnown = 10_000

// On returns the log in the tables of a migrated store.
func On(e engine.Engine) *Log { return &Log{engine: e, known: map[classOf]bool{}} }

// OpenFile opens the log in a file, and makes it where there is none.
func OpenFile(ctx context.Context, path string, log *zap.Logger) (*Log, error) {
	e, err := sqlite.Open(path, sqlite.Options{Logger: log, Log: true})
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(schema, "schema")
	if err == nil {
		err = e.Migrate(ctx, files)
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	l := On(e)
	l.owned = true
	return l, nil
}

// Close ends the use of its file.
func (l *Log) Close() error {
	if l.owned {
		return l.engine.Close()
	}
	return nil
}

// update runs a transaction that may run again: once more where the engine says that
// another try may succeed. A transaction on SQLite fails with another that shares it.
func (l *Log) update(ctx context.Context, tenant membership.ID, fn func(engine.Tx) error) error {
	err := l.engine.Update(ctx, tenant, fn)
	if err != nil && l.engine.Class(err) == engine.ClassRetry && ctx.Err() == nil {
		err = l.engine.Update(ctx, tenant, fn)
	}
	return err
}

// translate turns an engine's error into the domain's.
func (l *Log) translate(err error) error {
	if err == nil || membership.KindOf(err) != "" {
		return err
	}
	switch l.engine.Class(err) {
	case engine.ClassRetry, engine.ClassUnavailable:
		return &membership.Error{Kind: membership.KindUnavailable, Message: "the request log cannot answer now",
			Err: err}
	}
	return err
}

const (
	qInsertClass = `insert into request_classes (tenant_id, class, connection_id, operation, status, scim_type, outcome)
		values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`
	qInsertRequest = `insert into requests (tenant_id, id, class, keys, body) values ($1, $2, $3, $4, $5)
		on conflict do nothing`
	qInsertKey = `insert into request_keys (tenant_id, key, id, class) values ($1, $2, $3, $4)
		on conflict do nothing`
)

// AppendRequests implements membership.RequestLog: a transaction for each tenant.
func (l *Log) AppendRequests(ctx context.Context, requests []membership.Request) error {
	of := map[membership.ID][]membership.Request{}
	for _, r := range requests {
		of[r.Tenant] = append(of[r.Tenant], r)
	}
	var errs []error
	for tenant, rs := range of {
		errs = append(errs, l.translate(l.append(ctx, tenant, rs)))
	}
	return errors.Join(errs...)
}

// written are the rows of requests of a tenant.
type written struct {
	classes, requests, keys, days, bodies [][]any
	fresh                                 map[classOf]bool // classes that may be new
}

func (l *Log) rows(tenant membership.ID, rs []membership.Request) written {
	w := written{days: dayRows(tenant, rs), bodies: bodyRows(tenant, rs), fresh: map[classOf]bool{}}
	for i := range rs {
		c := newClass(&rs[i])
		key := classOf{tenant, c.hash()}
		if !l.knows(key) && !w.fresh[key] {
			w.fresh[key] = true
			w.classes = append(w.classes,
				[]any{tenant, key.class, c.Connection, c.Operation, c.Status, c.ScimType, c.Outcome})
		}
		found := keysOf(&rs[i])
		flat := make([]byte, 0, len(found)*keySize)
		for _, k := range found {
			flat = append(flat, k[:]...)
			w.keys = append(w.keys, []any{tenant, k, rs[i].ID, key.class})
		}
		w.requests = append(w.requests, []any{tenant, rs[i].ID, key.class, flat, encode(&rs[i])})
	}
	return w
}

func (l *Log) append(ctx context.Context, tenant membership.ID, rs []membership.Request) error {
	w := l.rows(tenant, rs)
	err := l.update(ctx, tenant, func(t engine.Tx) error {
		left, changed, err := heed(ctx, t, tenant, rs)
		if err != nil {
			return err
		}
		if changed {
			w = l.rows(tenant, left)
		}
		for _, part := range []struct {
			q    string
			rows [][]any
		}{{qInsertClass, w.classes}, {qInsertRequest, w.requests}, {qInsertKey, w.keys}, {qAddDay, w.days}} {
			if len(part.rows) == 0 {
				continue
			}
			if err := t.ExecEach(ctx, part.q, part.rows); err != nil {
				return err
			}
		}
		return addBodies(ctx, t, tenant, w.bodies)
	})
	if err == nil {
		l.learn(w.fresh)
	}
	return err
}

func (l *Log) knows(c classOf) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[c]
}

func (l *Log) learn(fresh map[classOf]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) > maxKnown {
		clear(l.known)
	}
	for c := range fresh {
		l.known[c] = true
	}
}

const (
	qOldRequests   = `select id, keys from requests where tenant_id = $1 and id < $2 order by id limit $3`
	qDeleteRequest = `delete from requests where tenant_id = $1 and id = $2`
	qOldBodies     = `delete from request_bodies where tenant_id = $1 and id < $2`
	qDeleteKey     = `delete from request_keys where tenant_id = $1 and key = $2 and id = $3`
)

// RemoveRequests implements membership.RequestLog.
func (l *Log) RemoveRequests(
	ctx context.Context, tenant membership.ID, before time.Time, limit int,
) (n int, err error) {
	type old struct {
		id   membership.ID
		keys []byte
	}
	err = l.update(ctx, tenant, func(t engine.Tx) error {
		if err := removeErased(ctx, t, tenant); err != nil {
			return err
		}
		rs, err := t.Query(ctx, qOldRequests, tenant, membership.FirstID(before), limit)
		if err != nil {
			return err
		}
		olds, err := engine.ReadAll(rs, func(o *old) []any { return []any{&o.id, &o.keys} })
		rs.Close()
		if n = len(olds); err != nil || n == 0 {
			return err
		}
		if _, err := t.Exec(ctx, qRemoveDays, tenant, dayOf(before)); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, qOldBodies, tenant, membership.FirstID(before)); err != nil {
			return err
		}
		var rows, keys [][]any
		for _, o := range olds {
			rows = append(rows, []any{tenant, o.id})
			for b := o.keys; len(b) >= keySize; b = b[keySize:] {
				keys = append(keys, []any{tenant, membership.ID(b[:keySize]), o.id})
			}
		}
		if len(keys) > 0 {
			if err := t.ExecEach(ctx, qDeleteKey, keys); err != nil {
				return err
			}
		}
		return t.ExecEach(ctx, qDeleteRequest, rows)
	})
	return n, l.translate(err)
}
