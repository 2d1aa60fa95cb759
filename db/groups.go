package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const groupColumns = `g.id, g.display_name, g.kind, g.origin, g.permissions, g.created_at, g.updated_at,
		g.max_grant_seconds, g.grants_must_end`

func groupDest(g *membership.Group) []any {
	return []any{
		&g.ID, &g.DisplayName, (*string)(&g.Kind), (*string)(&g.Origin),
		jsonInto[string]{&g.Permissions}, (*stamp)(&g.CreatedAt), (*stamp)(&g.UpdatedAt),
		&g.MaxGrantSeconds, &g.GrantsMustEnd,
	}
}

const (
	qGroup = `select ` + groupColumns + ` from groups g
		where g.tenant_id = $1 and g.id = $2 and (g.deleted_at is null) is true`
	qLockGroup = qGroup + ` {for no key update}`
)

func (s *session) group(ctx context.Context, q string, args ...any) (membership.Group, error) {
	g := membership.Group{Tenant: s.tenant}
	err := s.one(ctx, "group", q, args, groupDest(&g)...)
	return g, err
}

// Group implements membership.Reader.
func (s *session) Group(ctx context.Context, id membership.ID) (membership.Group, error) {
	return s.group(ctx, qGroup, s.tenant, id)
}

// LockGroup implements membership.Tx.
func (s *session) LockGroup(ctx context.Context, id membership.ID) (membership.Group, error) {
	return s.group(ctx, qLockGroup, s.tenant, id)
}

const qGroups = `select ` + groupColumns +
	` from groups g where g.tenant_id = $1 and (g.deleted_at is null) is true and g.id > $2`

func groupsQuery(s *session, q membership.NativeQuery) (string, []any) {
	c := newWhere(s.tenant, q.After)
	if q.Name != "" { // a set of its own, so that the index is used although the order is by id
		c.WriteString(` and g.id in (select x.id from groups x {index groups_display_name}
			where x.tenant_id = $1 and x.deleted_at is null and x.display_name_key = ` +
			c.arg(membership.Fold(q.Name)) + `)`)
	}
	c.prefixed(`g.id in (select x.id from groups x {index groups_display_name}
			where x.tenant_id = $1 and x.deleted_at is null`, `x.display_name_key`, q.NamePrefix)
	if q.Origin != "" {
		c.and(`g.origin =`, string(q.Origin))
	}
	if q.Kind != "" {
		c.and(`g.kind =`, string(q.Kind))
	}
	return qGroups + c.String() + ` order by g.id limit ` + c.arg(q.Limit), c.args
}

// Groups implements membership.Reader.
func (s *session) Groups(ctx context.Context, q membership.NativeQuery) ([]membership.Group, error) {
	ctx, done, err := s.scanning(ctx, scansNative(q))
	if err != nil {
		return nil, err
	}
	defer done()
	query, args := groupsQuery(s, q)
	return list(ctx, s, query, args, func(g *membership.Group) []any {
		g.Tenant = s.tenant
		return groupDest(g)
	})
}

const qInsertGroup = `insert into groups (tenant_id, id, display_name, display_name_key, kind, origin, permissions,
		created_at, updated_at, max_grant_seconds, grants_must_end, no)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, {no groups $1})`

// InsertGroup implements membership.Tx.
func (s *session) InsertGroup(ctx context.Context, g membership.Group) error {
	return s.execLater(ctx, qInsertGroup, s.tenant, g.ID, g.DisplayName, membership.Fold(g.DisplayName),
		string(g.Kind), string(g.Origin), jsonList(g.Permissions), stamp(g.CreatedAt), stamp(g.UpdatedAt),
		g.MaxGrantSeconds, g.GrantsMustEnd)
}

const qUpdateGroup = `update groups
	set display_name = $3, display_name_key = $4, kind = $5, permissions = $6, updated_at = $7,
		max_grant_seconds = $8, grants_must_end = $9
	where tenant_id = $1 and id = $2 and (deleted_at is null) is true`

// UpdateGroup implements membership.Tx.
func (s *session) UpdateGroup(ctx context.Context, g membership.Group) error {
	return s.changed(ctx, "group", qUpdateGroup, s.tenant, g.ID, g.DisplayName, membership.Fold(g.DisplayName),
		string(g.Kind), jsonList(g.Permissions), stamp(g.UpdatedAt), g.MaxGrantSeconds, g.GrantsMustEnd)
}

const qDeleteGroup = `update groups set deleted_at = $3
	where tenant_id = $1 and id = $2 and (deleted_at is null) is true`

// DeleteGroup implements membership.Tx.
func (s *session) DeleteGroup(ctx context.Context, id membership.ID, at time.Time) error {
	return s.changed(ctx, "group", qDeleteGroup, s.tenant, id, stamp(at))
}
