package db

import (
	"context"
	"math/bits"

	"github.com/scimbridge/scimbridge/membership"
)

// An event is written with its change and gets a number later: event_numbers.go.
const (
	qInsertEvent = `insert into events (tenant_id, number, group_id, user_id, body, members, position)
		values ($1, $2, $3, $4, $5, $6, {position $1})`
	returnPositions = ` returning position`
)

// eventRow is an event as it is kept.
type eventRow struct {
	number      int64 // 0: none yet
	group, user membership.ID
	body        []byte
	members     []byte
	texts       hiddenTexts
}

// eventRows are those of an event: more than one where it has more members than
// one may have. The ids of the others count up from its own.
func eventRows(e membership.Event) (rows []eventRow, err error) {
	texts, err := hideTexts(&e)
	if err != nil {
		return nil, err
	}
	if err := fitEvent(&e); err != nil {
		return nil, err
	}
	members, id := e.Members, e.ID
	for i := 0; i == 0 || len(members) > 0; i++ {
		e.ID, e.Members = nextID(id, i), members[:min(len(members), membership.MaxEventMembers)]
		members = members[len(e.Members):]
		of := e
		if len(e.Members) == 1 {
			of.User = e.Members[0].User
		}
		r := eventRow{number: e.Number, group: of.Group, user: of.User, body: appendEventBody(nil, of, texts),
			texts: texts}
		if len(e.Members) > 0 {
			r.members = appendEventMembers(nil, e.Members)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// AppendEvents implements membership.Tx.
func (s *session) AppendEvents(ctx context.Context, events ...membership.Event) error {
	rows, known := make([]eventRow, 0, len(events)), false
	for _, e := range events {
		of, err := eventRows(e)
		if err != nil {
			return err
		}
		rows, known = append(rows, of...), known || len(of[0].texts) > 0
	}
	if known {
		_, err := s.insertEvents(ctx, rows)
		return err
	}
	return inParts(rows, func(part []eventRow) error {
		q, args := s.eventsInsert(part)
		return s.execLater(ctx, q, args...)
	})
}

// insertMemberEvents writes the events of a change of members, as many as they are,
// and returns their positions: a member with the index i is in the one with the
// index i / membership.MaxEventMembers.
func (s *session) insertMemberEvents(ctx context.Context, e membership.Event) (positions []int64, err error) {
	rows, err := eventRows(e)
	if err != nil {
		return nil, err
	}
	return s.insertEvents(ctx, rows)
}

// insertEvents writes events and what they hide.
func (s *session) insertEvents(ctx context.Context, rows []eventRow) (positions []int64, err error) {
	err = inParts(rows, func(part []eventRow) error {
		q, args := s.eventsInsert(part)
		at, err := list(ctx, s, q+returnPositions, args, func(p *int64) []any { return []any{p} })
		if err != nil {
			return err
		}
		positions = append(positions, at...)
		for i, r := range part {
			if err := s.insertEventTexts(ctx, at[i], r.texts); err != nil {
				return err
			}
		}
		return nil
	})
	return positions, err
}

func (s *session) eventsInsert(rows []eventRow) (q string, args []any) {
	c := newWhere(s.tenant)
	for i, r := range rows {
		first := len(c.args) + 1
		c.args = append(c.args, numberOrNull(r.number), orNull(r.group), orNull(r.user), string(r.body),
			textOrNull(r.members))
		if i > 0 {
			c.row(first, 5, "{position $1})")
		}
	}
	return qInsertEvent + c.String(), c.args
}

// orNull is an id as an argument; NULL for zero.
func orNull(id membership.ID) any {
	if id.IsZero() {
		return nil
	}
	return id
}

func numberOrNull(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

func textOrNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return string(b)
}

// inParts gives rows to write by powers of two: few texts of statements, and few
// statements.
func inParts[T any](rows []T, write func([]T) error) error {
	for len(rows) > 0 {
		n := min(1<<(bits.Len(uint(len(rows)))-1), 256)
		if err := write(rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
