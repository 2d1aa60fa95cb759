package db

import (
	"context"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

const userLinkColumns = `l.connection_id, l.user_id, l.external_id, l.user_name, l.active, l.email, l.name,
	l.attributes, l.version, l.created_at, l.last_modified`

func userLinkDest(l *membership.UserLink) []any {
	return []any{
		&l.Connection, &l.User, &l.ExternalID, &l.UserName, &l.Active, &l.Email, &l.Name,
		&l.Attributes, &l.Version, (*stamp)(&l.CreatedAt), (*stamp)(&l.LastModified),
	}
}

const (
	qUserLink = `select ` + userLinkColumns + ` from user_links l
		where l.tenant_id = $1 and l.connection_id = $2 and l.user_id = $3` + liveConnection
	qLockUserLink   = qUserLink + ` {for update}`
	qUserLinkByName = `select ` + userLinkColumns + ` from user_links l
		where l.tenant_id = $1 and l.connection_id = $2 and l.user_name_key = $3
		order by l.name_rank`
	qLinksOfUser = `select ` + userLinkColumns + ` from user_links l {index user_links_user}
		where l.tenant_id = $1 and l.user_id = $2 order by l.connection_id`
)

func (s *session) userLink(ctx context.Context, q string, args ...any) (membership.UserLink, error) {
	l := membership.UserLink{Tenant: s.tenant}
	err := s.one(ctx, "user", q, args, userLinkDest(&l)...)
	return l, err
}

// UserLink implements membership.Reader.
func (s *session) UserLink(ctx context.Context, connection, user membership.ID) (membership.UserLink, error) {
	return s.userLink(ctx, qUserLink, s.tenant, connection, user)
}

// userLinkKey names a link that this transaction has locked.
type userLinkKey struct{ connection, user membership.ID }

// hold remembers whether a link that is locked is active: what changes that counts.
func (s *session) hold(l membership.UserLink) {
	if s.held == nil {
		s.held = map[userLinkKey]bool{}
	}
	s.held[userLinkKey{l.Connection, l.User}] = l.Active
}

// LockUserLink implements membership.Tx.
func (s *session) LockUserLink(ctx context.Context, connection, user membership.ID) (membership.UserLink, error) {
	l, err := s.userLink(ctx, qLockUserLink, s.tenant, connection, user)
	if err == nil {
		s.hold(l)
	}
	return l, err
}

// UserLinkByName implements membership.Reader.
func (s *session) UserLinkByName(
	ctx context.Context, connection membership.ID, key string,
) (membership.UserLink, error) {
	return s.userLink(ctx, qUserLinkByName, s.tenant, connection, key)
}

func (s *session) userLinks(ctx context.Context, q string, args ...any) ([]membership.UserLink, error) {
	return list(ctx, s, q, args, func(l *membership.UserLink) []any {
		l.Tenant = s.tenant
		return userLinkDest(l)
	})
}

// LinksOfUser implements membership.Reader.
func (s *session) LinksOfUser(ctx context.Context, user membership.ID) ([]membership.UserLink, error) {
	return s.userLinks(ctx, qLinksOfUser, s.tenant, user)
}

const qInsertUserLink = `insert into user_links (tenant_id, connection_id, user_id, external_id,
		user_name, user_name_key, active, email, name, attributes, version, created_at, last_modified)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

// InsertUserLink implements membership.Tx.
func (s *session) InsertUserLink(ctx context.Context, l membership.UserLink) error {
	if err := s.execLater(ctx, qInsertUserLink, s.tenant, l.Connection, l.User, l.ExternalID,
		l.UserName, membership.Fold(l.UserName), l.Active, l.Email, l.Name, string(l.Attributes),
		l.Version, stamp(l.CreatedAt), stamp(l.LastModified)); err != nil {
		return err
	}
	s.linked(l.Connection, userLinkTable, 1)
	s.turned(l.Connection, true, l.Active)
	return s.insertEmails(ctx, l)
}

const qUpdateUserLink = `update user_links set external_id = $4, user_name = $5, user_name_key = $6,
		name_rank = case when user_name_key = $6 then name_rank else 0 end, active = $7,
		email = $8, name = $9, attributes = $10, version = $11, last_modified = $12
	where tenant_id = $1 and connection_id = $2 and user_id = $3`

const qDeleteEmails = `delete from user_link_emails where tenant_id = $1 and connection_id = $2 and user_id = $3`

const qWasActive = `select l.active from user_links l
	where l.tenant_id = $1 and l.connection_id = $2 and l.user_id = $3 {for update}`

// UpdateUserLink implements membership.Tx.
func (s *session) UpdateUserLink(ctx context.Context, l membership.UserLink) error {
	was, held := s.held[userLinkKey{l.Connection, l.User}]
	if !held {
		if err := s.one(ctx, "user", qWasActive, []any{s.tenant, l.Connection, l.User}, &was); err != nil {
			return err
		}
	}
	if err := s.changed(ctx, "user", qUpdateUserLink, s.tenant, l.Connection, l.User, l.ExternalID,
		l.UserName, membership.Fold(l.UserName), l.Active, l.Email, l.Name, string(l.Attributes),
		l.Version, stamp(l.LastModified)); err != nil {
		return err
	}
	s.turned(l.Connection, was, l.Active)
	s.hold(l)
	if err := s.execLater(ctx, qDeleteEmails, s.tenant, l.Connection, l.User); err != nil {
		return err
	}
	return s.insertEmails(ctx, l)
}

const qInsertEmail = `insert into user_link_emails (tenant_id, connection_id, email_key, user_id)
	values ($1, $2, $3, $4)`

func (s *session) insertEmails(ctx context.Context, l membership.UserLink) error {
	keys := make([]string, 0, len(l.Emails))
	for _, e := range l.Emails {
		if e != "" {
			keys = append(keys, membership.Fold(e))
		}
	}
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		if err := s.execLater(ctx, qInsertEmail, s.tenant, l.Connection, k, l.User); err != nil {
			return err
		}
	}
	return nil
}

const qDeleteUserLink = `delete from user_links where tenant_id = $1 and connection_id = $2 and user_id = $3
	returning active`

// DeleteUserLink implements membership.Tx.
func (s *session) DeleteUserLink(ctx context.Context, connection, user membership.ID) error {
	if err := s.execLater(ctx, qNoteEndedUserLink, s.tenant, user, connection); err != nil {
		return err
	}
	n, err := s.unlinkUsers(ctx, connection, qDeleteUserLink, s.tenant, connection, user)
	if err == nil && n == 0 {
		return membership.NotFound("user")
	}
	return err
}

const (
	groupsOf     = `select g.user_id, l.group_id, l.display_name from `
	groupsOfUser = ` i
	{lookup grants g by grants_of_user on g.tenant_id = $1 and g.user_id = i.id and g.connection_no = ` +
		noOfConnection + `$2)}
	{lookup groups o on o.tenant_id = $1 and o.no = g.group_no}
	{lookup group_links l on l.tenant_id = $1 and l.connection_id = $2 and l.group_id = o.id}
	order by g.user_id, l.group_id`
	qGroupsOf     = groupsOf + `{ids $3}` + groupsOfUser
	qGroupsOfUpTo = qGroupsOf + ` limit $4`
)

// groupOfUser is a group that a user is in, as a connection sees it.
type groupOfUser struct {
	user membership.ID
	ref  membership.GroupRef
}

func groupOfUserDest(g *groupOfUser) []any { return []any{&g.user, &g.ref.ID, &g.ref.DisplayName} }

// GroupsOf implements membership.Reader.
func (s *session) GroupsOf(
	ctx context.Context, connection membership.ID, users []membership.ID, limit int,
) (map[membership.ID][]membership.GroupRef, error) {
	q, args := qGroupsOf, []any{s.tenant, connection, users}
	if limit > 0 {
		q, args = qGroupsOfUpTo, append(args, limit+1)
	}
	rs, err := list(ctx, s, q, args, groupOfUserDest)
	if err != nil || limit > 0 && len(rs) > limit {
		return nil, err
	}
	out := make(map[membership.ID][]membership.GroupRef)
	for _, r := range rs {
		out[r.user] = append(out[r.user], r.ref)
	}
	return out, nil
}
