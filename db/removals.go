package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	qOpenAmong = `select count(*) from {ids $4} i where exists (
		select 1 from grants g where g.tenant_id = $1 and g.group_id = $2 and g.connection_id = $3
			and g.user_id = i.id and g.closed_at is null)`
	// In the order of the index of open grants, so that nothing else is read: the
	// table has all that were ever closed.
	qOpenInGroup = `select count(*) from (
		select g.user_id from grants g {index grants_open}
		where g.tenant_id = $1 and g.group_id = $2 and g.connection_id = $3 and g.closed_at is null
		order by g.user_id limit $4) x`
	qOpenOfConnection = `select count(*) from (
		select g.user_id from group_links l
		cross join grants g {index grants_open}
		where l.tenant_id = $1 and l.connection_id = $2
			and g.tenant_id = $1 and g.group_id = l.group_id and g.connection_id = $2 and g.closed_at is null
		order by l.group_id, g.user_id limit $3) x`
)

// OpenAmong implements membership.Reader.
func (s *session) OpenAmong(ctx context.Context, connection, group membership.ID, users []membership.ID) (n int, err error) {
	err = s.one(ctx, "group", qOpenAmong, []any{s.tenant, group, connection, users}, &n)
	return n, err
}

// OpenOf implements membership.Reader.
func (s *session) OpenOf(ctx context.Context, connection, group membership.ID, limit int) (n int, err error) {
	query, args := qOpenInGroup, []any{s.tenant, group, connection, limit}
	if group.IsZero() {
		query, args = qOpenOfConnection, []any{s.tenant, connection, limit}
	}
	err = s.one(ctx, "connection", query, args, &n)
	return n, err
}

// The update changes nothing, and locks the rows, in the order of the list.
const qLockRemovals = `insert into removal_windows (tenant_id, connection_id, group_id, recent)
	select $1, $2, i.id, '[]' from (
		select g.id from groups g where g.tenant_id = $1 and g.id = $3 and (g.deleted_at is null) is true
			and exists (select 1 from group_links l where l.tenant_id = $1 and l.connection_id = $2 and l.group_id = $3)
			and exists (select 1 from connections c where c.tenant_id = $1 and c.id = $2 and c.removed_at is null)
		{for no key update}) g
	cross join {ids $4} i where true
	on conflict (tenant_id, connection_id, group_id) do update set recent = removal_windows.recent
	returning group_id, recent`

// LockRemovals implements membership.Tx.
func (s *session) LockRemovals(ctx context.Context, connection, group membership.ID) (w membership.RemovalWindows, err error) {
	type row struct {
		group  membership.ID
		recent []membership.RemovalCount
	}
	rows, err := list(ctx, s, qLockRemovals, []any{s.tenant, connection, group, []membership.ID{group, {}}}, func(r *row) []any {
		return []any{&r.group, jsonInto[membership.RemovalCount]{&r.recent}}
	})
	if err == nil && len(rows) == 0 {
		err = membership.NotFound("group")
	}
	for _, r := range rows {
		if r.group.IsZero() {
			w.Connection = r.recent
		} else {
			w.Group = r.recent
		}
	}
	return w, err
}

const qUpdateRemovals = `update removal_windows set recent = case when group_id = $3 then $4 else $5 end
	where tenant_id = $1 and connection_id = $2 and group_id {in $6}`

// UpdateRemovals implements membership.Tx.
func (s *session) UpdateRemovals(ctx context.Context, connection, group membership.ID, w membership.RemovalWindows) error {
	return s.execLater(ctx, qUpdateRemovals, s.tenant, connection, group, jsonList(w.Group), jsonList(w.Connection),
		[]membership.ID{group, {}})
}

const (
	qAllowances = `select a.id, a.group_id, a.allowed_by, a.reason, a.created_at, a.expires_at from removal_allowances a
		where a.tenant_id = $1 and a.connection_id = $2 and a.expires_at > $3`
	qAllowancesOpen = qAllowances + ` order by a.id`
	// One for the group alone is used up before one for any.
	qLockAllowance = qAllowances + ` and a.group_id in ($4, $5)
		order by a.group_id desc, a.expires_at, a.id limit 1 {for update}`
)

func (s *session) allowances(ctx context.Context, q string, connection membership.ID, args ...any) ([]membership.RemovalAllowance, error) {
	return list(ctx, s, q, append([]any{s.tenant, connection}, args...), func(a *membership.RemovalAllowance) []any {
		a.Tenant, a.Connection = s.tenant, connection
		return []any{&a.ID, &a.Group, &a.AllowedBy, &a.Reason, (*stamp)(&a.CreatedAt), (*stamp)(&a.ExpiresAt)}
	})
}

// RemovalAllowances implements membership.Reader.
func (s *session) RemovalAllowances(
	ctx context.Context, connection membership.ID, at time.Time,
) ([]membership.RemovalAllowance, error) {
	return s.allowances(ctx, qAllowancesOpen, connection, stamp(at))
}

// LockRemovalAllowance implements membership.Tx.
func (s *session) LockRemovalAllowance(
	ctx context.Context, connection, group membership.ID, at time.Time,
) (membership.RemovalAllowance, error) {
	found, err := s.allowances(ctx, qLockAllowance, connection, stamp(at), group, membership.ID{})
	if err != nil {
		return membership.RemovalAllowance{}, err
	}
	if len(found) == 0 {
		return membership.RemovalAllowance{}, membership.NotFound("removal allowance")
	}
	return found[0], nil
}

const qInsertAllowance = `insert into removal_allowances (tenant_id, connection_id, id, group_id, allowed_by, reason,
		created_at, expires_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8)`

// InsertRemovalAllowance implements membership.Tx.
func (s *session) InsertRemovalAllowance(ctx context.Context, a membership.RemovalAllowance) error {
	_, err := s.exec(ctx, qInsertAllowance, s.tenant, a.Connection, a.ID, a.Group, a.AllowedBy, a.Reason,
		stamp(a.CreatedAt), stamp(a.ExpiresAt))
	return err
}

const (
	qDeleteAllowance = `delete from removal_allowances
		where tenant_id = $1 and connection_id = $2 and id = $3 and expires_at > $4`
	qDeleteExpired = `delete from removal_allowances where tenant_id = $1 and connection_id = $2 and expires_at <= $3`
)

// DeleteRemovalAllowance implements membership.Tx.
func (s *session) DeleteRemovalAllowance(ctx context.Context, connection, id membership.ID, at time.Time) error {
	return s.changed(ctx, "removal allowance", qDeleteAllowance, s.tenant, connection, id, stamp(at))
}

// DropExpiredAllowances implements membership.Tx.
func (s *session) DropExpiredAllowances(ctx context.Context, connection membership.ID, at time.Time) error {
	_, err := s.exec(ctx, qDeleteExpired, s.tenant, connection, stamp(at))
	return err
}
