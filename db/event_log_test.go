package db_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// newLog is a tenant with nothing but its log.
func newLog(t *testing.T, s *db.Store) *dbtest.Tenant {
	w := &dbtest.Tenant{T: t, Ctx: context.Background(), Store: s, ID: membership.NewID()}
	w.Update(func(tx membership.Tx) error {
		return tx.InsertTenant(w.Ctx, membership.Tenant{ID: w.ID, Name: "t", CreatedAt: dbtest.Now()})
	})
	return w
}

func appendEvents(w *dbtest.Tenant, events ...membership.Event) {
	w.Update(func(tx membership.Tx) error { return tx.AppendEvents(w.Ctx, events...) })
}

func someMembers(n int) (members []membership.EventMember) {
	for i := range n {
		members = append(members,
			membership.EventMember{User: membership.NewID(), Grant: membership.NewID(), Still: i%3 == 1})
	}
	return members
}

// Whatever an event says is read as it was written; what may be personal is in the
// texts and nowhere else.
func TestEventsAreReadAsTheyWereWritten(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newLog(t, s)
		const secret, external = `left after "harassment" by ✂ x`, "E-4711"
		full := membership.Event{
			Tenant: w.ID, ID: membership.NewID(), At: dbtest.Now(),
			Actor: membership.Actor{Kind: "user", ID: `auth0|"é` + "\u2028"},
			Credential: membership.Credential{Kind: membership.CredentialJWT, Owner: membership.NewID(),
				Subject: "a:b"},
			Source: membership.SourceLocal, Connection: membership.NewID(), Action: membership.ActionUserLinked,
			Group: membership.NewID(), User: membership.NewID(),
			Before: []byte(`{"active":true,"external_id":"` + external + `0"}`),
			After:  []byte(`{"active":false,"external_id":"` + external + `1"}`), RequestID: "r 1\n", Reason: secret,
		}
		one := membership.Event{
			Tenant: w.ID, ID: membership.NewID(), At: dbtest.Now(), Action: membership.ActionGrantOpened,
			Source:       membership.SourceLocal,
			MemberSource: membership.SourceSCIM, Group: full.Group, Members: someMembers(1),
		}
		many := one
		many.ID, many.Members, many.Reason = membership.NewID(), someMembers(2*membership.MaxEventMembers+1), secret
		appendEvents(w, full, one, membership.Event{ID: membership.NewID(), At: dbtest.Now()}, many)
		w.NumberBy(3)

		events := w.Numbered(0)
		require.Len(t, events, 6)
		full.Number = 1
		require.Len(t, events[0].Disclosed, 3)
		events[0].Disclosed = nil
		require.Equal(t, full, events[0])
		one.Number, one.User = 2, one.Members[0].User
		require.Equal(t, one, events[1])
		ids := map[membership.ID]bool{}
		var members []membership.EventMember
		for _, e := range events[3:] {
			require.Equal(t, secret, e.Reason)
			members, ids[e.ID] = append(members, e.Members...), true
		}
		require.Equal(t, many.Members, members)
		require.Equal(t, many.Members[2*membership.MaxEventMembers].User, events[5].User)
		require.Zero(t, events[4].User)
		require.Len(t, ids, 3)
		require.Equal(t, many.ID, events[3].ID)

		bodies, err := s.Query(w.Ctx, w.ID,
			`select body || coalesce(members, '') from events where tenant_id = $1`, w.ID)
		require.NoError(t, err)
		require.Len(t, bodies, 6)
		for _, b := range bodies {
			require.NotContains(t, b, "harassment")
			require.NotContains(t, b, external)
			require.NotContains(t, b, "\n")
			require.LessOrEqual(t, len(b), 65_535-120)
		}
		// What is taken away is gone, and the event is as readable as before.
		require.NoError(t, s.Exec(w.Ctx, w.ID, `delete from event_texts where tenant_id = $1`, w.ID))
		again := w.Numbered(0)
		require.Empty(t, again[0].Reason)
		require.Empty(t, again[0].Disclosed)
		require.Regexp(t, `^{"active":false,"external_id_sha256":"[0-9a-f]{64}"}$`, string(again[0].After))
		require.Equal(t, members[:membership.MaxEventMembers], again[3].Members)
	})
}

// Whatever a request says of itself and its facts are: the line of an event is never
// longer than a leaf of the log may be.
func TestAnEventIsNeverTooLong(t *testing.T) {
	const maxLeaf = 65_535 - 120 // what seal.MaxBody is
	longest := func(w *dbtest.Tenant) membership.Call {
		subject := "é" + strings.Repeat("<", 253) // in JSON six bytes each
		return membership.Call{
			Tenant: w.ID, Actor: membership.Actor{Kind: membership.ActorConnection, ID: subject},
			Credential: membership.Credential{Kind: membership.CredentialJWT, Owner: membership.NewID(),
				Subject: subject},
			Connection: w.Connection, RequestID: strings.Repeat("r", 128),
			Reason: strings.Repeat("<", 4*membership.MaxText),
		}
	}
	lines := func(t *testing.T, s *db.Store, w *dbtest.Tenant) (longest int) {
		texts, err := s.Query(w.Ctx, w.ID,
			`select body || coalesce(',"members":' || members, '') from events where tenant_id = $1`, w.ID)
		require.NoError(t, err)
		for _, text := range texts {
			longest = max(longest, len(text))
			require.LessOrEqual(t, len(text), maxLeaf)
		}
		return longest
	}
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newLog(t, s)
		facts := []byte(`{"x":"` + strings.Repeat("x", 70_000) + `"}`)
		full := []byte(`{"x":"` + strings.Repeat("x", 16<<10-8) + `"}`)
		e := longest(w).Event(dbtest.Now(), membership.ActionOrganizationMemberUpdated, membership.NewID(),
			membership.NewID(), nil, nil)
		e.Before, e.After = facts, full
		many := e
		many.ID, many.After, many.Members, many.MemberSource = membership.NewID(), facts, someMembers(1100),
			membership.SourceLocal
		for i := range many.Members {
			many.Members[i].Still = true
		}
		appendEvents(w, e, many)
		w.NumberBy(3)
		events := w.Numbered(0)
		require.Len(t, events, 4)
		omitted := fmt.Sprintf(`{"omitted_bytes":%d}`, len(facts))
		require.JSONEq(t, omitted, string(events[0].Before))
		require.Equal(t, e.After, events[0].After)
		require.JSONEq(t, omitted, string(events[1].Before))
		require.Greater(t, lines(t, s, w), 64_000)

		many.Actor.ID += strings.Repeat("x", 666)
		err := s.Update(w.Ctx, w.ID, func(tx membership.Tx) error { return tx.AppendEvents(w.Ctx, many) })
		require.Equal(t, membership.KindInvalid, membership.KindOf(err))
	})
	// Changes of members write their events themselves.
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := dbtest.NewTenant(t, s)
		w.Update(func(tx membership.Tx) error {
			for i := len(w.Users); i < membership.MaxEventMembers; i++ {
				if err := w.InsertUser(tx, fmt.Sprintf("u%d", i), dbtest.Now()); err != nil {
					return err
				}
			}
			return nil
		})
		local := w.Change(w.Users, nil)
		local.Call.Connection, local.Connection = membership.ID{}, membership.ID{}
		c := w.Change(w.Users, nil)
		c.Call, c.Batch = longest(w), membership.NewID()
		for _, c := range []membership.MemberChange{local, c} {
			_, err := s.WriteMembers(w.Ctx, c)
			require.NoError(t, err)
		}
		require.Greater(t, lines(t, s, w), 64_000)

		c.Open, c.Close, c.Call.Actor.ID = nil, c.Open, c.Call.Actor.ID+strings.Repeat("x", 666)
		_, err := s.WriteMembers(w.Ctx, c)
		require.Equal(t, membership.KindInvalid, membership.KindOf(err))
		err = s.Update(w.Ctx, w.ID, func(tx membership.Tx) error { return dbtest.ChangeMembers(w.Ctx, tx, c) })
		require.Equal(t, membership.KindInvalid, membership.KindOf(err))
		require.Len(t, w.Members(), len(w.Users))
	})
}

// Whatever is asked for, alone or together, page by page: the answer is what a
// reader of the whole log would pick, wherever keys and times come in it.
func TestFiltersOfEvents(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w, r := newLog(t, s), rand.New(rand.NewPCG(1, 2026))
		ids := make([]membership.ID, 6)
		for i := range ids {
			ids[i] = membership.NewID()
		}
		actors := []membership.Actor{{Kind: "user", ID: "a"}, {Kind: "user", ID: "b"}, {Kind: "agent", ID: "a"},
			{Kind: "user", ID: strings.Repeat("long", 150)}}
		start := dbtest.Now().Truncate(time.Second)
		any := func() membership.ID { return slices.Concat(ids, make([]membership.ID, 6))[r.IntN(12)] }
		for i := range 40 {
			var part []membership.Event
			for j := range 100 {
				at := start.Add(time.Duration(100*i+j)*time.Second - time.Duration(r.IntN(100)*r.IntN(100))*time.Second)
				e := membership.Event{
					ID: membership.NewID(), At: at, Actor: actors[r.IntN(2)], Action: membership.ActionGrantOpened,
					Group: any(), User: any(), Connection: any(),
				}
				switch r.IntN(150) {
				case 0:
					e.Action = membership.ActionExported
				case 1:
					e.Actor = actors[2+r.IntN(2)]
				case 2, 3, 4:
					e.User, e.Members = membership.ID{},
						append(someMembers(2), membership.EventMember{User: ids[r.IntN(6)], Grant: membership.NewID()})
				}
				part = append(part, e)
			}
			appendEvents(w, part...)
			if i%2 == 0 {
				w.NumberBy([]int{7, 64, 10_000}[r.IntN(3)])
			}
		}
		w.NumberBy(10_000)
		all := w.Numbered(0)
		require.Len(t, all, 4000)
		pick := func(f membership.EventFilter) (es []membership.Event) {
			for _, e := range all {
				concerns := e.User == f.User
				for _, m := range e.Members {
					concerns = concerns || m.User == f.User
				}
				if e.Number > f.Cursor.Number && (f.Cursor.Through == 0 || e.Number <= f.Cursor.Through) &&
					(f.Action == "" || e.Action == f.Action) && (f.Actor == membership.Actor{} || e.Actor == f.Actor) &&
					(f.Group.IsZero() || e.Group == f.Group) &&
					(f.Connection.IsZero() || e.Connection == f.Connection) &&
					(f.User.IsZero() || concerns) &&
					(f.From.IsZero() || !e.At.Before(f.From)) && (f.To.IsZero() || e.At.Before(f.To)) {
					es = append(es, e)
				}
			}
			return es
		}
		found := 0
		for range 300 {
			f := membership.EventFilter{Limit: 1 + r.IntN(200),
				Cursor: membership.EventCursor{Number: int64(r.IntN(4200) * r.IntN(2))}}
			if r.IntN(4) == 0 {
				f.Cursor.Through = f.Cursor.Number + int64(r.IntN(1000))
			}
			if r.IntN(3) == 0 {
				f.Action = []membership.Action{membership.ActionExported, membership.ActionGrantOpened,
					membership.ActionGrantClosed}[r.IntN(3)]
			}
			if r.IntN(3) == 0 {
				f.Actor = actors[r.IntN(4)]
			}
			for _, id := range []*membership.ID{&f.Group, &f.User, &f.Connection} {
				if r.IntN(4) == 0 {
					*id = ids[r.IntN(6)]
				}
			}
			if r.IntN(3) == 0 {
				f.From = start.Add(time.Duration(r.IntN(4000)) * time.Second)
			}
			if r.IntN(3) == 0 {
				f.To = start.Add(time.Duration(r.IntN(4000)) * time.Second)
			}
			want := pick(f)
			w.Read(func(r membership.Reader) error {
				got, err := r.NumberedEvents(w.Ctx, f)
				if err != nil { // it asks for a slot first
					return err
				}
				require.Equal(t, want[:min(len(want), f.Limit)], append([]membership.Event(nil), got...), "%+v", f)
				first, last, err := r.EventsBetween(w.Ctx, f.From, f.To)
				require.NoError(t, err)
				if period := pick(membership.EventFilter{From: f.From, To: f.To}); len(period) > 0 {
					require.LessOrEqual(t, first, period[0].Number)
					require.GreaterOrEqual(t, last, period[len(period)-1].Number)
				}
				return nil
			})
			found += len(want)
		}
		require.Greater(t, found, 5000)
	})
}
