package requests

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// Requests wait in the queues of servers, and may be written when the names in them
// are erased already. So an erasure leaves the keys of the names for a while, and
// requests are written without them.

const (
	// erasedLife is how long: a queue is written within seconds.
	erasedLife = time.Hour
	// clocksDiffer is how far the clocks of two servers may be apart.
	clocksDiffer = 10 * time.Second
)

const (
	qErasure       = `select at from request_erasures where tenant_id = $1`
	qHoldErasure   = qErasure + ` {for key share}`
	qLockErasure   = qErasure + ` {for update}`
	qInsertErasure = `insert into request_erasures (tenant_id, at) values ($1, $2) on conflict do nothing`
	qMoveErasure   = `update request_erasures set at = $2 where tenant_id = $1`

	qAddErased = `insert into request_erased (tenant_id, person, key, at) values ($1, $2, $3, $4)
		on conflict (tenant_id, person, key) do update set at = excluded.at`
	qErasedOf    = `select key from request_erased where tenant_id = $1 and person = $2`
	qErasedAmong = `select e.person, e.key, e.at from {ids $2} i
		{lookup request_erased e by request_erased_by_key on e.tenant_id = $1 and e.key = i.id}`
	qRemoveErased = `delete from request_erased where tenant_id = $1 and at <= $2`
)

// lastErasure reads when a person of a tenant was last erased, and locks that until the
// end of the transaction.
func lastErasure(ctx context.Context, t engine.Tx, tenant membership.ID, q string) (at time.Time, err error) {
	read := func() (found bool, err error) {
		rs, err := t.Query(ctx, q, tenant)
		if err != nil {
			return false, err
		}
		defer rs.Close()
		return engine.ReadOne(rs, []any{(*engine.Stamp)(&at)})
	}
	found, err := read()
	if err != nil || found {
		return at, err
	}
	if _, err := t.Exec(ctx, qInsertErasure, tenant, engine.Stamp(time.Unix(0, 0))); err != nil {
		return at, err
	}
	_, err = read()
	return at, err
}

// removeErased forgets the keys of erasures that were long ago.
func removeErased(ctx context.Context, t engine.Tx, tenant membership.ID) error {
	_, err := t.Exec(ctx, qRemoveErased, tenant, engine.Stamp(time.Now().Add(-erasedLife)))
	return err
}

// note leaves the keys of the person and of the names, and takes those that were left
// before. Whatever is written without knowing of it is there when note returns.
func (e *erasure) note(ctx context.Context) error {
	return e.log.update(ctx, e.tenant, func(t engine.Tx) error {
		last, err := lastErasure(ctx, t, e.tenant, qLockErasure)
		if err != nil {
			return err
		}
		rs, err := t.Query(ctx, qErasedOf, e.tenant, e.user)
		if err != nil {
			return err
		}
		before, err := engine.ReadAll(rs, func(key *membership.ID) []any { return []any{key} })
		rs.Close()
		if err != nil {
			return err
		}
		for _, key := range before {
			if key != e.user {
				e.add(key)
			}
		}
		at := time.Now()
		if last.Before(at) {
			if _, err := t.Exec(ctx, qMoveErasure, e.tenant, engine.Stamp(at)); err != nil {
				return err
			}
		}
		rows := [][]any{{e.tenant, e.user, e.user, engine.Stamp(at)}}
		for _, name := range e.names {
			rows = append(rows, []any{e.tenant, e.user, name, engine.Stamp(at)})
		}
		if err := t.ExecEach(ctx, qAddErased, rows); err != nil {
			return err
		}
		return removeErased(ctx, t, e.tenant)
	})
}

// erased are the erasures that requests which are written now have to heed.
type erased struct {
	at      time.Time
	persons map[membership.ID]time.Time // by the key of the user
	names   map[membership.ID]bool
	learned [][]any // rows of names that nobody knew of
}

// heed takes out of requests what was erased while they waited; changed: there may have
// been something.
func heed(ctx context.Context, t engine.Tx, tenant membership.ID, rs []membership.Request) (
	left []membership.Request, changed bool, err error,
) {
	at, err := lastErasure(ctx, t, tenant, qHoldErasure)
	if err != nil || time.Since(at) > erasedLife {
		return rs, false, err
	}
	e := &erased{at: at, persons: map[membership.ID]time.Time{}, names: map[membership.ID]bool{}}
	if err := e.read(ctx, t, tenant, rs); err != nil {
		return nil, false, err
	}
	for i := range rs {
		e.learn(tenant, &rs[i])
	}
	if len(e.learned) > 0 {
		if err := t.ExecEach(ctx, qAddErased, e.learned); err != nil {
			return nil, false, err
		}
	}
	for _, r := range rs {
		left = append(left, e.without(r))
	}
	return left, true, nil
}

// read looks up the users and the names of requests.
func (e *erased) read(ctx context.Context, t engine.Tx, tenant membership.ID, rs []membership.Request) error {
	seen, keys := map[membership.ID]bool{}, []membership.ID(nil)
	for i := range rs {
		for _, key := range personKeys(&rs[i]) {
			if !seen[key] {
				seen[key], keys = true, append(keys, key)
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	type row struct {
		person, key membership.ID
		at          engine.Stamp
	}
	found, err := t.Query(ctx, qErasedAmong, tenant, keys)
	if err != nil {
		return err
	}
	defer found.Close()
	for r, err := range engine.Each(found, func(r *row) []any { return []any{&r.person, &r.key, &r.at} }) {
		switch {
		case err != nil:
			return err
		case time.Since(time.Time(r.at)) > erasedLife:
		case r.key == r.person:
			e.persons[r.key] = time.Time(r.at)
		default:
			e.names[r.key] = true
		}
	}
	return nil
}

// personKeys are the keys of the users and the names of a request.
func personKeys(r *membership.Request) (keys []membership.ID) {
	for _, id := range r.Users {
		keys = append(keys, newKey(keyUser, id[:]))
	}
	return append(keys, nameKeys(r)...)
}

func nameKeys(r *membership.Request) (keys []membership.ID) {
	for _, name := range r.UserNames {
		keys = append(keys, newKey(keyUserName, name[:]))
	}
	for _, name := range r.ExternalIDs {
		keys = append(keys, newKey(keyExternal, name[:]))
	}
	return keys
}

// learn takes the names of a request from before the erasure of the one person whom it
// is about, as that erasure would have.
func (e *erased) learn(tenant membership.ID, r *membership.Request) {
	if len(r.Users) != 1 {
		return
	}
	person := newKey(keyUser, r.Users[0][:])
	at, gone := e.persons[person]
	if !gone || !before(r, at) {
		return
	}
	for _, key := range nameKeys(r) {
		if !e.names[key] {
			e.names[key] = true
			e.learned = append(e.learned, []any{tenant, person, key, engine.Stamp(at)})
		}
	}
}

// before reports whether a request may be from before an erasure.
func before(r *membership.Request, erasure time.Time) bool {
	return !r.At.After(erasure.Add(clocksDiffer))
}

// without is a request without names that are erased, all of them if it is about the
// person. A captured body may name anybody.
func (e *erased) without(r membership.Request) membership.Request {
	var of bool
	for _, id := range r.Users {
		_, gone := e.persons[newKey(keyUser, id[:])]
		of = of || gone
	}
	left := func(kind byte, names []membership.RequestName) (out []membership.RequestName) {
		for _, name := range names {
			if !of && !e.names[newKey(kind, name[:])] {
				out = append(out, name)
			}
		}
		return out
	}
	r.UserNames, r.ExternalIDs = left(keyUserName, r.UserNames), left(keyExternal, r.ExternalIDs)
	if r.Sealed != nil && before(&r, e.at) {
		r.Sealed, r.Captured = nil, membership.NotCaptured
	}
	return r
}
