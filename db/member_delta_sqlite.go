package db

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/db/sqlite"
	"github.com/scimbridge/scimbridge/membership"
)

// The member delta in plain statements, for an engine where a statement costs
// no round trip and one transaction writes at a time. On PostgreSQL the function
// write_members does the same. However many members a delta has, it is the same
// few statements; {pairs $n} are users, each with the id of a grant.
const (
	qGroupVersion = `select 0, null from groups g where g.tenant_id = $1 and g.id = $2 and g.deleted_at is null`
	qLinkVersion  = `select l.version, l.last_modified
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
	qOpenGrants = insertGrants + `select $1, $2, $3, $4, $5, $6, $7, $8, $4, n.user_id, n.grant_id from {pairs $9} n`

	// Without the sign any index that begins with the tenant would be as good as
	// the place of the row.
	closeGrants = `update or fail grants set closed_at = $2, closed_by_kind = $3, closed_by_id = $4, closed_request = $5, closed_reason = $6
		where +tenant_id = $1 and rowid `
	qCloseGrant  = closeGrants + `= $7`
	qCloseGrants = closeGrants + `in (select value from json_each($7))`
)

// sqliteDelta carries out changes in transactions that they share with other
// writes.
type sqliteDelta struct {
	store  *Store
	engine *sqlite.Engine
}

func (d *sqliteDelta) change(ctx context.Context, s *session, c membership.MemberChange) (membership.MemberResult, error) {
	return d.changeShared(ctx, s, nil, c)
}

func (d *sqliteDelta) write(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	const small = 1000
	w := &memberWrite{change: c}
	err := d.engine.Write(ctx, sqlite.Write{
		Run: func(t engine.Tx, v sqlite.Versions) error {
			return d.writeShared(ctx, &session{tx: t, store: d.store, tenant: c.Call.Tenant}, v, w)
		},
		// It refuses before it writes. Only what takes long can be given up later.
		Savepoint: len(c.Open)+len(c.Close) > small,
	})
	return w.result, err
}

func (d *sqliteDelta) writeShared(ctx context.Context, s *session, v sqlite.Versions, w *memberWrite) (err error) {
	if w.change.Judge == nil {
		w.result, err = d.changeShared(ctx, s, v, w.change)
		return err
	}
	errs, err := writeJudged(ctx, s, []*memberWrite{w}, func(context.Context, *session, []*memberWrite) ([]error, error) {
		w.result, err = d.changeShared(ctx, s, v, w.change)
		return []error{nil}, err
	})
	if err != nil {
		return err
	}
	return errs[0]
}

// memberSteps are those of one change. It refuses before it writes anything.
type memberSteps struct {
	*session
	c        membership.MemberChange
	versions sqlite.Versions
	at       time.Time // of what it writes

	open, close []memberFact
}

// memberFact is a user in the group, and what is to be written or ended.
type memberFact struct {
	user, grant membership.ID
	row         int64
	since       time.Time // of other sources' grants; zero: there are none
}

// changeShared carries out a change in a transaction that others may share.
func (d *sqliteDelta) changeShared(
	ctx context.Context, s *session, v sqlite.Versions, c membership.MemberChange,
) (r membership.MemberResult, err error) {
	m := memberSteps{session: s, c: c, versions: v, at: c.At}
	version, err := m.version(ctx)
	r.Version, r.LastModified = version.Number, version.Modified
	if err != nil {
		return r, err
	}
	if c.IfVersion != 0 && c.IfVersion != r.Version {
		return r, versionMismatch(r.Version)
	}
	if err := m.look(ctx); err != nil {
		return r, err
	}
	if err := m.openGrants(ctx); err != nil {
		return r, err
	}
	if err := m.closeGrants(ctx); err != nil {
		return r, err
	}
	r.Opened, r.Closed = len(m.open), len(m.close)
	if r.Opened+r.Closed > 0 && !c.Connection.IsZero() {
		r.Version++
		r.LastModified = latest(m.at, r.LastModified.Add(time.Microsecond))
		err = v.Raise(ctx, s.tx, linkOf(c), sqlite.Version{Number: r.Version, Modified: r.LastModified})
	}
	return r, err
}

// version is that of the link. It is read once in a shared transaction.
func (m *memberSteps) version(ctx context.Context) (sqlite.Version, error) {
	link := linkOf(m.c)
	if v, ok := m.versions.Get(link); ok {
		return v, nil
	}
	q, args := qGroupVersion, []any{m.tenant, m.c.Group}
	if !m.c.Connection.IsZero() {
		q, args = qLinkVersion, append(args, m.c.Connection)
	}
	var v sqlite.Version
	if err := m.one(ctx, "group", q, args, &v.Number, (*stamp)(&v.Modified)); err != nil {
		return sqlite.Version{}, err
	}
	m.versions.Read(link, v)
	return v, nil
}

// look finds out what there is to do, and moves the time of the change behind
// whatever happened to the same users in the same group, whenever the request
// came in.
func (m *memberSteps) look(ctx context.Context) error {
	var unknown []membership.ID
	if len(m.c.Check) > 0 && !m.c.UsersLocked {
		var err error
		if unknown, err = m.UnknownMembers(ctx, m.c.Connection, m.c.Check); err != nil {
			return err
		}
	}
	opening, err := m.facts(ctx, m.c.Open, !m.c.UsersLocked)
	if err != nil {
		return err
	}
	for _, f := range opening {
		switch {
		case !f.known:
			unknown = append(unknown, f.user)
		case f.row == 0:
			f.grant = membership.NewID()
			m.open = append(m.open, f.memberFact)
			m.after(f)
		}
	}
	if len(unknown) > 0 {
		slices.SortFunc(unknown, membership.ID.Compare)
		return unknownMembers(slices.Compact(unknown))
	}
	closing, err := m.facts(ctx, m.c.Close, false)
	for _, f := range closing {
		if f.row != 0 {
			m.close = append(m.close, f.memberFact)
			m.after(f)
		}
	}
	return err
}

func (m *memberSteps) after(f foundFact) {
	if last := latest(f.opened, f.closed); !last.IsZero() {
		m.at = latest(m.at, last.Add(time.Microsecond))
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

// facts are those of users; check: whether the source knows them.
func (m *memberSteps) facts(ctx context.Context, users []membership.ID, check bool) ([]foundFact, error) {
	if len(users) == 0 {
		return nil, nil
	}
	q := qMemberFacts
	if check {
		if q = qLinkedFacts; m.c.Connection.IsZero() {
			q = qLocalFacts
		}
	}
	found := make([]foundFact, 0, len(users))
	for f, err := range stream(ctx, m.session, q, []any{m.tenant, m.c.Group, m.c.Connection, users}, func(f *foundFact) []any {
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

func (m *memberSteps) openGrants(ctx context.Context) error {
	if len(m.open) == 0 {
		return nil
	}
	actor, call := m.c.Call.Actor, m.c.Call
	args := []any{m.tenant, m.c.Group, m.c.Connection, stamp(m.at), string(actor.Kind), actor.ID, call.RequestID, call.Reason}
	var pairs sqlite.Pairs
	for _, f := range m.open {
		if f.since.IsZero() && len(m.open) > 1 {
			pairs = pairs.Add(f.user, f.grant)
			continue
		}
		since := m.at
		if !f.since.IsZero() {
			since = f.since
		}
		if _, err := m.exec(ctx, qOpenGrant, append(args, stamp(since), f.user, f.grant)...); err != nil {
			return err
		}
	}
	if len(pairs) > 0 {
		if _, err := m.exec(ctx, qOpenGrants, append(args, pairs)...); err != nil {
			return err
		}
	}
	return m.events(ctx, membership.ActionGrantOpened, m.open)
}

func (m *memberSteps) closeGrants(ctx context.Context) error {
	if len(m.close) == 0 {
		return nil
	}
	actor, call := m.c.Call.Actor, m.c.Call
	q, which := qCloseGrant, any(m.close[0].row)
	if len(m.close) > 1 {
		b := []byte{'['}
		for i, f := range m.close {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, f.row, 10)
		}
		q, which = qCloseGrants, string(append(b, ']'))
	}
	if _, err := m.exec(ctx, q, m.tenant, stamp(m.at), string(actor.Kind), actor.ID, call.RequestID, call.Reason, which); err != nil {
		return err
	}
	return m.events(ctx, membership.ActionGrantClosed, m.close)
}

func (m *memberSteps) events(ctx context.Context, action membership.Action, facts []memberFact) error {
	e := m.c.Call.Event(m.at, action, m.c.Group, membership.ID{}, nil, nil)
	e.MemberSource = membership.SourceSCIM
	if m.c.Connection.IsZero() {
		e.MemberSource = membership.SourceLocal
	}
	for _, f := range facts {
		e.Members = append(e.Members, membership.EventMember{User: f.user, Grant: f.grant, Still: !f.since.IsZero()})
	}
	_, err := m.insertMemberEvents(ctx, e)
	return err
}
