package db

import (
	"context"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The member delta in plain statements, for an engine where a statement costs
// no round trip and one transaction writes at a time. On PostgreSQL the function
// change_members_together does the same. However many members a delta has, it is
// the same few statements; {rows $n} are its users, each with the ids of the grant and
// the event that may be written for it.
const (
	// What has to be known before anything is written: the link, when something
	// last happened to any of the users in the group, and how many users are not
	// known. Who was in and out more often than sixteen times has no later change
	// among the older grants: of one connection only the newest can have ended last.
	lastChange = `(select max((select max(max(opened_at, coalesce(closed_at, opened_at))) from (
			select opened_at, closed_at from grants
			where tenant_id = $1 and group_id = $2 and user_id = i.id order by id desc limit 16)))
		from {ids $3} i)`
	ofGroup = ` from groups g where g.tenant_id = $1 and g.id = $2 and g.deleted_at is null`
	ofLink  = ` from groups g join group_links l on l.tenant_id = $1 and l.connection_id = $4 and l.group_id = g.id
		where g.tenant_id = $1 and g.id = $2 and g.deleted_at is null
			and exists (select 1 from connections c where c.tenant_id = $1 and c.id = $4 and c.removed_at is null)`
	qLinkStanding      = `select l.version, l.last_modified, ` + lastChange + `, 0` + ofLink
	qLinkStandingKnown = `select l.version, l.last_modified, ` + lastChange + `, (select count(*) from {ids $5} i where not exists (
			select 1 from user_links k where k.tenant_id = $1 and k.connection_id = $4 and k.user_id = i.id))` + ofLink
	qLocalStanding = `select 0, null, ` + lastChange + `, (select count(*) from {ids $4} i where not exists (
			select 1 from users u where u.tenant_id = $1 and u.id = i.id and (u.deleted_at is null) is true))` + ofGroup

	// A cross join keeps its order: without statistics the grants of the group
	// would come first, and all rows with each.
	qOpenGrants = `insert into grants (tenant_id, group_id, user_id, id, connection_id, member_since, opened_at,
			opened_by_kind, opened_by_id, opened_request, opened_reason)
		select $1, $2, n.user_id, n.grant_id, $3, coalesce((
			select min(o.member_since) from grants o
			where o.tenant_id = $1 and o.group_id = $2 and o.user_id = n.user_id and o.closed_at is null), $5), $5,
			$6, $7, $8, $9
		from {rows $4} n where not exists (
			select 1 from grants o
			where o.tenant_id = $1 and o.group_id = $2 and o.user_id = n.user_id and o.connection_id = $3 and o.closed_at is null)`
	qOpenedEvents = `insert into events (tenant_id, id, at, actor_kind, actor_id, source, connection_id, action,
			group_id, user_id, before, after, request_id, reason)
		select $1, n.event_id, $4, $5, $6, $7, $8, 'grant.opened', $2, n.user_id,
			case when g.member_since = g.opened_at then '{"member":false}' else '{"member":true}' end,
			'{"member":true,"grant":"' || ` + uuidOfGrant + ` || '","source":"' || $9 || '"}', $10, $11
		from {rows $3} n
		cross join grants g on g.tenant_id = $1 and g.group_id = $2 and g.user_id = n.user_id and g.id = n.grant_id`

	qClosedEvents = `insert into events (tenant_id, id, at, actor_kind, actor_id, source, connection_id, action,
			group_id, user_id, before, after, request_id, reason)
		select $1, n.event_id, $5, $6, $7, $8, $9, 'grant.closed', $2, n.user_id,
			'{"member":true,"grant":"' || ` + uuidOfGrant + ` || '","source":"' || $10 || '"}',
			case when exists (
				select 1 from grants o
				where o.tenant_id = $1 and o.group_id = $2 and o.user_id = n.user_id and o.connection_id <> $3 and o.closed_at is null)
			then '{"member":true}' else '{"member":false}' end, $11, $12
		from {rows $4} n
		cross join grants g on g.tenant_id = $1 and g.group_id = $2 and g.user_id = n.user_id and g.connection_id = $3 and g.closed_at is null`
	qCloseGrants = `update grants indexed by grants_open set closed_at = $5, closed_by_kind = $6, closed_by_id = $7,
			closed_request = $8, closed_reason = $9
		where tenant_id = $1 and group_id = $2 and connection_id = $3 and closed_at is null
			and user_id in (select user_id from {rows $4})`

	// Of one user, who need not be looked up in a list.
	qCloseGrant = `update grants indexed by grants_open set closed_at = $5, closed_by_kind = $6, closed_by_id = $7,
			closed_request = $8, closed_reason = $9
		where tenant_id = $1 and group_id = $2 and connection_id = $3 and closed_at is null and user_id = $4`

	qRaiseVersion = `update group_links set version = $4, last_modified = $5
		where tenant_id = $1 and connection_id = $2 and group_id = $3`

	uuidOfGrant = `lower(substr(hex(g.id), 1, 8) || '-' || substr(hex(g.id), 9, 4) || '-' || substr(hex(g.id), 13, 4)
		|| '-' || substr(hex(g.id), 17, 4) || '-' || substr(hex(g.id), 21))`
)

// delta applies one change. It refuses before it writes anything.
type delta struct {
	*session
	c  membership.MemberChange
	at time.Time // of what it writes
}

func (e *sqliteEngine) changeMembers(ctx context.Context, q querier, c membership.MemberChange) (membership.MemberResult, error) {
	d := delta{session: &session{querier: q, engine: e, tenant: c.Call.Tenant}, c: c, at: c.At}
	r, err := d.check(ctx)
	if err != nil {
		return r, err
	}
	if r.Opened, err = d.open(ctx); err != nil {
		return r, err
	}
	if r.Closed, err = d.close(ctx); err != nil {
		return r, err
	}
	if r.Opened+r.Closed > 0 && !c.Connection.IsZero() {
		err = d.raise(ctx, &r)
	}
	return r, err
}

// check refuses, and moves the time of the change behind whatever happened to
// the same users in the same group, whenever the request came in.
func (d *delta) check(ctx context.Context) (r membership.MemberResult, err error) {
	touched, must := d.c.Open, known(d.c)
	if len(d.c.Close) > 0 {
		touched = slices.Concat(d.c.Open, d.c.Close)
	}
	q, args := qLocalStanding, []any{d.tenant, d.c.Group, touched, must}
	if !d.c.Connection.IsZero() {
		q, args = qLinkStanding, []any{d.tenant, d.c.Group, touched, d.c.Connection}
		if len(must) > 0 {
			q, args = qLinkStandingKnown, append(args, must)
		}
	}
	var last stamp
	unknown := 0
	if err := d.one(ctx, "group", q, args, &r.Version, (*stamp)(&r.LastModified), &last, &unknown); err != nil {
		return r, err
	}
	if p, ok := d.querier.(patient); ok {
		p.raised.current(d.link(), &r)
	}
	if d.c.IfVersion != 0 && d.c.IfVersion != r.Version {
		return r, versionMismatch(r.Version)
	}
	if unknown > 0 {
		ids, err := d.UnknownMembers(ctx, d.c.Connection, must)
		if err != nil {
			return r, err
		}
		return r, unknownMembers(ids)
	}
	if last := time.Time(last); !last.IsZero() {
		d.at = latest(d.at, last.Add(time.Microsecond))
	}
	return r, nil
}

func (d *delta) open(ctx context.Context) (int, error) {
	if len(d.c.Open) == 0 {
		return 0, nil
	}
	rows, actor := newMemberRows(d.c.Open), d.c.Call.Actor
	n, err := d.exec(ctx, qOpenGrants, d.tenant, d.c.Group, d.c.Connection, rows, stamp(d.at),
		string(actor.Kind), actor.ID, d.c.Call.RequestID, d.c.Call.Reason)
	if err != nil || n == 0 {
		return 0, err
	}
	_, err = d.exec(ctx, qOpenedEvents, d.tenant, d.c.Group, rows, stamp(d.at), string(actor.Kind), actor.ID,
		string(d.c.Call.Source()), d.c.Call.Connection, d.source(), d.c.Call.RequestID, d.c.Call.Reason)
	return int(n), err
}

func (d *delta) close(ctx context.Context) (int, error) {
	if len(d.c.Close) == 0 {
		return 0, nil
	}
	rows, actor := newMemberRows(d.c.Close), d.c.Call.Actor
	n, err := d.exec(ctx, qClosedEvents, d.tenant, d.c.Group, d.c.Connection, rows, stamp(d.at), string(actor.Kind), actor.ID,
		string(d.c.Call.Source()), d.c.Call.Connection, d.source(), d.c.Call.RequestID, d.c.Call.Reason)
	if err != nil || n == 0 {
		return 0, err
	}
	q, who := qCloseGrants, any(rows)
	if len(d.c.Close) == 1 {
		q, who = qCloseGrant, d.c.Close[0]
	}
	_, err = d.exec(ctx, q, d.tenant, d.c.Group, d.c.Connection, who, stamp(d.at),
		string(actor.Kind), actor.ID, d.c.Call.RequestID, d.c.Call.Reason)
	return int(n), err
}

// source is the side of the grants, whoever changes them.
func (d *delta) source() string {
	if d.c.Connection.IsZero() {
		return string(membership.SourceLocal)
	}
	return string(membership.SourceSCIM)
}

func (d *delta) link() raisedLink { return raisedLink{d.tenant, d.c.Connection, d.c.Group} }

// raise makes a new version of the link.
func (d *delta) raise(ctx context.Context, r *membership.MemberResult) error {
	r.Version++
	r.LastModified = latest(d.at, r.LastModified.Add(time.Microsecond))
	if p, ok := d.querier.(patient); ok && p.raised != nil {
		p.raised[d.link()] = raisedTo{r.Version, r.LastModified}
		return nil
	}
	return d.changed(ctx, "group", qRaiseVersion, d.tenant, d.c.Connection, d.c.Group, r.Version, stamp(r.LastModified))
}

// memberRows are users with a new id each for a grant and for an event, 48 bytes
// a row.
type memberRows []byte

const memberRowSize = 48

func newMemberRows(users []membership.ID) memberRows {
	rows := make(memberRows, 0, len(users)*memberRowSize)
	for _, u := range users {
		grant, event := membership.NewID(), membership.NewID()
		rows = append(append(append(rows, u[:]...), grant[:]...), event[:]...)
	}
	return rows
}
