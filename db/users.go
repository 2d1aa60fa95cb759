package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const userColumns = `u.id, u.user_name, u.email, u.name, u.origin, u.suspended, u.deprovisioned, u.active,
	u.created_at, u.updated_at`

func userDest(u *membership.User) []any {
	return []any{
		&u.ID, &u.UserName, &u.Email, &u.Name, (*string)(&u.Origin), &u.Suspended, &u.Deprovisioned, &u.Active,
		(*stamp)(&u.CreatedAt), (*stamp)(&u.UpdatedAt),
	}
}

const (
	qUser       = `select ` + userColumns + ` from users u where u.tenant_id = $1 and u.id = $2 and u.deleted_at is null`
	qLockUser   = qUser + ` {for update}`
	qUserByName = `select ` + userColumns + ` from users u
		where u.tenant_id = $1 and u.user_name_key = $2 and u.deleted_at is null`
)

func (s *session) user(ctx context.Context, q string, args ...any) (membership.User, error) {
	u := membership.User{Tenant: s.tenant}
	err := s.one(ctx, "user", q, args, userDest(&u)...)
	return u, err
}

// User implements membership.Reader.
func (s *session) User(ctx context.Context, id membership.ID) (membership.User, error) {
	return s.user(ctx, qUser, s.tenant, id)
}

// UserByName implements membership.Reader.
func (s *session) UserByName(ctx context.Context, key string) (membership.User, error) {
	return s.user(ctx, qUserByName, s.tenant, key)
}

// LockUser implements membership.Tx.
func (s *session) LockUser(ctx context.Context, id membership.ID) (membership.User, error) {
	return s.user(ctx, qLockUser, s.tenant, id)
}

const (
	qUsers       = `select ` + userColumns + ` from users u where u.tenant_id = $1 and u.deleted_at is null and u.id > $2`
	qUsersEnd    = ` order by u.id limit $3`
	qUsersAll    = qUsers + qUsersEnd
	qUsersName   = qUsers + ` and u.user_name_key = $4` + qUsersEnd
	qUsersEmail  = qUsers + ` and u.email_key = $4` + qUsersEnd
	qUsersByBoth = qUsers + ` and u.user_name_key = $4 and u.email_key = $5` + qUsersEnd
)

// Users implements membership.Reader.
func (s *session) Users(ctx context.Context, q membership.NativeQuery) ([]membership.User, error) {
	query, args := qUsersAll, []any{s.tenant, q.After, q.Limit}
	switch {
	case q.Name != "" && q.Email != "":
		query, args = qUsersByBoth, append(args, membership.Fold(q.Name), membership.Fold(q.Email))
	case q.Name != "":
		query, args = qUsersName, append(args, membership.Fold(q.Name))
	case q.Email != "":
		query, args = qUsersEmail, append(args, membership.Fold(q.Email))
	}
	return list(ctx, s, query, args, func(u *membership.User) []any {
		u.Tenant = s.tenant
		return userDest(u)
	})
}

const qInsertUser = `insert into users (tenant_id, id, user_name, user_name_key, email, email_key, name, origin,
		suspended, deprovisioned, active, created_at, updated_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

// InsertUser implements membership.Tx.
func (s *session) InsertUser(ctx context.Context, u membership.User) error {
	_, err := s.exec(ctx, qInsertUser, s.tenant, u.ID, u.UserName, membership.Fold(u.UserName),
		u.Email, membership.Fold(u.Email), u.Name, string(u.Origin),
		u.Suspended, u.Deprovisioned, u.Active, stamp(u.CreatedAt), stamp(u.UpdatedAt))
	return err
}

const qUpdateUser = `update users set user_name = $3, user_name_key = $4, email = $5, email_key = $6, name = $7,
		suspended = $8, deprovisioned = $9, active = $10, updated_at = $11
	where tenant_id = $1 and id = $2 and deleted_at is null`

// UpdateUser implements membership.Tx.
func (s *session) UpdateUser(ctx context.Context, u membership.User) error {
	return s.changed(ctx, "user", qUpdateUser, s.tenant, u.ID, u.UserName, membership.Fold(u.UserName),
		u.Email, membership.Fold(u.Email), u.Name, u.Suspended, u.Deprovisioned, u.Active, stamp(u.UpdatedAt))
}

const qDeleteUser = `update users set deleted_at = $3, active = false
	where tenant_id = $1 and id = $2 and deleted_at is null`

// DeleteUser implements membership.Tx.
func (s *session) DeleteUser(ctx context.Context, id membership.ID, at time.Time) error {
	return s.changed(ctx, "user", qDeleteUser, s.tenant, id, stamp(at))
}

const qLinkedUsers = `select ` + userColumns + ` from {ids $3} i
	join user_links l on l.tenant_id = $1 and l.connection_id = $2 and l.user_id = i.id
	join users u on u.tenant_id = $1 and u.id = i.id and u.deleted_at is null
	order by u.id`

// LinkedUsers implements membership.Reader.
func (s *session) LinkedUsers(ctx context.Context, connection membership.ID, users []membership.ID) ([]membership.User, error) {
	return list(ctx, s, qLinkedUsers, []any{s.tenant, connection, users}, func(u *membership.User) []any {
		u.Tenant = s.tenant
		return userDest(u)
	})
}
