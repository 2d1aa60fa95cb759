package db

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The member delta in plain statements, for an engine where a statement costs
// no round trip and one transaction writes at a time. On PostgreSQL the function
// write_members does the same. However many members a delta has, it is the same
// few statements; {rows $n} are users, each with the id of a grant.
const (
	qGroupStanding = `select 0, null from groups g where g.tenant_id = $1 and g.id = $2 and g.deleted_at is null`
	qLinkStanding  = `select l.version, l.last_modified
		from groups g join group_links l on l.tenant_id = $1 and l.connection_id = $3 and l.group_id = g.id
		where g.tenant_id = $1 and g.id = $2 and g.deleted_at is null
			and exists (select 1 from connections c where c.tenant_id = $1 and c.id = $3 and c.removed_at is null)`

	// What has to be known of each user: a row for each of their open grants, or one
	// without, and when the last of the others ended.
	memberFacts = `coalesce(o.rowid, 0), o.id, coalesce(o.connection_id <> $3, false), o.member_since, o.opened_at,
			(select max(y.closed_at) from grants y indexed by grants_of_group
				where y.tenant_id = $1 and y.group_id = $2 and y.user_id = i.id)
		from {ids $4} i left join grants o indexed by grants_open
			on o.tenant_id = $1 and o.group_id = $2 and o.user_id = i.id and o.closed_at is null`
	qMemberFacts = `select i.id, 1, ` + memberFacts
	qLinkedFacts = `select i.id, exists (select 1 from user_links k
			where k.tenant_id = $1 and k.connection_id = $3 and k.user_id = i.id), ` + memberFacts
	qLocalFacts = `select i.id, exists (select 1 from users u
			where u.tenant_id = $1 and u.id = i.id and (u.deleted_at is null) is true), ` + memberFacts

	// "or fail" keeps no copies of pages for taking one statement back: whatever
	// fails ends the transaction, or goes back to its savepoint.
	insertGrants = `insert or fail into grants (tenant_id, group_id, connection_id, opened_at, opened_by_kind, opened_by_id,
			opened_request, opened_reason, member_since, user_id, id) `
	qOpenGrant  = insertGrants + `values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	qOpenGrants = insertGrants + `select $1, $2, $3, $4, $5, $6, $7, $8, $4, n.user_id, n.grant_id from {rows $9} n`

	// Without the sign any index that begins with the tenant would be as good as
	// the place of the row.
	closeGrants = `update or fail grants set closed_at = $2, closed_by_kind = $3, closed_by_id = $4, closed_request = $5, closed_reason = $6
		where +tenant_id = $1 and rowid `
	qCloseGrant  = closeGrants + `= $7`
	qCloseGrants = closeGrants + `in (select value from json_each($7))`
)

// delta applies one change. It refuses before it writes anything.
type delta struct {
	*session
	c  membership.MemberChange
	at time.Time // of what it writes

	open, close []memberFact
}

// memberFact is a user in the group, and what is to be written or ended.
type memberFact struct {
	user, grant membership.ID
	row         int64
	since       time.Time // of other sources' grants; zero: there are none
}

func (e *sqliteEngine) changeMembers(ctx context.Context, q querier, c membership.MemberChange) (r membership.MemberResult, err error) {
	d := delta{session: &session{querier: q, engine: e, tenant: c.Call.Tenant}, c: c, at: c.At}
	if r.Version, r.LastModified, err = d.standing(ctx); err != nil {
		return r, err
	}
	if c.IfVersion != 0 && c.IfVersion != r.Version {
		return r, versionMismatch(r.Version)
	}
	if err := d.look(ctx); err != nil {
		return r, err
	}
	if err := d.openGrants(ctx); err != nil {
		return r, err
	}
	if err := d.closeGrants(ctx); err != nil {
		return r, err
	}
	r.Opened, r.Closed = len(d.open), len(d.close)
	if r.Opened+r.Closed > 0 && !c.Connection.IsZero() {
		err = d.raise(ctx, &r)
	}
	return r, err
}

// standing is the version of the link and when it was modified. Whoever shares a
// transaction looks once.
func (d *delta) standing(ctx context.Context) (version int64, modified time.Time, err error) {
	shared, _ := d.querier.(patient)
	if s, ok := shared.standings[d.link()]; ok {
		return s.version, s.modified, nil
	}
	q, args := qGroupStanding, []any{d.tenant, d.c.Group}
	if !d.c.Connection.IsZero() {
		q, args = qLinkStanding, append(args, d.c.Connection)
	}
	if err := d.one(ctx, "group", q, args, &version, (*stamp)(&modified)); err != nil {
		return 0, time.Time{}, err
	}
	if shared.standings != nil {
		shared.standings[d.link()] = standing{version: version, modified: modified}
	}
	return version, modified, nil
}

// look finds out what there is to do, and moves the time of the change behind
// whatever happened to the same users in the same group, whenever the request
// came in.
func (d *delta) look(ctx context.Context) error {
	var unknown []membership.ID
	if len(d.c.Check) > 0 && !d.c.Kept {
		var err error
		if unknown, err = d.UnknownMembers(ctx, d.c.Connection, d.c.Check); err != nil {
			return err
		}
	}
	opening, err := d.facts(ctx, d.c.Open, !d.c.Kept)
	if err != nil {
		return err
	}
	for _, f := range opening {
		switch {
		case !f.known:
			unknown = append(unknown, f.user)
		case f.row == 0:
			f.grant = membership.NewID()
			d.open = append(d.open, f.memberFact)
			d.after(f)
		}
	}
	if len(unknown) > 0 {
		slices.SortFunc(unknown, membership.ID.Compare)
		return unknownMembers(slices.Compact(unknown))
	}
	closing, err := d.facts(ctx, d.c.Close, false)
	for _, f := range closing {
		if f.row != 0 {
			d.close = append(d.close, f.memberFact)
			d.after(f)
		}
	}
	return err
}

func (d *delta) after(f foundFact) {
	if last := latest(f.opened, f.closed); !last.IsZero() {
		d.at = latest(d.at, last.Add(time.Microsecond))
	}
}

type foundFact struct {
	memberFact
	known, beside  bool
	opened, closed time.Time // when something last happened to them in the group
}

// also adds what another row of the same user tells.
func (f *foundFact) also(other foundFact) {
	if other.row == 0 {
		return
	}
	if !other.beside {
		f.row, f.grant = other.row, other.grant
	} else if f.since.IsZero() || other.since.Before(f.since) {
		f.since = other.since
	}
	f.opened = latest(f.opened, other.opened)
}

// facts are those of users; ask: whether the source knows them.
func (d *delta) facts(ctx context.Context, users []membership.ID, ask bool) ([]foundFact, error) {
	if len(users) == 0 {
		return nil, nil
	}
	q := qMemberFacts
	if ask {
		if q = qLinkedFacts; d.c.Connection.IsZero() {
			q = qLocalFacts
		}
	}
	found := make([]foundFact, 0, len(users))
	for f, err := range stream(ctx, d.session, q, []any{d.tenant, d.c.Group, d.c.Connection, users}, func(f *foundFact) []any {
		return []any{&f.user, &f.known, &f.row, &f.grant, &f.beside, (*stamp)(&f.since), (*stamp)(&f.opened), (*stamp)(&f.closed)}
	}) {
		if err != nil {
			return nil, err
		}
		if n := len(found); n == 0 || found[n-1].user != f.user {
			found = append(found, foundFact{memberFact: memberFact{user: f.user}, known: f.known, closed: f.closed})
		}
		found[len(found)-1].also(f)
	}
	return found, nil
}

func (d *delta) openGrants(ctx context.Context) error {
	if len(d.open) == 0 {
		return nil
	}
	actor, call := d.c.Call.Actor, d.c.Call
	args := []any{d.tenant, d.c.Group, d.c.Connection, stamp(d.at), string(actor.Kind), actor.ID, call.RequestID, call.Reason}
	var rows memberRows
	for _, f := range d.open {
		if f.since.IsZero() && len(d.open) > 1 {
			rows = append(append(rows, f.user[:]...), f.grant[:]...)
			continue
		}
		since := d.at
		if !f.since.IsZero() {
			since = f.since
		}
		if _, err := d.exec(ctx, qOpenGrant, append(args, stamp(since), f.user, f.grant)...); err != nil {
			return err
		}
	}
	if len(rows) > 0 {
		if _, err := d.exec(ctx, qOpenGrants, append(args, rows)...); err != nil {
			return err
		}
	}
	return d.events(ctx, membership.ActionGrantOpened, d.open)
}

func (d *delta) closeGrants(ctx context.Context) error {
	if len(d.close) == 0 {
		return nil
	}
	actor, call := d.c.Call.Actor, d.c.Call
	q, which := qCloseGrant, any(d.close[0].row)
	if len(d.close) > 1 {
		b := []byte{'['}
		for i, f := range d.close {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, f.row, 10)
		}
		q, which = qCloseGrants, string(append(b, ']'))
	}
	if _, err := d.exec(ctx, q, d.tenant, stamp(d.at), string(actor.Kind), actor.ID, call.RequestID, call.Reason, which); err != nil {
		return err
	}
	return d.events(ctx, membership.ActionGrantClosed, d.close)
}

func (d *delta) events(ctx context.Context, action membership.Action, facts []memberFact) error {
	m := memberEvents{of: d.c.Call.Event(d.at, action, d.c.Group, membership.ID{}, nil, nil), side: membership.SourceSCIM}
	if d.c.Connection.IsZero() {
		m.side = membership.SourceLocal
	}
	m.members = make([]byte, 0, len(facts)*memberEventSize)
	for _, f := range facts {
		m.members = appendMemberEvent(m.members, f.user, f.grant, !f.since.IsZero())
	}
	return d.insertMemberEvents(ctx, m)
}

func (d *delta) link() memberLine { return memberLine{d.tenant, d.c.Connection, d.c.Group} }

// raise makes a new version of the link.
func (d *delta) raise(ctx context.Context, r *membership.MemberResult) error {
	r.Version++
	r.LastModified = latest(d.at, r.LastModified.Add(time.Microsecond))
	if shared, ok := d.querier.(patient); ok && shared.standings != nil {
		shared.standings[d.link()] = standing{version: r.Version, modified: r.LastModified, raised: true}
		return nil
	}
	return d.changed(ctx, "group", qRaiseVersion, d.tenant, d.c.Connection, d.c.Group, r.Version, stamp(r.LastModified))
}

// memberRows are users, each with the id of a grant: 32 bytes a row.
type memberRows []byte

const memberRowSize = 32
