package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// A member is shown without what only changes of a user need.
	memberUserColumns = `u.id, u.user_name, u.email, u.name, u.origin, u.suspended, u.deprovisioned, u.pending, ` +
		`u.active,
	u.created_at, u.updated_at`
	userColumns = memberUserColumns + `, u.native_user_name, u.native_email, u.native_name`
)

func userDest(u *membership.User) []any {
	return append(memberUserDest(u), &u.Native.UserName, &u.Native.Email, &u.Native.Name)
}

func memberUserDest(u *membership.User) []any {
	return []any{
		&u.ID, &u.UserName, &u.Email, &u.Name, (*string)(&u.Origin), &u.Suspended, &u.Deprovisioned, &u.Pending,
		&u.Active,
		(*stamp)(&u.CreatedAt), (*stamp)(&u.UpdatedAt),
	}
}

// Asked for plain "deleted_at is null", PostgreSQL without statistics (a first
// import) takes an index of living names for an id, and reads all of the tenant.
// Only lookups by name say it so.
const (
	qUser = `select ` + userColumns +
		` from users u where u.tenant_id = $1 and u.id = $2 and (u.deleted_at is null) is true`
	qLockUser   = qUser + ` {for update}`
	qUserByName = `select ` + userColumns + ` from users u {index users_user_name}
		where u.tenant_id = $1 and u.user_name_key = $2 and u.deleted_at is null
		order by u.name_rank`
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
	qUsers  = `select ` + userColumns + ` from users u` + ofUsers
	ofUsers = ` where u.tenant_id = $1 and (u.deleted_at is null) is true and u.id > $2`
)

// fewUsers names the index of those that a list asks for, in its order, if there is
// one; "" if there is none, or what the list names is fewer.
func fewUsers(q membership.NativeQuery) string {
	switch {
	case q.Name != "" || q.NamePrefix != "" || q.Email != "":
	case q.Active != nil && !*q.Active:
		return "users_inactive"
	case q.Origin == membership.SourceLocal:
		return "users_local"
	}
	return ""
}

func usersQuery(s *session, q membership.NativeQuery) (string, []any) {
	c := newWhere(s.tenant, q.After)
	// As sets of their own, so that the index is used although the order is by id.
	if q.Name != "" {
		c.WriteString(` and u.id in (select x.id from users x {index users_user_name}
			where x.tenant_id = $1 and x.deleted_at is null and x.user_name_key = ` +
			c.arg(membership.Fold(q.Name)) + `)`)
	}
	c.prefixed(`u.id in (select x.id from users x {index users_user_name}
			where x.tenant_id = $1 and x.deleted_at is null`, `x.user_name_key`, q.NamePrefix)
	if q.Email != "" {
		c.WriteString(` and u.id in (select x.id from users x {index users_email}
			where x.tenant_id = $1 and x.deleted_at is null and x.email_key = ` + c.arg(membership.Fold(q.Email)) + `)`)
	}
	head := qUsers
	if index := fewUsers(q); index != "" { // the conditions of the index, as it says them
		head = `select ` + userColumns + ` from users u {index ` + index + `}` + ofUsers + ` and u.deleted_at is null`
	}
	switch q.Origin {
	case "":
	case membership.SourceLocal:
		c.WriteString(` and u.origin = 'local'`)
	default:
		c.and(`u.origin =`, string(q.Origin))
	}
	switch {
	case q.Active == nil:
	case *q.Active:
		c.WriteString(` and u.active`)
	default:
		c.WriteString(` and not u.active`)
	}
	return head + c.String() + ` order by u.id limit ` + c.arg(q.Limit), c.args
}

// Users implements membership.Reader.
func (s *session) Users(ctx context.Context, q membership.NativeQuery) ([]membership.User, error) {
	// Of two conditions one may select few of what the other does.
	alone := fewUsers(q) != "" && (q.Active == nil || q.Origin == "")
	ctx, done, err := s.scanning(ctx, !alone && scansNative(q))
	if err != nil {
		return nil, err
	}
	defer done()
	query, args := usersQuery(s, q)
	return list(ctx, s, query, args, s.userDest)
}

func (s *session) userDest(u *membership.User) []any {
	u.Tenant = s.tenant
	return userDest(u)
}

// qLockUsers has no condition on deleted_at: without statistics PostgreSQL takes
// it for so narrow that it would read all living users.
const qLockUsers = `select ` + userColumns + `, u.deleted_at from users u
	where u.tenant_id = $1 and u.id {in $2} {for key share}`

// LockUsers implements membership.Tx.
func (s *session) LockUsers(ctx context.Context, users []membership.ID) (living []membership.User, err error) {
	type row struct {
		user    membership.User
		deleted stamp
	}
	rows, err := list(ctx, s, qLockUsers, []any{s.tenant, users}, func(r *row) []any {
		return append(s.userDest(&r.user), &r.deleted)
	})
	for _, r := range rows {
		if time.Time(r.deleted).IsZero() {
			living = append(living, r.user)
		}
	}
	return living, err
}

const qInsertUser = `insert into users (tenant_id, id, user_name, user_name_key, email, email_key, name, origin,
		suspended, deprovisioned, pending, active, created_at, updated_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`

// InsertUser implements membership.Tx.
func (s *session) InsertUser(ctx context.Context, u membership.User) error {
	return s.execLater(ctx, qInsertUser, s.userRow(u)...)
}

// InsertUsers implements membership.Tx.
func (s *session) InsertUsers(ctx context.Context, us []membership.User) error {
	rows := make([][]any, len(us))
	for i, u := range us {
		rows[i] = s.userRow(u)
	}
	return s.execEach(ctx, qInsertUser, rows)
}

func (s *session) userRow(u membership.User) []any {
	return []any{
		s.tenant, u.ID, u.UserName, membership.Fold(u.UserName),
		u.Email, membership.Fold(u.Email), u.Name, string(u.Origin),
		u.Suspended, u.Deprovisioned, u.Pending, u.Active, stamp(u.CreatedAt), stamp(u.UpdatedAt),
	}
}

const qUpdateUser = `update users set user_name = $3, user_name_key = $4,
		name_rank = case when user_name_key = $4 then name_rank else 0 end, email = $5, email_key = $6, name = $7,
		suspended = $8, deprovisioned = $9, pending = $10, active = $11, updated_at = $12,
		native_user_name = $13, native_email = $14, native_name = $15
	where tenant_id = $1 and id = $2 and (deleted_at is null) is true`

// UpdateUser implements membership.Tx.
func (s *session) UpdateUser(ctx context.Context, u membership.User) error {
	return s.changed(ctx, "user", qUpdateUser, s.tenant, u.ID, u.UserName, membership.Fold(u.UserName),
		u.Email, membership.Fold(u.Email), u.Name, u.Suspended, u.Deprovisioned, u.Pending, u.Active,
		stamp(u.UpdatedAt), u.Native.UserName, u.Native.Email, u.Native.Name)
}

const qUsersShowing = `select ` + userColumns + ` from user_links l
	cross join users u
	where l.tenant_id = $1 and l.connection_id = $2 and l.user_id > $3
		and u.tenant_id = $1 and u.id = l.user_id and (u.deleted_at is null) is true
		and (u.user_name = l.user_name or u.email = l.email or u.name = l.name)
		and (u.native_user_name <> '' or u.native_email <> '' or u.native_name <> '' or exists (
			select 1 from user_links o {index user_links_user}
				where o.tenant_id = $1 and o.user_id = l.user_id and o.connection_id <> $2))
	order by l.user_id limit $4`

// UsersShowing implements membership.Reader.
func (s *session) UsersShowing(
	ctx context.Context, connection, after membership.ID, limit int,
) ([]membership.User, error) {
	return list(ctx, s, qUsersShowing, []any{s.tenant, connection, after, limit}, s.userDest)
}

const qDeleteUser = `update users set deleted_at = $3, active = false
	where tenant_id = $1 and id = $2 and (deleted_at is null) is true`

// DeleteUser implements membership.Tx.
func (s *session) DeleteUser(ctx context.Context, id membership.ID, at time.Time) error {
	if err := s.execLater(ctx, qNoteEndedUser, s.tenant, id); err != nil {
		return err
	}
	if err := s.changed(ctx, "user", qDeleteUser, s.tenant, id, stamp(at)); err != nil {
		return err
	}
	return s.deleteOrganizationMember(ctx, id)
}

const qLinkedUsers = `select ` + userColumns + ` from {ids $3} i
	cross join user_links l
	cross join users u
	where l.tenant_id = $1 and l.connection_id = $2 and l.user_id = i.id
		and u.tenant_id = $1 and u.id = i.id and (u.deleted_at is null) is true
	order by u.id`

// LinkedUsers implements membership.Reader.
func (s *session) LinkedUsers(
	ctx context.Context, connection membership.ID, users []membership.ID,
) ([]membership.User, error) {
	return list(ctx, s, qLinkedUsers, []any{s.tenant, connection, users}, s.userDest)
}
