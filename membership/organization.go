package membership

import (
	"context"
	"slices"
	"strings"
	"time"
)

// OrganizationMember is how a user belongs to the organization that the tenant
// is to the application.
type OrganizationMember struct {
	ID        ID
	User      ID
	Projects  *[]string // in order, each once; nil: every project
	InvitedBy ID        // a user; zero: by no user of the tenant
	CreatedAt time.Time
	UpdatedAt time.Time
}

// RoleAssignment says that a user has a role.
type RoleAssignment struct {
	ID        ID
	User      ID
	Role      ID
	CreatedAt time.Time
	UpdatedAt time.Time
}

// maxProjects is how many projects one user may be named for.
const maxProjects = 1000

// OrganizationMemberSpec is what a user shall be in the organization. The user is named by id, by
// address, or by both, which then have to agree.
type OrganizationMemberSpec struct {
	User     ID
	Email    string
	Projects *[]string // nil: every project
	Role     ID        // zero: no role is given; none is taken away ever
}

func (p *OrganizationMemberSpec) check() error {
	if p.User.IsZero() && p.Email == "" {
		return Invalidf("user_id or email is required")
	}
	if err := checkAddress(p.Email); err != nil {
		return err
	}
	if p.Projects == nil {
		return nil
	}
	if len(*p.Projects) > maxProjects {
		return Invalidf("project_ids must be at most %d", maxProjects)
	}
	for _, id := range *p.Projects {
		if err := checkText("project_ids", id, true); err != nil {
			return err
		}
	}
	set := slices.Compact(slices.Sorted(slices.Values(*p.Projects)))
	p.Projects = &set
	return nil
}

func checkAddress(email string) error {
	if err := checkText("email", email, false); err != nil {
		return err
	}
	if email != "" && !strings.Contains(email, "@") {
		return Invalidf("email is no e-mail address")
	}
	return nil
}

func sameProjects(a, b *[]string) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return slices.Equal(*a, *b)
}

// OrganizationUser is a user as they are in the organization.
type OrganizationUser struct {
	Member  OrganizationMember
	User    User
	Inviter *User // nil: by no user of the tenant, or one who is gone
	Roles   []AssignedRole
}

// AssignedRole is a role of a user.
type AssignedRole struct {
	RoleAssignment
	Role *Role
}

// organizationUsers returns users as they are in the organization now, in their order.
func organizationUsers(ctx context.Context, r interface {
	UserReader
	OrganizationReader
}, users []User) ([]OrganizationUser, error) {
	ids := make([]ID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	members, err := r.OrganizationMembers(ctx, once(ids))
	if err != nil {
		return nil, err
	}
	memberOf := make(map[ID]OrganizationMember, len(members))
	var inviters []ID
	for _, m := range members {
		memberOf[m.User] = m
		if !m.InvitedBy.IsZero() {
			inviters = append(inviters, m.InvitedBy)
		}
	}
	inviting, err := r.UsersByID(ctx, once(inviters))
	if err != nil {
		return nil, err
	}
	inviterOf := make(map[ID]*User, len(inviting))
	for i := range inviting {
		inviterOf[inviting[i].ID] = &inviting[i]
	}
	rolesOf, err := assignedRoles(ctx, r, once(ids))
	if err != nil {
		return nil, err
	}
	out := make([]OrganizationUser, len(users))
	for i, u := range users {
		m := memberOf[u.ID]
		out[i] = OrganizationUser{Member: m, User: u, Inviter: inviterOf[m.InvitedBy], Roles: rolesOf[u.ID]}
	}
	return out, nil
}

func assignedRoles(ctx context.Context, r OrganizationReader, users []ID) (map[ID][]AssignedRole, error) {
	assignments, err := r.RoleAssignments(ctx, users)
	if err != nil {
		return nil, err
	}
	ids := make([]ID, len(assignments))
	for i, a := range assignments {
		ids[i] = a.Role
	}
	roles, err := r.RolesByID(ctx, once(ids))
	if err != nil {
		return nil, err
	}
	byID := make(map[ID]*Role, len(roles))
	for i := range roles {
		byID[roles[i].ID] = &roles[i]
	}
	out := map[ID][]AssignedRole{}
	for _, a := range assignments {
		if role := byID[a.Role]; role != nil {
			out[a.User] = append(out[a.User], AssignedRole{a, role})
		}
	}
	return out, nil
}
