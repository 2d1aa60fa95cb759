package membership

import "context"

// OrganizationReader reads the roles and the members of the organization.
type OrganizationReader interface {
	Roles(ctx context.Context, after ID, limit int) ([]Role, error)
	Role(ctx context.Context, id ID) (Role, error)
	RolesByID(ctx context.Context, ids []ID) ([]Role, error)
	// UsersWithRole returns the living users who have a role.
	UsersWithRole(ctx context.Context, role ID) ([]ID, error)
	OrganizationMembers(ctx context.Context, users []ID) ([]OrganizationMember, error)
	// RoleAssignments returns those of users, the oldest first.
	RoleAssignments(ctx context.Context, users []ID) ([]RoleAssignment, error)
}

// OrganizationWriter changes the roles and the members of the organization.
type OrganizationWriter interface {
	// LockRole makes later writers of the role, and those who assign it, wait.
	LockRole(ctx context.Context, id ID) (Role, error)
	InsertRole(ctx context.Context, r Role) error
	UpdateRole(ctx context.Context, r Role) error
	// DeleteRole ends its assignments as well.
	DeleteRole(ctx context.Context, id ID) error
	// LockOrganizationMembers is OrganizationMembers for what is going to change,
	// and LockRoles is RolesByID for roles that must not end meanwhile.
	LockOrganizationMembers(ctx context.Context, users []ID) ([]OrganizationMember, error)
	LockRoles(ctx context.Context, ids []ID) ([]Role, error)
	InsertOrganizationMembers(ctx context.Context, ms []OrganizationMember) error
	UpdateOrganizationMembers(ctx context.Context, ms []OrganizationMember) error
	InsertRoleAssignments(ctx context.Context, as []RoleAssignment) error
	DeleteRoleAssignment(ctx context.Context, role, user ID) error
}
