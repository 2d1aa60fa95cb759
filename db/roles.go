package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

const roleColumns = `r.id, r.name, r.permissions, r.created_at, r.updated_at`

func (s *session) roleDest(r *membership.Role) []any {
	r.Tenant = s.tenant
	return []any{
		&r.ID, &r.Name, jsonInto[membership.RolePermission]{&r.Permissions}, (*stamp)(&r.CreatedAt),
		(*stamp)(&r.UpdatedAt),
	}
}

const (
	qRole      = `select ` + roleColumns + ` from roles r where r.tenant_id = $1 and r.id = $2`
	qLockRole  = qRole + ` {for update}`
	qRoles     = `select ` + roleColumns + ` from roles r where r.tenant_id = $1 and r.id > $2 order by r.id limit $3`
	qRolesByID = `select ` + roleColumns + ` from roles r where r.tenant_id = $1 and r.id {in $2} order by r.id`
	qLockRoles = qRolesByID + ` {for key share}`
)

func (s *session) role(ctx context.Context, q string, id membership.ID) (r membership.Role, err error) {
	err = s.one(ctx, "role", q, []any{s.tenant, id}, s.roleDest(&r)...)
	return r, err
}

// Role implements membership.OrganizationReader.
func (s *session) Role(ctx context.Context, id membership.ID) (membership.Role, error) {
	return s.role(ctx, qRole, id)
}

// LockRole implements membership.OrganizationWriter.
func (s *session) LockRole(ctx context.Context, id membership.ID) (membership.Role, error) {
	return s.role(ctx, qLockRole, id)
}

// Roles implements membership.OrganizationReader.
func (s *session) Roles(ctx context.Context, after membership.ID, limit int) ([]membership.Role, error) {
	return list(ctx, s, qRoles, []any{s.tenant, after, limit}, s.roleDest)
}

// RolesByID implements membership.OrganizationReader.
func (s *session) RolesByID(ctx context.Context, ids []membership.ID) ([]membership.Role, error) {
	return list(ctx, s, qRolesByID, []any{s.tenant, ids}, s.roleDest)
}

// LockRoles implements membership.OrganizationWriter.
func (s *session) LockRoles(ctx context.Context, ids []membership.ID) ([]membership.Role, error) {
	return list(ctx, s, qLockRoles, []any{s.tenant, ids}, s.roleDest)
}

const qInsertRole = `insert into roles (tenant_id, id, name, permissions, created_at, updated_at)
	values ($1, $2, $3, $4, $5, $6)`

// InsertRole implements membership.OrganizationWriter.
func (s *session) InsertRole(ctx context.Context, r membership.Role) error {
	_, err := s.exec(ctx, qInsertRole, s.tenant, r.ID, r.Name, jsonList(r.Permissions), stamp(r.CreatedAt),
		stamp(r.UpdatedAt))
	return err
}

const qUpdateRole = `update roles set name = $3, permissions = $4, updated_at = $5 where tenant_id = $1 and id = $2`

// UpdateRole implements membership.OrganizationWriter.
func (s *session) UpdateRole(ctx context.Context, r membership.Role) error {
	return s.changed(ctx, "role", qUpdateRole, s.tenant, r.ID, r.Name, jsonList(r.Permissions), stamp(r.UpdatedAt))
}

const (
	qDeleteAssignments = `delete from role_assignments where tenant_id = $1 and role_id = $2`
	qDeleteRole        = `delete from roles where tenant_id = $1 and id = $2`
)

// DeleteRole implements membership.OrganizationWriter.
func (s *session) DeleteRole(ctx context.Context, id membership.ID) error {
	if _, err := s.exec(ctx, qDeleteAssignments, s.tenant, id); err != nil {
		return err
	}
	return s.changed(ctx, "role", qDeleteRole, s.tenant, id)
}

const qUsersWithRole = `select user_id from role_assignments where tenant_id = $1 and role_id = $2 order by user_id`

// UsersWithRole implements membership.OrganizationReader.
func (s *session) UsersWithRole(ctx context.Context, role membership.ID) ([]membership.ID, error) {
	return s.ids(ctx, qUsersWithRole, s.tenant, role)
}
