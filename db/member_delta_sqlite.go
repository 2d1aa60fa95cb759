package db

import (
	"context"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/db/sqlite"
	"github.com/scimbridge/scimbridge/membership"
)

// The member delta in plain statements, for an engine where a statement costs
// no round trip and one transaction writes at a time: a few for each user, who come
// in the order of the keys. On PostgreSQL the function write_members does the same.
const (
	qGroupOfLocal = `select g.no, g.members_changed_at, 0, 0, null, 0 from groups g
		where g.tenant_id = $1 and g.id = $2 and g.deleted_at is null`
	qGroupOfLink = `select g.no, g.members_changed_at, c.no, l.version, l.last_modified, l.members
		from groups g join group_links l on l.tenant_id = $1 and l.connection_id = $3 and l.group_id = g.id
		join connections c on c.tenant_id = $1 and c.id = $3 and (c.removed_at is null or $4)
		where g.tenant_id = $1 and g.id = $2 and g.deleted_at is null`

	// A row for each open grant of a user in the group.
	qGrantsOfMember = `select connection_no, id, coalesce(member_since, opened_at), member_since, opened_at,
			opened_event, expires_at from grants
		where tenant_id = $1 and group_no = $2 and user_id = $3`
	qKnowsLink = `select count(*) from user_links where tenant_id = $1 and connection_id = $2 and user_id = $3`
	qKnowsUser = `select count(*) from users where tenant_id = $1 and id = $3 and (deleted_at is null) is true`

	qOpenGrant = `insert into grants (tenant_id, group_no, user_id, connection_no, id, member_since, opened_at,
			opened_event)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`
	// Without the plus SQLite compares the argument with the condition of grants_local,
	// and plans the statement anew for each row.
	qEndGrant  = `delete from grants where tenant_id = $1 and group_no = $2 and user_id = $3 and connection_no = +$4`
	insertPast = `insert into past_grants
		(tenant_id, group_no, user_id, closed_event, connection_no, id, member_since, opened_at, opened_event,
			closed_at)`
	qPastGrant = insertPast + ` values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
)

// sqliteDelta carries out changes in transactions that they share with other
// writes.
type sqliteDelta struct {
	store  *Store
	engine *sqlite.Engine
}

func (d *sqliteDelta) change(
	ctx context.Context, s *session, c membership.MemberChange,
) (membership.MemberResult, error) {
	return d.changeShared(ctx, s, nil, c)
}

func (d *sqliteDelta) write(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	const small = 1000
	w := &memberWrite{change: c}
	err := d.engine.Write(ctx, sqlite.Write{
		Run: func(t engine.Tx, v *sqlite.Versions) error {
			in := &session{tx: t, store: d.store, tenant: c.Call.Tenant}
			in.UseClock(func() time.Time { return c.At })
			return d.writeShared(ctx, in, v, w)
		},
		// It refuses before it writes. Only what takes long can be given up later.
		Savepoint: len(c.Open)+len(c.Close) > small,
	})
	return w.result, err
}

func (d *sqliteDelta) writeShared(ctx context.Context, s *session, v *sqlite.Versions, w *memberWrite) (err error) {
	if w.change.Judge == nil {
		w.result, err = d.changeShared(ctx, s, v, w.change)
		return err
	}
	errs, err := writeJudged(ctx, s, []*memberWrite{w},
		func(context.Context, *session, []*memberWrite) ([]error, error) {
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
	versions *sqlite.Versions
	link     *sqlite.Link
	at       time.Time // of what it writes: after all that was done in the group

	open, close []memberFact
	written     []membership.ID // events
}

// memberFact is a user in the group, and the grant that is to be opened or closed.
type memberFact struct {
	user, grant   membership.ID
	since, opened stamp // since is zero: opened
	event         int64 // that opened it
	still         bool  // another grant makes them a member
	ends          stamp // zero: none of the user's grants in the group ends
}

// changeShared carries out a change in a transaction that others may share.
func (d *sqliteDelta) changeShared(
	ctx context.Context, s *session, v *sqlite.Versions, c membership.MemberChange,
) (r membership.MemberResult, err error) {
	m := memberSteps{session: s, c: c, versions: v}
	if m.link, err = s.linkFor(ctx, v, c); err != nil {
		return r, err
	}
	r.Version, r.LastModified = m.link.Version, m.link.Modified
	if c.IfVersion != 0 && c.IfVersion != r.Version {
		return r, versionMismatch(r.Version)
	}
	m.at = after(c.At, m.link.Group.Changed)
	if err := m.look(ctx); err != nil {
		return r, err
	}
	if r.Held, err = m.guard(ctx); err != nil || r.Held != nil {
		return r, err
	}
	if err := m.write(ctx); err != nil {
		return r, err
	}
	r.Events = m.written
	if r.Opened, r.Closed = len(m.open), len(m.close); r.Opened+r.Closed == 0 {
		return r, nil
	}
	m.link.Group.Changed = m.at
	if !c.Connection.IsZero() {
		m.link.Version++
		m.link.Modified = after(m.at, m.link.Modified)
		m.link.Members += int64(r.Opened - r.Closed)
		r.Version, r.LastModified = m.link.Version, m.link.Modified
	}
	return r, v.Raised(ctx, s.tx, linkOf(c), m.link)
}

// after is a time, or the next one after last.
func after(t, last time.Time) time.Time {
	if last.IsZero() {
		return t
	}
	return latest(t, last.Add(time.Microsecond))
}

// linkFor is that of a change. It is read once in a shared transaction.
func (s *session) linkFor(ctx context.Context, v *sqlite.Versions, c membership.MemberChange) (*sqlite.Link, error) {
	at := linkOf(c)
	if l := v.Get(at); l != nil {
		return l, nil
	}
	q, args := qGroupOfLocal, []any{s.tenant, c.Group}
	if !c.Connection.IsZero() {
		q, args = qGroupOfLink, append(args, c.Connection, ending(c))
	}
	l := &sqlite.Link{Group: &sqlite.Group{}}
	if err := s.one(ctx, "group", q, args, &l.Group.No, (*stamp)(&l.Group.Changed), &l.ConnectionNo,
		&l.Version, (*stamp)(&l.Modified), &l.Members); err != nil {
		return nil, err
	}
	v.Read(at, l)
	return l, nil
}

// look finds out what there is to do.
func (m *memberSteps) look(ctx context.Context) error {
	var unknown []membership.ID
	for _, u := range known(m.c) {
		var n int
		q := qKnowsLink
		if m.c.Connection.IsZero() {
			q = qKnowsUser
		}
		if err := m.one(ctx, "user", q, []any{m.tenant, m.c.Connection, u}, &n); err != nil {
			return err
		}
		if n == 0 {
			unknown = append(unknown, u)
		}
	}
	if len(unknown) > 0 {
		return unknownMembers(unknown)
	}
	for _, u := range inOrder(m.c.Open) {
		f, found, err := m.fact(ctx, u)
		if err != nil {
			return err
		}
		if !found {
			f.grant = membership.NewID()
			m.open = append(m.open, f)
		}
	}
	for _, u := range inOrder(m.c.Close) {
		f, found, err := m.fact(ctx, u)
		if err != nil {
			return err
		}
		if found {
			m.close = append(m.close, f)
		}
	}
	return nil
}

func inOrder(users []membership.ID) []membership.ID {
	if len(users) < 2 {
		return users
	}
	users = slices.Clone(users)
	slices.SortFunc(users, membership.ID.Compare)
	return users
}

// fact is what is there of a user; found: a grant of this source is open.
func (m *memberSteps) fact(ctx context.Context, user membership.ID) (f memberFact, found bool, err error) {
	f.user = user
	rs, err := m.query(ctx, qGrantsOfMember, m.tenant, m.link.Group.No, user)
	if err != nil {
		return f, false, err
	}
	defer rs.Close()
	var beside stamp // since when others make them a member
	for rs.Next() {
		var g memberFact
		var connection int64
		var since stamp
		if err := rs.Scan(&connection, &g.grant, &since, &g.since, &g.opened, &g.event, &g.ends); err != nil {
			return f, false, err
		}
		if connection == 0 { // of the two kinds of grants, local ones end
			f.ends = g.ends
		}
		switch {
		case connection == m.link.ConnectionNo:
			found, f.grant, f.since, f.opened, f.event = true, g.grant, g.since, g.opened, g.event
		case !f.still || time.Time(since).Before(time.Time(beside)):
			f.still, beside = true, since
		}
	}
	if !found {
		f.since = beside
	}
	if err := rs.Err(); err != nil || time.Time(f.ends).IsZero() {
		return f, found, err
	}
	rs.Close()
	return f, found, m.refuseEnded(ctx, time.Time(f.ends))
}

// refuseEnded is the error of a grant that has ended: it is closed before anything
// changes of its member. On PostgreSQL the function refuse_ended does the same.
func (m *memberSteps) refuseEnded(ctx context.Context, ends time.Time) error {
	if ends.After(m.at) {
		var passed stamp
		err := m.one(ctx, "clock", qPassedAt, []any{m.tenant}, &passed)
		if err != nil || ends.After(time.Time(passed)) {
			return err
		}
	}
	return membersEnded(m.c.Group, slices.Concat(m.c.Open, m.c.Close), m.at)
}

// write writes the events and the grants, those that are opened first.
func (m *memberSteps) write(ctx context.Context) error {
	opened, err := m.events(ctx, membership.ActionGrantOpened, m.open)
	if err != nil {
		return err
	}
	for i, f := range m.open {
		if _, err := m.exec(ctx, qOpenGrant, m.tenant, m.link.Group.No, f.user, m.link.ConnectionNo, f.grant,
			micros(f.since), micros(m.at), opened[i/membership.MaxEventMembers]); err != nil {
			return err
		}
	}
	closed, err := m.events(ctx, membership.ActionGrantClosed, m.close)
	if err != nil {
		return err
	}
	for i, f := range m.close {
		if _, err := m.exec(ctx, qEndGrant, m.tenant, m.link.Group.No, f.user, m.link.ConnectionNo); err != nil {
			return err
		}
		if _, err := m.exec(ctx, qPastGrant, m.tenant, m.link.Group.No, f.user, closed[i/membership.MaxEventMembers],
			m.link.ConnectionNo,
			f.grant, micros(f.since), micros(f.opened), f.event, micros(m.at)); err != nil {
			return err
		}
	}
	return nil
}

// events are those of what is opened or closed, by their positions: the first has
// membership.MaxEventMembers of the members, and so on.
func (m *memberSteps) events(ctx context.Context, action membership.Action, facts []memberFact) ([]int64, error) {
	if len(facts) == 0 {
		return nil, nil
	}
	e := m.c.Event(action)
	e.At, e.Members = m.at, make([]membership.EventMember, len(facts))
	for i, f := range facts {
		e.Members[i] = membership.EventMember{User: f.user, Grant: f.grant, Still: f.still}
	}
	for i := range (len(facts) + membership.MaxEventMembers - 1) / membership.MaxEventMembers {
		m.written = append(m.written, nextID(e.ID, i))
	}
	return m.insertMemberEvents(ctx, e)
}
