package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	qLockGroupsLinked = `select count(*) from (select g.id from groups g where g.tenant_id = $1
		and g.id in (select l.group_id from group_links l where l.tenant_id = $1 and l.connection_id = $2)
		order by g.id {for no key update}) x`
	qLockUsersLinked = `select count(*) from (select u.id from users u where u.tenant_id = $1
		and u.id in (select l.user_id from user_links l where l.tenant_id = $1 and l.connection_id = $2)
		order by u.id {for no key update}) x`
	qFreezeLinks = `update group_links set frozen_version = case when $3 then version end
		where tenant_id = $1 and connection_id = $2`
)

// LockConnectionScope implements membership.Tx.
func (s *session) LockConnectionScope(ctx context.Context, connection membership.ID) error {
	var n int
	for _, q := range []string{qLockGroupsLinked, qLockUsersLinked} {
		if err := s.one(ctx, "connection", q, []any{s.tenant, connection}, &n); err != nil {
			return err
		}
	}
	return nil
}

// FreezeLinks implements membership.Tx.
func (s *session) FreezeLinks(ctx context.Context, connection membership.ID, frozen bool) error {
	_, err := s.exec(ctx, qFreezeLinks, s.tenant, connection, frozen)
	return err
}

const (
	qNextUsers = `select l.user_id from user_links l where l.tenant_id = $1 and l.connection_id = $2
		order by l.user_id limit $3`
	qLockUsersIn = `select count(*) from (select u.id from users u where u.tenant_id = $1 and u.id {in $2}
		order by u.id {for no key update}) x`
	qUsersUnlinked = `select l.user_id, l.active, u.active, ` + otherLinks + `, ` + activeLinks + `
		from {ids $3} i
		cross join user_links l
		cross join users u
		where l.tenant_id = $1 and l.connection_id = $2 and l.user_id = i.id and u.tenant_id = $1 and u.id = i.id
		order by l.user_id`
	qDeactivateUsers   = `update users set active = false, updated_at = $3 where tenant_id = $1 and id {in $2}`
	qDeprovisionUsers  = `update users set deprovisioned = true, updated_at = $3 where tenant_id = $1 and id {in $2}`
	qDeleteEmailsOf    = `delete from user_link_emails where tenant_id = $1 and connection_id = $2 and user_id {in $3}`
	qDeleteUserLinksOf = `delete from user_links where tenant_id = $1 and connection_id = $2 and user_id {in $3}
		returning active`
)

// EndUserLinks implements membership.Tx.
func (s *session) EndUserLinks(ctx context.Context, e membership.UserLinksEnd) (int, error) {
	users, err := s.ids(ctx, qNextUsers, s.tenant, e.Connection, e.Most)
	if err != nil || len(users) == 0 {
		return 0, err
	}
	var n int
	if err := s.one(ctx, "user", qLockUsersIn, []any{s.tenant, users}, &n); err != nil {
		return 0, err
	}
	type row struct {
		user               membership.ID
		linkActive, active bool
		links, alive       int // other ones
	}
	rows, err := list(ctx, s, qUsersUnlinked, []any{s.tenant, e.Connection, users}, func(r *row) []any {
		return []any{&r.user, &r.linkActive, &r.active, &r.links, &r.alive}
	})
	if err != nil {
		return 0, err
	}
	var deactivated, deprovisioned []membership.ID
	events := make([]membership.Event, len(rows))
	for i, r := range rows {
		// Those who had this link only stay as they are; of the others the links that
		// are left decide.
		stays := r.active && (r.links == 0 || r.alive > 0)
		if r.active && !stays {
			deactivated = append(deactivated, r.user)
		}
		if !r.linkActive && r.links == 0 {
			deprovisioned = append(deprovisioned, r.user)
		}
		events[i] = e.Call.Event(e.At, membership.ActionUserUnlinked, membership.ID{}, r.user,
			membership.Facts{"active": r.active}, membership.Facts{"active": stays, "links": r.links, "batch": e.Batch})
	}
	if err := s.AppendEvents(ctx, events...); err != nil {
		return 0, err
	}
	for _, of := range []struct {
		q     string
		users []membership.ID
	}{{qDeactivateUsers, deactivated}, {qDeprovisionUsers, deprovisioned}} {
		if len(of.users) == 0 {
			continue
		}
		if _, err := s.exec(ctx, of.q, s.tenant, of.users, stamp(e.At)); err != nil {
			return 0, err
		}
	}
	if _, err := s.exec(ctx, qDeleteEmailsOf, s.tenant, e.Connection, users); err != nil {
		return 0, err
	}
	_, err = s.unlinkUsers(ctx, e.Connection, qDeleteUserLinksOf, s.tenant, e.Connection, users)
	return len(users), err
}
