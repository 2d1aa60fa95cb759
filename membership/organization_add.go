package membership

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// AddOrganizationMembers makes users members of the organization, all or nothing, and
// invites those whose address no user has. No other user is changed; what is so
// already is not written again. The answer is in the order of specs. To give a
// role, the caller has to administer the tenant or to hold all that it grants.
// Errors: KindNotFound with Details["unknown"] or Details["unknown_roles"].
func (d *Directory) AddOrganizationMembers(
	ctx context.Context, call Call, specs []OrganizationMemberSpec,
) ([]OrganizationUser, error) {
	if err := d.allow(ctx, call, OpWriteUsers, ID{}, ID{}); err != nil {
		return nil, err
	}
	specs = slices.Clone(specs)
	for i := range specs {
		if err := specs[i].check(); err != nil {
			return nil, err
		}
	}
	var out []OrganizationUser
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		p := organizationAddition{d: d, tx: tx, call: call}
		if err := p.roles(ctx, specs); err != nil {
			return err
		}
		users, err := p.users(ctx, specs)
		if err != nil {
			return err
		}
		if err := p.write(ctx, specs, users); err != nil {
			return err
		}
		out, err = organizationUsers(ctx, tx, users)
		return err
	})
	var denied *deniedMember
	if errors.As(err, &denied) {
		return nil, d.refused(ctx, call, OpWriteUsers, ID{}, denied.user, denied.err)
	}
	return out, d.refused(ctx, call, OpWriteUsers, ID{}, ID{}, err)
}

// organizationAddition is one AddOrganizationMembers inside its transaction.
type organizationAddition struct {
	d      *Directory
	tx     Tx
	call   Call
	events []Event
}

func (p *organizationAddition) event(action Action, user ID, before, after Facts) {
	p.events = append(p.events, p.call.Event(p.d.clock.Now(), action, ID{}, user, before, after))
}

// roles checks that the roles exist and may be given.
func (p *organizationAddition) roles(ctx context.Context, specs []OrganizationMemberSpec) error {
	var ids []ID
	for _, pl := range specs {
		if !pl.Role.IsZero() {
			ids = append(ids, pl.Role)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	ids = once(ids)
	roles, err := p.tx.LockRoles(ctx, ids)
	if err != nil {
		return err
	}
	if len(roles) < len(ids) {
		known := make(map[ID]bool, len(roles))
		for _, r := range roles {
			known[r.ID] = true
		}
		ids = slices.DeleteFunc(ids, func(id ID) bool { return known[id] })
		e := errorf(KindNotFound, "role not found")
		e.Details = FirstOf("unknown_roles", ids)
		return e
	}
	if p.d.authorize(ctx, Question{Call: p.call, Operation: OpAdminister}) == nil {
		return nil
	}
	for _, r := range roles {
		q := Question{Call: p.call, Operation: OpWriteUsers, Gives: r.granted(), Objects: &Objects{}}
		if err := p.d.authorize(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// users returns the user of each spec, and invites those who are none yet.
func (p *organizationAddition) users(ctx context.Context, specs []OrganizationMemberSpec) ([]User, error) {
	byID, byAddress, err := p.find(ctx, specs)
	if err != nil {
		return nil, err
	}
	var unknown []ID
	var invited []User
	users := make([]User, len(specs))
	first := make(map[ID]int, len(specs))
	for i, pl := range specs {
		u, known := byID[pl.User]
		key := Fold(pl.Email)
		switch {
		case pl.User.IsZero():
			found := byAddress[key]
			if len(found) > 1 {
				return nil, Invalidf("several users have an address of the request: name them by user_id")
			}
			if len(found) == 0 {
				u = p.invite(pl.Email)
				invited = append(invited, u)
				byAddress[key] = []User{u}
			} else {
				u = found[0]
			}
		case !known:
			unknown = append(unknown, pl.User)
			continue
		case pl.Email != "" && key != Fold(u.Email) && key != Fold(u.UserName):
			return nil, Invalidf("user_id and email are not of the same user")
		}
		if j, twice := first[u.ID]; twice {
			if !sameProjects(pl.Projects, specs[j].Projects) || pl.Role != specs[j].Role {
				return nil, Invalidf("a user is named twice, and not for the same")
			}
		} else {
			first[u.ID] = i
		}
		users[i] = u
	}
	if err := p.authorize(ctx, users, invited, unknown); err != nil {
		return nil, err
	}
	if len(unknown) > 0 {
		return nil, unknownUsers(once(unknown))
	}
	// In one order, so that two requests at once do not wait for each other.
	slices.SortFunc(invited, func(a, b User) int { return strings.Compare(Fold(a.UserName), Fold(b.UserName)) })
	return users, p.tx.InsertUsers(ctx, invited)
}

// find returns the users that specs name by id, and those of each address: the user
// who has it as userName, else all who have it.
func (p *organizationAddition) find(
	ctx context.Context, specs []OrganizationMemberSpec,
) (byID map[ID]User, byAddress map[string][]User, err error) {
	var ids []ID
	var keys []string
	for _, pl := range specs {
		if pl.User.IsZero() {
			keys = append(keys, Fold(pl.Email))
		} else {
			ids = append(ids, pl.User)
		}
	}
	byID, byAddress = make(map[ID]User, len(ids)), make(map[string][]User, len(keys))
	if len(ids) > 0 {
		us, err := p.tx.UsersByID(ctx, once(ids))
		if err != nil {
			return nil, nil, err
		}
		for _, u := range us {
			byID[u.ID] = u
		}
	}
	if len(keys) == 0 {
		return byID, byAddress, nil
	}
	keys = once(keys)
	us, err := p.tx.UsersByEmail(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	for _, u := range us {
		byAddress[Fold(u.Email)] = append(byAddress[Fold(u.Email)], u)
	}
	us, err = p.tx.UsersByName(ctx, keys)
	byName := make(map[string][]User, len(us))
	for _, u := range us {
		byName[Fold(u.UserName)] = append(byName[Fold(u.UserName)], u)
	}
	maps.Copy(byAddress, byName)
	return byID, byAddress, err
}

// invite makes the user of an address that no user has.
func (p *organizationAddition) invite(email string) User {
	now := p.d.clock.Now()
	u := User{
		Tenant: p.call.Tenant, ID: NewID(), UserName: email, Email: email, Origin: SourceLocal,
		Pending: true, CreatedAt: now, UpdatedAt: now,
	}
	u.settle(nil)
	p.event(ActionUserCreated, u.ID, nil, Facts{"origin": SourceLocal, "active": false, "pending": true})
	return u
}

// authorize asks the policy about every user who is there already, before the
// answer says who is not.
func (p *organizationAddition) authorize(ctx context.Context, users, invited []User, unknown []ID) error {
	isNew := make(map[ID]bool, len(invited))
	for _, u := range invited {
		isNew[u.ID] = true
	}
	one := func(id ID, u User) error {
		q := Question{Call: p.call, Operation: OpWriteUsers, User: id, Objects: &Objects{User: u}}
		if err := p.d.authorize(ctx, q); err != nil {
			return &deniedMember{op: OpWriteUsers, user: id, err: err}
		}
		return nil
	}
	for _, u := range users {
		if u.ID.IsZero() || isNew[u.ID] { // unknown, or what the question about the whole was about
			continue
		}
		if err := one(u.ID, u); err != nil {
			return err
		}
	}
	for _, id := range unknown {
		if err := one(id, User{}); err != nil {
			return err
		}
	}
	return nil
}

// write makes what is not so yet.
func (p *organizationAddition) write(ctx context.Context, specs []OrganizationMemberSpec, users []User) error {
	ids := make([]ID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	distinct := once(ids)
	members, err := p.tx.LockOrganizationMembers(ctx, distinct)
	if err != nil {
		return err
	}
	memberOf := make(map[ID]OrganizationMember, len(members))
	for _, m := range members {
		memberOf[m.User] = m
	}
	assignments, err := p.tx.RoleAssignments(ctx, distinct)
	if err != nil {
		return err
	}
	has := make(map[[2]ID]bool, len(assignments))
	for _, a := range assignments {
		has[[2]ID{a.User, a.Role}] = true
	}
	inviter, err := userOfActor(ctx, p.tx, p.call.Actor)
	if err != nil {
		return err
	}
	var added, changed []OrganizationMember
	var given []RoleAssignment
	for i, pl := range specs {
		user, now := ids[i], p.d.clock.Now()
		switch m, is := memberOf[user]; {
		case !is:
			m = OrganizationMember{
				ID: NewID(), User: user, Projects: pl.Projects, InvitedBy: inviter.ID, CreatedAt: now, UpdatedAt: now,
			}
			memberOf[user], added = m, append(added, m)
			p.event(ActionOrganizationMemberAdded, user, nil, Facts{"project_ids": m.Projects})
		case !sameProjects(m.Projects, pl.Projects):
			before := m.Projects
			m.Projects, m.UpdatedAt = pl.Projects, later(now, m.UpdatedAt)
			memberOf[user], changed = m, append(changed, m)
			p.event(ActionOrganizationMemberUpdated, user, Facts{"project_ids": before},
				Facts{"project_ids": m.Projects})
		}
		if key := [2]ID{user, pl.Role}; !pl.Role.IsZero() && !has[key] {
			has[key] = true
			given = append(given,
				RoleAssignment{ID: NewID(), User: user, Role: pl.Role, CreatedAt: now, UpdatedAt: now})
			p.event(ActionRoleAssigned, user, nil, Facts{"role_id": pl.Role})
		}
	}
	slices.SortFunc(added, func(a, b OrganizationMember) int { return a.User.Compare(b.User) })
	slices.SortFunc(given, func(a, b RoleAssignment) int { return a.User.Compare(b.User) })
	if err := p.tx.InsertOrganizationMembers(ctx, added); err != nil {
		return err
	}
	if err := p.tx.UpdateOrganizationMembers(ctx, changed); err != nil {
		return err
	}
	if err := p.tx.InsertRoleAssignments(ctx, given); err != nil {
		return err
	}
	return p.tx.AppendEvents(ctx, p.events...)
}

// OrganizationUser returns one user as they are in the organization;
// KindNotFound for a user who is no member of it.
func (d *Directory) OrganizationUser(ctx context.Context, call Call, id ID) (out OrganizationUser, err error) {
	if err := d.allow(ctx, call, OpReadUsers, ID{}, id); err != nil {
		return OrganizationUser{}, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		u, err := r.User(ctx, id)
		if err != nil {
			return err
		}
		all, err := organizationUsers(ctx, r, []User{u})
		if err != nil {
			return err
		}
		if out = all[0]; out.Member.ID.IsZero() {
			return NotFound("place in the organization")
		}
		return nil
	})
	return out, err
}
