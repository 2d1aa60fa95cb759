package db

import (
	"context"
	"math/bits"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const eventColumns = `id, at, actor_kind, actor_id, source, connection_id, action,
	group_id, user_id, before, after, request_id, reason`

const qInsertEvent = `insert into events (tenant_id, ` + eventColumns + `) values ` +
	`($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`

// AppendEvents implements membership.Tx.
func (s *session) AppendEvents(ctx context.Context, events ...membership.Event) error {
	for len(events) > 0 {
		// Rows by powers of two: few texts of statements, and few statements.
		n := min(1<<(bits.Len(uint(len(events)))-1), 256)
		c := conditions{args: make([]any, 0, n*14)}
		for i, e := range events[:n] {
			c.args = append(c.args, s.tenant, e.ID, stamp(e.At), string(e.Actor.Kind), e.Actor.ID,
				string(e.Source), e.Connection, string(e.Action), e.Group, e.User,
				string(e.Before), string(e.After), e.RequestID, e.Reason)
			if i > 0 {
				c.row(i*14+1, 14)
			}
		}
		if err := s.execSoon(ctx, qInsertEvent+c.String(), c.args...); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

const (
	qEventsOf    = `select ` + eventColumns + ` from events where tenant_id = $1 and (at, id) > ($2, $3)`
	qEventsEnd   = ` order by at, id limit $4`
	qEvents      = qEventsOf + qEventsEnd
	qEventsGroup = qEventsOf + ` and group_id = $5` + qEventsEnd
	qEventsUser  = qEventsOf + ` and user_id = $5` + qEventsEnd
	qEventsBoth  = qEventsOf + ` and group_id = $5 and user_id = $6` + qEventsEnd
)

// Events implements membership.Reader.
func (s *session) Events(ctx context.Context, q membership.EventQuery) ([]membership.Event, error) {
	query, args := qEvents, []any{s.tenant, stamp(since(q.After.At)), q.After.ID, q.Limit}
	switch {
	case !q.Group.IsZero() && !q.User.IsZero():
		query, args = qEventsBoth, append(args, q.Group, q.User)
	case !q.Group.IsZero():
		query, args = qEventsGroup, append(args, q.Group)
	case !q.User.IsZero():
		query, args = qEventsUser, append(args, q.User)
	}
	es, err := list(ctx, s, query, args, func(e *membership.Event) []any {
		e.Tenant = s.tenant
		return eventDest(e)
	})
	if err != nil {
		return nil, err
	}
	rolled, err := s.rolledEvents(ctx, q)
	if err != nil || len(rolled) == 0 {
		return es, err
	}
	es = append(es, rolled...)
	slices.SortFunc(es, func(a, b membership.Event) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return a.ID.Compare(b.ID)
	})
	return es[:min(len(es), q.Limit)], nil
}

// since is the time to look after: a zero one is older than any event, and
// not NULL.
func since(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0)
	}
	return t
}

func eventDest(e *membership.Event) []any {
	return []any{
		&e.ID, (*stamp)(&e.At), (*string)(&e.Actor.Kind), &e.Actor.ID, (*string)(&e.Source), &e.Connection,
		(*string)(&e.Action), &e.Group, &e.User, &e.Before, &e.After, &e.RequestID, &e.Reason,
	}
}
