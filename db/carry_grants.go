package db

import (
	"context"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The next grants of before, with the numbers in their keys and with the events that
// opened and closed them, where there are any.
const carryGrantsBefore = `select b.group_id, b.user_id, b.id, b.connection_id, b.member_since,
		b.opened_at, b.opened_by_kind, b.opened_by_id, b.opened_request, b.opened_reason,
		b.closed_at, coalesce(b.closed_by_kind, ''), coalesce(b.closed_by_id, ''),
		coalesce(b.closed_request, ''), coalesce(b.closed_reason, ''),
		x.no, coalesce(c.no, 0), coalesce(oe.position, 0), coalesce(oe.body, ''), coalesce(ot.text, ''),
		coalesce(ce.position, 0), coalesce(ce.body, ''), coalesce(ct.text, '')
	from (select * from grants_before b where b.tenant_id = $1 and (b.group_id, b.user_id, b.id) > ($2, $3, $4)
		order by b.group_id, b.user_id, b.id limit $5) b
	join groups x on x.tenant_id = $1 and x.id = b.group_id
	left join connections c on c.tenant_id = $1 and c.id = b.connection_id
	left join grant_events_before o on o.tenant_id = $1 and o.grant_id = b.id and o.closed = $6
	left join events oe on oe.tenant_id = $1 and oe.position = o.position
	left join event_texts ot on ot.tenant_id = $1 and ot.position = o.position and ot.field = 'reason'
	left join grant_events_before k on k.tenant_id = $1 and k.grant_id = b.id and k.closed = $7
	left join events ce on ce.tenant_id = $1 and ce.position = k.position
	left join event_texts ct on ct.tenant_id = $1 and ct.position = k.position and ct.field = 'reason'
	order by b.group_id, b.user_id, b.id`

type grantBefore struct {
	membership.Grant
	groupNo, connectionNo int64
	opened, closed        eventOfGrant
}

// eventOfGrant is the event of an opening or a closing; position 0: there is none.
type eventOfGrant struct {
	position     int64
	body, reason string
}

func (g *grantBefore) dest() []any {
	return []any{
		&g.Group, &g.User, &g.ID, &g.Connection, (*stamp)(&g.MemberSince),
		(*stamp)(&g.OpenedAt), (*string)(&g.OpenedBy.Kind), &g.OpenedBy.ID, &g.OpenedRequest, &g.OpenedReason,
		(*stamp)(&g.ClosedAt), (*string)(&g.ClosedBy.Kind), &g.ClosedBy.ID, &g.ClosedRequest, &g.ClosedReason,
		&g.groupNo, &g.connectionNo, &g.opened.position, &g.opened.body, &g.opened.reason,
		&g.closed.position, &g.closed.body, &g.closed.reason,
	}
}

const (
	carryGrant = `insert into grants
		(tenant_id, group_no, user_id, connection_no, id, member_since, opened_at, opened_event)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`
	carryPast = `insert into past_grants
		(tenant_id, group_no, user_id, closed_event,
			connection_no, id, member_since, opened_at, opened_event, closed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	carryChanged = `update groups set members_changed_at = $3
		where tenant_id = $1 and no = $2 and (members_changed_at is null or members_changed_at < $3)`
	carryDropBefore = `delete from grants_before where tenant_id = $1
		and (group_id, user_id, id) > ($2, $3, $4) and (group_id, user_id, id) <= ($5, $6, $7)`
	carryInsertCarrier = `insert into events (tenant_id, position, group_id, user_id, body, members)
		values ($1, $2, $3, $4, $5, $6)`
)

// carryGrants carries a tenant's grants over. A row that was carried over is deleted
// in the same step.
func (s *Store) carryGrants(ctx context.Context, tenant membership.ID, p *carryProgress) error {
	var last membership.Grant
	for {
		var rows []grantBefore
		if err := s.update(ctx, tenant, func(s *session) (err error) {
			rows, err = s.carryGrantsAfter(ctx, last)
			return err
		}); err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		last = rows[len(rows)-1].Grant
		p.add(0, len(rows))
	}
	if err := s.update(ctx, tenant, func(s *session) error { return s.countMembers(ctx) }); err != nil {
		return err
	}
	return s.update(ctx, tenant, func(s *session) error { return s.noteEndedLinks(ctx) })
}

func (s *session) carryGrantsAfter(ctx context.Context, last membership.Grant) ([]grantBefore, error) {
	rows, err := list(ctx, s, carryGrantsBefore,
		[]any{s.tenant, last.Group, last.User, last.ID, carryStep, false, true},
		func(g *grantBefore) []any { return g.dest() })
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var open, past, carriers [][]any
	changed := map[int64]time.Time{}
	var least int64
	if err := s.one(ctx, "event", `select {least position $1}`, []any{s.tenant}, &least); err != nil {
		return nil, err
	}
	// carrier is an event that was never in the log: it tells what the row of a grant
	// told and no event does.
	carrier := func(
		g *grantBefore, action membership.Action, at time.Time, by membership.Actor, request, reason string,
	) (int64, error) {
		least--
		call := membership.Call{Tenant: s.tenant, Actor: by, RequestID: request, Reason: reason}
		if by.Kind == membership.ActorConnection {
			call.Connection = g.Connection
		}
		c := membership.MemberChange{Call: call, Group: g.Group, Connection: g.Connection}
		e := c.Event(action)
		e.At, e.Members = at, []membership.EventMember{{User: g.User, Grant: g.ID}}
		of, err := eventRows(e)
		if err != nil {
			return 0, err
		}
		carriers = append(carriers,
			[]any{s.tenant, least, of[0].group, of[0].user, string(of[0].body), string(of[0].members)})
		return least, s.insertEventTexts(ctx, least, of[0].texts)
	}
	for i := range rows {
		g := &rows[i]
		opened, closed := g.opened.position, g.closed.position
		if !g.opened.says(g.OpenedBy, g.OpenedRequest, g.OpenedReason) {
			if opened, err = carrier(g, membership.ActionGrantOpened, g.OpenedAt, g.OpenedBy, g.OpenedRequest,
				g.OpenedReason); err != nil {
				return nil, err
			}
		}
		since := g.MemberSince
		if since.Equal(g.OpenedAt) {
			since = time.Time{}
		}
		changed[g.groupNo] = latest(changed[g.groupNo], latest(g.OpenedAt, g.ClosedAt))
		if g.ClosedAt.IsZero() {
			open = append(open,
				[]any{s.tenant, g.groupNo, g.User, g.connectionNo, g.ID, micros(since), micros(g.OpenedAt), opened})
			continue
		}
		if !g.closed.says(g.ClosedBy, g.ClosedRequest, g.ClosedReason) {
			if closed, err = carrier(g, membership.ActionGrantClosed, g.ClosedAt, g.ClosedBy, g.ClosedRequest,
				g.ClosedReason); err != nil {
				return nil, err
			}
		}
		past = append(past, []any{
			s.tenant, g.groupNo, g.User, closed, g.connectionNo, g.ID, micros(since), micros(g.OpenedAt), opened,
			micros(g.ClosedAt),
		})
	}
	groups := make([][]any, 0, len(changed))
	for no, at := range changed {
		groups = append(groups, []any{s.tenant, no, micros(at)})
	}
	for _, of := range []struct {
		q    string
		rows [][]any
	}{{carryInsertCarrier, carriers}, {carryGrant, open}, {carryPast, past}, {carryChanged, groups}} {
		if err := s.execEach(ctx, of.q, of.rows); err != nil {
			return nil, err
		}
	}
	end := rows[len(rows)-1]
	_, err = s.exec(ctx, carryDropBefore, s.tenant, last.Group, last.User, last.ID, end.Group, end.User, end.ID)
	return rows, err
}

// says reports whether the event tells what the row of the grant did.
func (e *eventOfGrant) says(by membership.Actor, request, reason string) bool {
	if e.position == 0 {
		return false
	}
	actor, requested, err := parseEventHead([]byte(e.body))
	return err == nil && actor == by && requested == request && e.reason == reason
}

const (
	carryCountMembers = `select c.id, x.id, o.n from (
			select group_no, connection_no, count(*) as n from grants
			where tenant_id = $1 and connection_no > 0 group by group_no, connection_no) o
		join groups x on x.tenant_id = $1 and x.no = o.group_no
		join connections c on c.tenant_id = $1 and c.no = o.connection_no`
	carrySetMembers = `update group_links set members = $4
		where tenant_id = $1 and connection_id = $2 and group_id = $3`
)

// countMembers counts the open grants of each link.
func (s *session) countMembers(ctx context.Context) error {
	type row struct {
		connection, group membership.ID
		n                 int
	}
	counts, err := list(ctx, s, carryCountMembers, []any{s.tenant}, func(r *row) []any {
		return []any{&r.connection, &r.group, &r.n}
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(counts, carryStep) {
		rows := make([][]any, len(part))
		for i, c := range part {
			rows[i] = []any{s.tenant, c.connection, c.group, c.n}
		}
		if err := s.execEach(ctx, carrySetMembers, rows); err != nil {
			return err
		}
	}
	return nil
}
