package db

import (
	"context"
	"math/bits"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const eventColumns = `id, at, actor_kind, actor_id, credential, source, connection_id, action,
	group_id, user_id, before, after, request_id, reason`

// An event is written with a position, and has a number later; what is unpacked
// where numbers are given has one at once.
const (
	insertEvent    = `insert into events (tenant_id, ` + eventColumns
	insertPosition = insertEvent + `, position) values `
	insertNumber   = insertEvent + `, number) values `
	eventValues    = `($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, `
	eventPosition  = `{position $1})`
	qInsertEvent   = insertPosition + eventValues + eventPosition
	qInsertNumber  = insertNumber + eventValues + `$16)`
)

func (s *session) eventArgs(args []any, e membership.Event) []any {
	return append(args, s.tenant, e.ID, stamp(e.At), string(e.Actor.Kind), e.Actor.ID, e.Credential.String(),
		string(e.Source), e.Connection, string(e.Action), e.Group, e.User,
		string(e.Before), string(e.After), e.RequestID, e.Reason)
}

// AppendEvents implements membership.Tx.
func (s *session) AppendEvents(ctx context.Context, events ...membership.Event) error {
	return inParts(events, func(part []membership.Event) error {
		c := newWhere()
		for i, e := range part {
			first := len(c.args) + 1
			c.args = s.eventArgs(c.args, e)
			if i > 0 {
				c.row(first, eventArguments, eventPosition)
			}
		}
		return s.execLater(ctx, qInsertEvent+c.String(), c.args...)
	})
}

// insertNumbered writes events that have numbers already.
func (s *session) insertNumbered(ctx context.Context, events []membership.Event) error {
	return inParts(events, func(part []membership.Event) error {
		c := newWhere()
		for i, e := range part {
			first := len(c.args) + 1
			c.args = s.eventArgs(c.args, e)
			number := c.arg(e.Number)
			if i > 0 {
				c.row(first, eventArguments, number+")")
			}
		}
		return s.execLater(ctx, qInsertNumber+c.String(), c.args...)
	})
}

// eventArguments is how many eventArgs adds.
const eventArguments = 15

// inParts gives rows to write by powers of two: few texts of statements, and few
// statements.
func inParts(events []membership.Event, write func([]membership.Event) error) error {
	for len(events) > 0 {
		n := min(1<<(bits.Len(uint(len(events)))-1), 256)
		if err := write(events[:n]); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
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
		&e.ID, (*stamp)(&e.At), (*string)(&e.Actor.Kind), &e.Actor.ID, &e.Credential, (*string)(&e.Source), &e.Connection,
		(*string)(&e.Action), &e.Group, &e.User, &e.Before, &e.After, &e.RequestID, &e.Reason,
	}
}
