package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	qLockGroupsOf = `select count(*) from (select g.id from groups g where g.tenant_id = $1
		and g.id in (select l.group_id from group_links l where l.tenant_id = $1 and l.connection_id = $2)
		order by g.id {for no key update}) x`
	qLockUsersOf = `select count(*) from (select u.id from users u where u.tenant_id = $1
		and u.id in (select l.user_id from user_links l where l.tenant_id = $1 and l.connection_id = $2)
		order by u.id {for no key update}) x`
	qLatestOf = `select max(opened_at), max(closed_at) from grants where tenant_id = $1
		and group_id in (select l.group_id from group_links l where l.tenant_id = $1 and l.connection_id = $2)`
)

// LockConnectionScope implements membership.Tx.
func (s *session) LockConnectionScope(ctx context.Context, connection membership.ID) (time.Time, error) {
	var n int
	for _, q := range []string{qLockGroupsOf, qLockUsersOf} {
		if err := s.one(ctx, "connection", q, []any{s.tenant, connection}, &n); err != nil {
			return time.Time{}, err
		}
	}
	var opened, closed stamp
	err := s.one(ctx, "connection", qLatestOf, []any{s.tenant, connection}, &opened, &closed)
	return latest(time.Time(opened), time.Time(closed)), err
}

const qFreezeLinks = `update group_links set frozen_version = version where tenant_id = $1 and connection_id = $2`

// FreezeLinks implements membership.Tx.
func (s *session) FreezeLinks(ctx context.Context, connection membership.ID) error {
	_, err := s.exec(ctx, qFreezeLinks, s.tenant, connection)
	return err
}

// scopeEnd is one membership.ScopeEnd. Its statements are about many rows each,
// never one: a batch of them at a time, so that the ids that are made for it
// stay few. Rows of a batch are numbered from 0 in their order.
type scopeEnd struct {
	s *session
	e membership.ScopeEnd
	r membership.MemberResult
}

// endBatch is how many rows a batch has at most.
const endBatch = 2000

// EndConnectionScope implements membership.Tx.
func (s *session) EndConnectionScope(ctx context.Context, e membership.ScopeEnd) (membership.MemberResult, error) {
	v := scopeEnd{s: s, e: e}
	for _, step := range []func(context.Context) error{v.endGrants, v.endUsers, v.endGroups} {
		if err := step(ctx); err != nil {
			return v.r, err
		}
	}
	return v.r, nil
}

// closedAt is when grants close: after the local ones that take their place
// were opened.
func (v *scopeEnd) closedAt() time.Time {
	if v.e.Convert {
		return v.e.At.Add(time.Microsecond)
	}
	return v.e.At
}

// insertEvents is the head of a statement that writes events of a batch x. Its
// first arguments are those of events. $12 are their ids.
const insertEvents = `insert into events (tenant_id, at, actor_kind, actor_id, credential, source, connection_id,
		request_id, reason, action, position, id, group_id, user_id, before, after)
	select $1, $3, $4, $5, $13, $6, $7, $8, $9, $10, {position $1}, {nth $12 x.n}, `

// withBatch ends the JSON object of an event; $11 is the batch.
const withBatch = `,"batch":"' || $11 || '"}'`

// events writes the events of a batch of n rows; more are the arguments from
// $14 on.
func (v *scopeEnd) events(ctx context.Context, q string, action membership.Action, at time.Time, n int, more ...any) error {
	c := v.e.Call
	_, err := v.s.exec(ctx, q, append([]any{
		v.s.tenant, v.e.Connection, stamp(at), string(c.Actor.Kind), c.Actor.ID, string(c.Source()), c.Connection,
		c.RequestID, c.Reason, string(action), v.e.Batch.String(), newIDs(n), c.Credential.String(),
	}, more...)...)
	return err
}

const (
	// The users and groups of a batch, and everything of the connection.
	qNextUsers = `select x.user_id, x.n from (
			select l.user_id, row_number() over (order by l.user_id) as n from user_links l
			where l.tenant_id = $1 and l.connection_id = $2 and l.user_id > $3 order by l.user_id limit $4) x
		order by x.n desc limit 1`
	// No user becomes active: those who had this link only stay as they are, and
	// of the others the links that are left decide.
	qUsersUnlinked = insertEvents + `$14, x.user_id,
			case when x.active then '{"active":true}' else '{"active":false}' end,
			case when x.active and (x.links = 0 or x.alive > 0) then '{"active":true' else '{"active":false' end
				|| ',"links":' || x.links || '` + withBatch + `
		from (select l.user_id, u.active, ` + otherLinks + ` as links, ` + activeLinks + ` as alive,
				row_number() over (order by l.user_id) - 1 as n
			from user_links l join users u on u.tenant_id = $1 and u.id = l.user_id
			where l.tenant_id = $1 and l.connection_id = $2 and l.user_id > $15 and l.user_id <= $16) x`
	qDeactivateUsers = `update users set active = false, updated_at = $3
		where tenant_id = $1 and id in (select l.user_id from user_links l where l.tenant_id = $1 and l.connection_id = $2
			and ` + otherLinks + ` > 0 and ` + activeLinks + ` = 0) and active`
	qDeprovisionUsers = `update users set deprovisioned = true, updated_at = $3
		where tenant_id = $1 and id in (select l.user_id from user_links l where l.tenant_id = $1 and l.connection_id = $2
			and not l.active and ` + otherLinks + ` = 0)`
	qDeleteEmailsOf    = `delete from user_link_emails where tenant_id = $1 and connection_id = $2`
	qDeleteUserLinksOf = `delete from user_links where tenant_id = $1 and connection_id = $2`
)

// endUsers ends the links of users. A user whose only link said inactive stays
// inactive without it, until an administrator decides.
func (v *scopeEnd) endUsers(ctx context.Context) error {
	var after membership.ID
	for {
		var last membership.ID
		var n int
		switch err := v.s.one(ctx, "user", qNextUsers, []any{v.s.tenant, v.e.Connection, after, endBatch}, &last, &n); {
		case membership.KindOf(err) == membership.KindNotFound:
			for _, q := range []string{qDeactivateUsers, qDeprovisionUsers} {
				if _, err := v.s.exec(ctx, q, v.s.tenant, v.e.Connection, stamp(v.closedAt())); err != nil {
					return err
				}
			}
			return v.unlink(ctx, userLinkTable, qDeleteEmailsOf, qDeleteUserLinksOf)
		case err != nil:
			return err
		}
		if err := v.events(ctx, qUsersUnlinked, membership.ActionUserUnlinked, v.closedAt(), n,
			membership.ID{}, after, last); err != nil {
			return err
		}
		after = last
	}
}

const (
	qNextGroups = `select x.group_id, x.n from (
			select l.group_id, row_number() over (order by l.group_id) as n from group_links l
			where l.tenant_id = $1 and l.connection_id = $2 and l.group_id > $3 order by l.group_id limit $4) x
		order by x.n desc limit 1`
	qGroupsUnlinked = insertEvents + `x.group_id, $14,
			'{"display_name":' || {quoted x.display_name} || '}',
			'{"links":' || x.links || ',"open_grants":' || x.grants || '` + withBatch + `
		from (select l.group_id, g.display_name, ` + otherGroupLinks + ` as links, coalesce(o.open, 0) as grants,
				row_number() over (order by l.group_id) - 1 as n` + groupsEnded + `
				and l.group_id > $15 and l.group_id <= $16) x`
	qGroupsDeleted = insertEvents + `x.group_id, $14,
			'{"display_name":' || {quoted x.display_name} || '}', '{"deleted":true` + withBatch + `
		from (select l.group_id, g.display_name, row_number() over (order by l.group_id) - 1 as n` + groupsEnded + `
				and l.group_id > $15 and l.group_id <= $16
				and g.origin = 'scim' and coalesce(o.open, 0) = 0 and ` + otherGroupLinks + ` = 0) x`
	qDeleteGroupsOf = `update groups set deleted_at = $3 where tenant_id = $1 and id in (
			select l.group_id` + groupsEnded + ` and g.origin = 'scim' and coalesce(o.open, 0) = 0 and ` + otherGroupLinks + ` = 0)`
	qDeleteGroupLinksOf = `delete from group_links where tenant_id = $1 and connection_id = $2`
)

// endGroups ends the links of groups. What is left without links and grants and
// came from a provider goes (rule 32).
func (v *scopeEnd) endGroups(ctx context.Context) error {
	var after membership.ID
	for {
		var last membership.ID
		var n int
		switch err := v.s.one(ctx, "group", qNextGroups, []any{v.s.tenant, v.e.Connection, after, endBatch}, &last, &n); {
		case membership.KindOf(err) == membership.KindNotFound:
			if _, err := v.s.exec(ctx, qDeleteGroupsOf, v.s.tenant, v.e.Connection, stamp(v.closedAt())); err != nil {
				return err
			}
			return v.unlink(ctx, groupLinkTable, qDeleteGroupLinksOf)
		case err != nil:
			return err
		}
		for _, w := range []struct {
			q      string
			action membership.Action
		}{{qGroupsUnlinked, membership.ActionGroupUnlinked}, {qGroupsDeleted, membership.ActionGroupDeleted}} {
			if err := v.events(ctx, w.q, w.action, v.closedAt(), n, membership.ID{}, after, last); err != nil {
				return err
			}
		}
		after = last
	}
}

// unlink deletes what hangs on the links of a table, and at last the links.
func (v *scopeEnd) unlink(ctx context.Context, table string, queries ...string) error {
	for i, q := range queries {
		n, err := v.s.exec(ctx, q, v.s.tenant, v.e.Connection)
		if err != nil {
			return err
		}
		if i == len(queries)-1 {
			v.s.linked(v.e.Connection, table, -n)
		}
	}
	return nil
}
