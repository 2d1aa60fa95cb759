package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// A row of removal_windows is of a group, or of all with the zero group.
const (
	qRemovedLately = `select coalesce(sum(case when group_id = $3 then closed else 0 end), 0),
			coalesce(sum(case when group_id = $3 then 0 else closed end), 0)
		from removal_windows where tenant_id = $1 and connection_id = $2 and group_id in ($3, $4) and minute > $5`
	qOpenOf        = `select coalesce(sum(members), 0) from group_links where tenant_id = $1 and connection_id = $2`
	qCountRemovals = `insert into removal_windows (tenant_id, connection_id, group_id, minute, closed)
		values ($1, $2, $3, $4, $5)
		on conflict (tenant_id, connection_id, group_id, minute)
		do update set closed = removal_windows.closed + excluded.closed`
	qDropRemovals = `delete from removal_windows
		where tenant_id = $1 and connection_id = $2 and group_id in ($3, $4) and minute <= $5`
)

// ForgetRemovals implements membership.Tx.
func (s *session) ForgetRemovals(ctx context.Context, connection, group membership.ID) error {
	_, err := s.exec(ctx, qDropRemovals, s.tenant, connection, group, membership.ID{}, micros(endOfTime))
	return err
}

// Of groups that are left alone, or were deleted. The row of no time, on PostgreSQL, is the
// lock of a connection's removals: it stays.
const qDropOldRemovals = `delete from removal_windows
	where tenant_id = $1 and (connection_id, group_id, minute) in (
		select x.connection_id, x.group_id, x.minute from removal_windows x
		where x.tenant_id = $1 and x.minute > $2 and x.minute <= $3 limit $4)`

// DropRemovals implements membership.Tx.
func (s *session) DropRemovals(ctx context.Context, over time.Time, limit int) (int64, error) {
	return s.exec(ctx, qDropOldRemovals, s.tenant, micros(time.Unix(0, 0)), micros(over), limit)
}

const (
	qAllowances = `select a.id, a.group_id, a.allowed_by, a.reason, a.created_at, a.expires_at from removal_allowances a
		where a.tenant_id = $1 and a.connection_id = $2 and a.expires_at > $3`
	qAllowancesOpen = qAllowances + ` order by a.id`
	// One for the group alone is used up before one for any.
	qLockAllowance = qAllowances + ` and a.group_id in ($4, $5)
		order by a.group_id desc, a.expires_at, a.id limit 1 {for update}`
)

func (s *session) allowances(
	ctx context.Context, q string, connection membership.ID, args ...any,
) ([]membership.RemovalAllowance, error) {
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
