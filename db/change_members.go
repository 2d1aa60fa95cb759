package db

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// ChangeMembers implements membership.Tx.
func (s *session) ChangeMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	return s.engine.changeMembers(ctx, s.querier, c)
}

const (
	qLinkVersion = `select version, last_modified from group_links
		where tenant_id = $1 and connection_id = $2 and group_id = $3`
	qStanding = `select max(case when closed_at is null and connection_id = $4 then id end),
			min(case when closed_at is null and connection_id <> $4 then member_since end),
			max(opened_at), max(closed_at)
		from grants where tenant_id = $1 and group_id = $2 and user_id = $3`
	qOpenGrant = `insert into grants (tenant_id, group_id, user_id, id, connection_id, member_since, opened_at,
			opened_by_kind, opened_by_id, opened_request, opened_reason)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	qCloseGrant = `update grants set closed_at = $5, closed_by_kind = $6, closed_by_id = $7,
			closed_request = $8, closed_reason = $9
		where tenant_id = $1 and group_id = $2 and user_id = $3 and id = $4`
	qRaiseVersion = `update group_links set version = version + 1, last_modified = $4
		where tenant_id = $1 and connection_id = $2 and group_id = $3`
)

// changeMembers is the member delta in plain statements, for an engine where a
// statement costs no round trip and one transaction writes at a time. On
// PostgreSQL the function change_members does the same.
func changeMembers(ctx context.Context, s *session, c membership.MemberChange) (r membership.MemberResult, err error) {
	if _, err := s.LockGroup(ctx, c.Group); err != nil {
		return r, err
	}
	local := c.Connection.IsZero()
	if !local {
		if err := s.one(ctx, "group", qLinkVersion, []any{s.tenant, c.Connection, c.Group},
			&r.Version, (*stamp)(&r.LastModified)); err != nil {
			return r, err
		}
		if c.IfVersion != 0 && c.IfVersion != r.Version {
			return r, versionMismatch(r.Version)
		}
	}
	if unknown, err := s.UnknownMembers(ctx, c.Connection, known(c)); err != nil {
		return r, err
	} else if len(unknown) > 0 {
		return r, unknownMembers(unknown)
	}
	d := delta{s: s, c: c, source: membership.SourceSCIM}
	if local {
		d.source = membership.SourceLocal
	}
	for _, u := range c.Open {
		if err := d.open(ctx, u, &r); err != nil {
			return r, err
		}
	}
	for _, u := range c.Close {
		if err := d.close(ctx, u, &r); err != nil {
			return r, err
		}
	}
	if r.Opened+r.Closed > 0 && !local {
		r.Version++
		r.LastModified = latest(c.At, r.LastModified.Add(time.Microsecond))
		err = s.changed(ctx, "group", qRaiseVersion, s.tenant, c.Connection, c.Group, stamp(r.LastModified))
	}
	return r, err
}

// delta applies one change, user by user.
type delta struct {
	s      *session
	c      membership.MemberChange
	source membership.Source
}

// standing is how a user stands in the group before a change.
type standing struct {
	own    membership.ID // the open grant of the change's connection, if there is one
	others time.Time     // since when others' grants make the user a member; zero: none do
	// at is when the change may be dated: not before anything that happened to
	// the same user in the same group, whatever time it was when the request
	// came in.
	at time.Time
}

func (d *delta) standing(ctx context.Context, user membership.ID) (st standing, err error) {
	var opened, closed stamp
	err = d.s.one(ctx, "grant", qStanding, []any{d.s.tenant, d.c.Group, user, d.c.Connection},
		&st.own, (*stamp)(&st.others), &opened, &closed)
	st.at = d.c.At
	if last := latest(time.Time(opened), time.Time(closed)); !last.IsZero() {
		st.at = latest(st.at, last.Add(time.Microsecond))
	}
	return st, err
}

func (d *delta) open(ctx context.Context, user membership.ID, r *membership.MemberResult) error {
	c, s := d.c, d.s
	st, err := d.standing(ctx, user)
	if err != nil || !st.own.IsZero() {
		return err
	}
	was, since := !st.others.IsZero(), st.others
	if !was {
		since = st.at
	}
	grant := membership.NewID()
	if _, err := s.exec(ctx, qOpenGrant, s.tenant, c.Group, user, grant, c.Connection, stamp(since), stamp(st.at),
		string(c.Call.Actor.Kind), c.Call.Actor.ID, c.Call.RequestID, c.Call.Reason); err != nil {
		return err
	}
	r.Opened++
	return d.event(ctx, st.at, membership.ActionGrantOpened, user, d.state(was, membership.ID{}), d.state(true, grant))
}

func (d *delta) close(ctx context.Context, user membership.ID, r *membership.MemberResult) error {
	c, s := d.c, d.s
	st, err := d.standing(ctx, user)
	if err != nil || st.own.IsZero() {
		return err
	}
	if err := s.changed(ctx, "grant", qCloseGrant, s.tenant, c.Group, user, st.own, stamp(st.at),
		string(c.Call.Actor.Kind), c.Call.Actor.ID, c.Call.RequestID, c.Call.Reason); err != nil {
		return err
	}
	r.Closed++
	still := !st.others.IsZero()
	return d.event(ctx, st.at, membership.ActionGrantClosed, user, d.state(true, st.own), d.state(still, membership.ID{}))
}

func (d *delta) event(
	ctx context.Context, at time.Time, action membership.Action, user membership.ID, before, after []byte,
) error {
	c := d.c
	return d.s.AppendEvents(ctx, membership.Event{
		Tenant: d.s.tenant, ID: membership.NewID(), At: at, Actor: c.Call.Actor,
		Source: c.Call.Source(), Connection: c.Call.Connection, Action: action,
		Group: c.Group, User: user, Before: before, After: after,
		RequestID: c.Call.RequestID, Reason: c.Call.Reason,
	})
}

// state is a member's before or after, with the grant that the event is about.
func (d *delta) state(member bool, grant membership.ID) []byte {
	b := strconv.AppendBool([]byte(`{"member":`), member)
	if !grant.IsZero() {
		b = append(b, `,"grant":"`...)
		b = grant.AppendText(b)
		b = append(b, `","source":"`+string(d.source)+`"`...)
	}
	return append(b, '}')
}

const qChangeMembers = `select status, version, last_modified, opened, closed, unknown from change_members(
	$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`

func (e *postgresEngine) changeMembers(ctx context.Context, q querier, c membership.MemberChange) (r membership.MemberResult, err error) {
	if q == nil {
		conn, err := e.pool.Acquire(ctx)
		if err != nil {
			return r, err
		}
		defer conn.Release()
		q = pgTx{conn.Conn()}
	}
	s := &session{querier: q, engine: e, tenant: c.Call.Tenant}
	var status string
	var modified stamp
	var unknown [][16]byte
	err = s.one(ctx, "group", qChangeMembers, []any{
		s.tenant, c.Group, c.Connection, c.IfVersion, stamp(c.At),
		c.Open, newIDs(len(c.Open)), newIDs(len(c.Open)), c.Close, newIDs(len(c.Close)), known(c),
		string(c.Call.Actor.Kind), c.Call.Actor.ID, string(c.Call.Source()), c.Call.Connection,
		c.Call.RequestID, c.Call.Reason,
	}, &status, &r.Version, &modified, &r.Opened, &r.Closed, &unknown)
	if err != nil {
		return r, err
	}
	r.LastModified = time.Time(modified)
	switch status {
	case "not_found":
		return r, membership.NotFound("group")
	case "version_mismatch":
		return r, versionMismatch(r.Version)
	case "unknown_members":
		ids := make([]membership.ID, len(unknown))
		for i, u := range unknown {
			ids[i] = u
		}
		return r, unknownMembers(ids)
	}
	return r, nil
}

// known are the users that must exist, each once.
func known(c membership.MemberChange) []membership.ID {
	if len(c.Check) == 0 {
		return c.Open
	}
	ids := slices.Concat(c.Open, c.Check)
	slices.SortFunc(ids, membership.ID.Compare)
	return slices.Compact(ids)
}

func newIDs(n int) []membership.ID {
	ids := make([]membership.ID, n)
	for i := range ids {
		ids[i] = membership.NewID()
	}
	return ids
}

func unknownMembers(ids []membership.ID) error {
	slices.SortFunc(ids, membership.ID.Compare)
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return membership.UnknownMembers(texts)
}

func versionMismatch(have int64) error {
	return &membership.Error{
		Kind:    membership.KindVersionMismatch,
		Message: "the resource has changed: its version is " + strconv.FormatInt(have, 10),
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
