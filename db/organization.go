package db

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/scimbridge/scimbridge/membership"
)

const memberOfColumns = `m.id, m.user_id, m.project_ids, m.invited_by, m.created_at, m.updated_at`

const (
	qOrganizationMembers = `select ` + memberOfColumns + ` from organization_members m
		where m.tenant_id = $1 and m.user_id {in $2} order by m.user_id`
	qLockOrganizationMembers = qOrganizationMembers + ` {for no key update}`
)

func (s *session) organizationMembers(
	ctx context.Context, q string, users []membership.ID,
) ([]membership.OrganizationMember, error) {
	return list(ctx, s, q, []any{s.tenant, users}, func(m *membership.OrganizationMember) []any {
		return []any{&m.ID, &m.User, projects{&m.Projects}, &m.InvitedBy, (*stamp)(&m.CreatedAt),
			(*stamp)(&m.UpdatedAt)}
	})
}

// OrganizationMembers implements membership.OrganizationReader.
func (s *session) OrganizationMembers(
	ctx context.Context, users []membership.ID,
) ([]membership.OrganizationMember, error) {
	return s.organizationMembers(ctx, qOrganizationMembers, users)
}

// LockOrganizationMembers implements membership.OrganizationWriter.
func (s *session) LockOrganizationMembers(
	ctx context.Context, users []membership.ID,
) ([]membership.OrganizationMember, error) {
	return s.organizationMembers(ctx, qLockOrganizationMembers, users)
}

// projects reads a JSON array, or null, which is something else than no project.
type projects struct{ to **[]string }

// Scan implements sql.Scanner.
func (p projects) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("cannot read projects from %T", src)
	}
	*p.to = nil
	return json.Unmarshal([]byte(text), p.to)
}

func projectsText(ps *[]string) string {
	if ps == nil {
		return "null"
	}
	return jsonList(*ps)
}

const qInsertOrganizationMember = `insert into organization_members (tenant_id, user_id, id, project_ids, invited_by,
		created_at, updated_at)
	values ($1, $2, $3, $4, $5, $6, $7)`

// InsertOrganizationMembers implements membership.OrganizationWriter.
func (s *session) InsertOrganizationMembers(ctx context.Context, ms []membership.OrganizationMember) error {
	rows := make([][]any, len(ms))
	for i, m := range ms {
		rows[i] = []any{
			s.tenant, m.User, m.ID, projectsText(m.Projects), m.InvitedBy, stamp(m.CreatedAt), stamp(m.UpdatedAt),
		}
	}
	return s.execEach(ctx, qInsertOrganizationMember, rows)
}

const qUpdateOrganizationMember = `update organization_members set project_ids = $3, updated_at = $4
	where tenant_id = $1 and user_id = $2`

// UpdateOrganizationMembers implements membership.OrganizationWriter.
func (s *session) UpdateOrganizationMembers(ctx context.Context, ms []membership.OrganizationMember) error {
	rows := make([][]any, len(ms))
	for i, m := range ms {
		rows[i] = []any{s.tenant, m.User, projectsText(m.Projects), stamp(m.UpdatedAt)}
	}
	return s.execEach(ctx, qUpdateOrganizationMember, rows)
}

const qRoleAssignments = `select a.id, a.user_id, a.role_id, a.created_at, a.updated_at from role_assignments a
	where a.tenant_id = $1 and a.user_id {in $2} order by a.user_id, a.created_at, a.id`

// RoleAssignments implements membership.OrganizationReader.
func (s *session) RoleAssignments(ctx context.Context, users []membership.ID) ([]membership.RoleAssignment, error) {
	return list(ctx, s, qRoleAssignments, []any{s.tenant, users}, func(a *membership.RoleAssignment) []any {
		return []any{&a.ID, &a.User, &a.Role, (*stamp)(&a.CreatedAt), (*stamp)(&a.UpdatedAt)}
	})
}

const qInsertRoleAssignment = `insert into role_assignments (tenant_id, user_id, role_id, id, created_at, updated_at)
	values ($1, $2, $3, $4, $5, $6)`

// InsertRoleAssignments implements membership.OrganizationWriter.
func (s *session) InsertRoleAssignments(ctx context.Context, as []membership.RoleAssignment) error {
	rows := make([][]any, len(as))
	for i, a := range as {
		rows[i] = []any{s.tenant, a.User, a.Role, a.ID, stamp(a.CreatedAt), stamp(a.UpdatedAt)}
	}
	return s.execEach(ctx, qInsertRoleAssignment, rows)
}

const qDeleteRoleAssignment = `delete from role_assignments where tenant_id = $1 and role_id = $2 and user_id = $3`

// DeleteRoleAssignment implements membership.OrganizationWriter.
func (s *session) DeleteRoleAssignment(ctx context.Context, role, user membership.ID) error {
	return s.changed(ctx, "role of this user", qDeleteRoleAssignment, s.tenant, role, user)
}

const (
	qDeleteOrganizationMember = `delete from organization_members where tenant_id = $1 and user_id = $2`
	qDeleteRolesOfUser        = `delete from role_assignments where tenant_id = $1 and user_id = $2`
)

// deleteOrganizationMember deletes the organization member and the roles of a deleted user.
func (s *session) deleteOrganizationMember(ctx context.Context, user membership.ID) error {
	for _, q := range []string{qDeleteOrganizationMember, qDeleteRolesOfUser} {
		if _, err := s.exec(ctx, q, s.tenant, user); err != nil {
			return err
		}
	}
	return nil
}
