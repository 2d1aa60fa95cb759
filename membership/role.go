package membership

import (
	"context"
	"time"
	"unicode/utf8"
)

// Role is what a user can be in the organization. What its permissions allow is
// the application's business.
type Role struct {
	Tenant      ID
	ID          ID
	Name        string
	Permissions []RolePermission // in the order in which they were given
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// RolePermission is one permission of a role, granted or, without Access, not.
type RolePermission struct {
	ID          ID        `json:"id"`
	Name        string    `json:"name"` // once in a role
	Description *string   `json:"description"`
	Access      bool      `json:"access"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// RoleChange has the fields to set; nil leaves a field alone. A permission is
// known by its name: it keeps its id and its age.
type RoleChange struct {
	Name        *string
	Permissions *[]RolePermission
}

// maxRoleText is in characters.
const maxRoleText = 3000

func checkRoleText(field, s string) error {
	if !ValidText(s) || s == "" || utf8.RuneCountInString(s) > maxRoleText {
		return Invalidf("%s must have 1 to %d characters, and no NUL", field, maxRoleText)
	}
	return nil
}

func (r *Role) check() error {
	if err := checkRoleText("name", r.Name); err != nil {
		return err
	}
	if len(r.Permissions) > MaxPermissions {
		return Invalidf("permissions must be at most %d", MaxPermissions)
	}
	seen := map[string]bool{}
	for _, p := range r.Permissions {
		if err := checkRoleText("permissions.name", p.Name); err != nil {
			return err
		}
		if p.Description != nil && *p.Description != "" {
			if err := checkRoleText("permissions.description", *p.Description); err != nil {
				return err
			}
		}
		if seen[p.Name] {
			return Invalidf("permissions has the same name twice")
		}
		seen[p.Name] = true
	}
	return nil
}

// apply returns whether anything is different afterwards.
func (r *Role) apply(c RoleChange, now time.Time) (changed bool) {
	if c.Name != nil && *c.Name != r.Name {
		r.Name, changed = *c.Name, true
	}
	if c.Permissions == nil {
		return changed
	}
	had := map[string]RolePermission{}
	for _, p := range r.Permissions {
		had[p.Name] = p
	}
	next := make([]RolePermission, len(*c.Permissions))
	changed = changed || len(next) != len(r.Permissions)
	for i, p := range *c.Permissions {
		was, ok := had[p.Name]
		same := ok && p.Access == was.Access && sameText(p.Description, was.Description)
		p.ID, p.CreatedAt, p.UpdatedAt = was.ID, was.CreatedAt, was.UpdatedAt
		if !ok {
			p.ID, p.CreatedAt = NewID(), now
		}
		if !same {
			p.UpdatedAt, changed = now, true
		}
		changed = changed || r.Permissions[i].Name != p.Name
		next[i] = p
	}
	r.Permissions = next
	return changed
}

func sameText(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// granted are the names of the permissions that the role grants.
func (r *Role) granted() (names []string) {
	for _, p := range r.Permissions {
		if p.Access {
			names = append(names, p.Name)
		}
	}
	return names
}

func (r *Role) facts() Facts {
	return Facts{"role_id": r.ID, "name": r.Name, "granted": r.granted()}
}

// Roles lists roles with greater ids than after, in the order of their ids.
func (d *Directory) Roles(ctx context.Context, call Call, after ID, limit int) (rs []Role, err error) {
	if err := d.Administer(ctx, call); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		rs, err = r.Roles(ctx, after, limit)
		return err
	})
	return rs, err
}

// Role returns one role.
func (d *Directory) Role(ctx context.Context, call Call, id ID) (role Role, err error) {
	if err := d.Administer(ctx, call); err != nil {
		return Role{}, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		role, err = r.Role(ctx, id)
		return err
	})
	return role, err
}

// CreateRole makes a role. Names need not be unique.
func (d *Directory) CreateRole(ctx context.Context, call Call, c RoleChange) (Role, error) {
	if err := d.Administer(ctx, call); err != nil {
		return Role{}, err
	}
	now := d.clock.Now()
	r := Role{Tenant: call.Tenant, ID: NewID(), CreatedAt: now, UpdatedAt: now}
	r.applyNew(c, now)
	if err := r.check(); err != nil {
		return Role{}, err
	}
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if err := tx.InsertRole(ctx, r); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionRoleCreated, ID{}, ID{}, nil, r.facts()))
	})
	return r, err
}

func (r *Role) applyNew(c RoleChange, now time.Time) {
	if c.Name != nil {
		r.Name = *c.Name
	}
	if c.Permissions != nil {
		for _, p := range *c.Permissions {
			p.ID, p.CreatedAt, p.UpdatedAt = NewID(), now, now
			r.Permissions = append(r.Permissions, p)
		}
	}
}

// ChangeRole alters a role, for everybody who has it.
func (d *Directory) ChangeRole(ctx context.Context, call Call, id ID, c RoleChange) (Role, error) {
	if err := d.Administer(ctx, call); err != nil {
		return Role{}, err
	}
	var out Role
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		r, err := tx.LockRole(ctx, id)
		if err != nil {
			return err
		}
		was, now := r, later(d.clock.Now(), r.UpdatedAt)
		if !r.apply(c, now) {
			out = was
			return nil
		}
		if err := r.check(); err != nil {
			return err
		}
		r.UpdatedAt = now
		out = r
		if err := tx.UpdateRole(ctx, r); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionRoleUpdated, ID{}, ID{}, was.facts(), r.facts()))
	})
	return out, err
}

// DeleteRole takes a role away from everybody who has it, and ends it.
func (d *Directory) DeleteRole(ctx context.Context, call Call, id ID) error {
	if err := d.Administer(ctx, call); err != nil {
		return err
	}
	return d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		r, err := tx.LockRole(ctx, id)
		if err != nil {
			return err
		}
		users, err := tx.UsersWithRole(ctx, id)
		if err != nil {
			return err
		}
		now := d.clock.Now()
		events := make([]Event, 0, len(users)+1)
		for _, u := range users {
			events = append(events, call.Event(now, ActionRoleUnassigned, ID{}, u, Facts{"role_id": id}, nil))
		}
		if err := tx.DeleteRole(ctx, id); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, append(events, call.Event(now, ActionRoleDeleted, ID{}, ID{}, r.facts(), nil))...)
	})
}

// UnassignRole takes a role away from one user.
func (d *Directory) UnassignRole(ctx context.Context, call Call, role, user ID) error {
	if err := d.Administer(ctx, call); err != nil {
		return err
	}
	return d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if _, err := tx.Role(ctx, role); err != nil {
			return err
		}
		if err := tx.DeleteRoleAssignment(ctx, role, user); err != nil {
			return err
		}
		return tx.AppendEvents(ctx,
			call.Event(d.clock.Now(), ActionRoleUnassigned, ID{}, user, Facts{"role_id": role}, nil))
	})
}
