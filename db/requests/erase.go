package requests

import (
	"context"
	"errors"
	"slices"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	qHaveKey = `select r.id, r.keys, r.body from (select id from request_keys
			where tenant_id = $1 and key = $2 and id > $3 order by id limit $4) k
		{lookup requests r on r.tenant_id = $1 and r.id = k.id} order by r.id`
	qSetKeys = `update requests set keys = $3 where tenant_id = $1 and id = $2`
)

// erasedAtOnce are the requests of one step: others wait for it.
const erasedAtOnce = 200

// EraseRequests implements membership.RequestLog. The names that a person had before
// are known from requests that are about nobody else, so those come last: what was
// stopped goes on when it is repeated. What other servers write later has none (heed).
func (l *Log) EraseRequests(
	ctx context.Context, tenant, user membership.ID, userNames, externalIDs []membership.RequestName,
) (n int, err error) {
	e := &erasure{log: l, tenant: tenant, user: newKey(keyUser, user[:])}
	for _, name := range userNames {
		e.add(newKey(keyUserName, name[:]))
	}
	for _, name := range externalIDs {
		e.add(newKey(keyExternal, name[:]))
	}
	if err := e.note(ctx); err != nil {
		return 0, l.translate(err)
	}
	given := len(e.names)
	if err := e.each(ctx, e.user, e.learn); err != nil {
		return 0, l.translate(err)
	}
	if len(e.names) > given {
		if err := e.note(ctx); err != nil {
			return 0, l.translate(err)
		}
	}
	for _, name := range e.names {
		if err := e.each(ctx, name, func(r keyed) []membership.ID {
			if r.has(e.user) {
				return nil
			}
			return []membership.ID{name}
		}); err != nil {
			return e.done, l.translate(err)
		}
	}
	if err := e.each(ctx, e.user, keyed.names); err != nil {
		return e.done, l.translate(err)
	}
	// Captured bodies name anybody, and nobody can look for one person in them.
	if err := l.RemoveBodies(ctx, tenant, membership.ID{}); err != nil {
		return e.done, err
	}
	err = l.engine.Scrub(ctx)
	if errors.Is(err, engine.ErrBusy) {
		return e.done, &membership.Error{
			Kind: membership.KindUnavailable, Err: err,
			Message: "names are out of the request log, but its own log still has " +
				"them, since others read an older state: repeat this, until it succeeds",
		}
	}
	return e.done, l.translate(err)
}

type erasure struct {
	log    *Log
	tenant membership.ID
	user   membership.ID   // the key
	names  []membership.ID // keys
	done   int
}

func (e *erasure) add(name membership.ID) {
	if !slices.Contains(e.names, name) {
		e.names = append(e.names, name)
	}
}

// learn takes the names of a request that is about the person alone, and none away.
func (e *erasure) learn(r keyed) []membership.ID {
	if len(r.request.Users) == 1 {
		for _, name := range r.names() {
			e.add(name)
		}
	}
	return nil
}

// keyed is a request with its keys.
type keyed struct {
	id         membership.ID
	keys, body []byte
	request    membership.Request
}

func (r keyed) has(key membership.ID) bool { return hasAll(r.keys, []membership.ID{key}) }

// names are the keys that are of no id.
func (r keyed) names() (names []membership.ID) {
	ids := keysOf(&r.request)
	for b := r.keys; len(b) >= keySize; b = b[keySize:] {
		if key := membership.ID(b[:keySize]); !slices.Contains(ids, key) {
			names = append(names, key)
		}
	}
	return names
}

// without are the keys of a request without some.
func (r keyed) without(gone []membership.ID) []byte {
	left := make([]byte, 0, len(r.keys))
	for b := r.keys; len(b) >= keySize; b = b[keySize:] {
		if !slices.Contains(gone, membership.ID(b[:keySize])) {
			left = append(left, b[:keySize]...)
		}
	}
	return left
}

// each takes from the requests that have a key those keys that gone says.
func (e *erasure) each(ctx context.Context, key membership.ID, gone func(keyed) []membership.ID) error {
	for after, more := (membership.ID{}), true; more; {
		changed, last := 0, after
		err := e.log.update(ctx, e.tenant, func(t engine.Tx) error {
			changed, last = 0, after
			rs, err := t.Query(ctx, qHaveKey, e.tenant, key, after, erasedAtOnce)
			if err != nil {
				return err
			}
			found, err := engine.ReadAll(rs, func(r *keyed) []any { return []any{&r.id, &r.keys, &r.body} })
			rs.Close()
			if err != nil {
				return err
			}
			more = len(found) == erasedAtOnce
			var rows, keys [][]any
			for _, r := range found {
				last = r.id
				if r.request, err = decode(e.tenant, r.id, class{}, r.body); err != nil {
					return err
				}
				names := gone(r)
				if len(names) == 0 {
					continue
				}
				rows = append(rows, []any{e.tenant, r.id, r.without(names)})
				for _, k := range names {
					keys = append(keys, []any{e.tenant, k, r.id})
				}
			}
			if changed = len(rows); changed == 0 {
				return nil
			}
			if err := t.ExecEach(ctx, qDeleteKey, keys); err != nil {
				return err
			}
			return t.ExecEach(ctx, qSetKeys, rows)
		})
		if err != nil {
			return err
		}
		e.done, after = e.done+changed, last
	}
	return nil
}
