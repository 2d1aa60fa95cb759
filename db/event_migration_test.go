package db_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// oldLog writes events as the version before migration 21 did.
type oldLog struct {
	t      *testing.T
	ctx    context.Context
	s      *db.Store
	tenant membership.ID
	start  time.Time
}

const oldEventColumns = `tenant_id, id, at, actor_kind, actor_id, credential, source, connection_id, action,
	group_id, request_id, reason, position`

func (o *oldLog) args(e membership.Event, position int64) []any {
	return []any{
		o.tenant, e.ID, db.Stamp(e.At), string(e.Actor.Kind), e.Actor.ID, e.Credential.String(), string(e.Source),
		e.Connection,
		string(e.Action), e.Group, e.RequestID, e.Reason, position,
	}
}

func (o *oldLog) write(e membership.Event, position int64) {
	o.t.Helper()
	var number any
	if e.Number > 0 {
		number = e.Number
	}
	require.NoError(o.t,
		o.s.Exec(o.ctx, o.tenant, `insert into events (`+oldEventColumns+`, user_id, before, after, number)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
			append(o.args(e, position), e.User, string(e.Before), string(e.After), number)...))
}

func (o *oldLog) writePacked(e membership.Event, position int64) {
	o.t.Helper()
	var packed []byte
	for _, m := range e.Members {
		packed = append(append(append(packed, m.User[:]...), m.Grant[:]...), map[bool]byte{true: 1}[m.Still])
	}
	require.NoError(o.t, o.s.Exec(o.ctx, o.tenant, `insert into member_events (`+oldEventColumns+`, side, members)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		append(o.args(e, position), string(e.MemberSource), packed)...))
}

func (o *oldLog) event(i int, action membership.Action) membership.Event {
	return membership.Event{
		Tenant: o.tenant, ID: membership.NewID(), At: o.start.Add(time.Duration(i) * time.Second),
		Actor:      membership.Actor{Kind: "connection", ID: o.tenant.String()},
		Credential: membership.Credential{Kind: membership.CredentialToken, ID: membership.NewID()},
		Source:     membership.SourceSCIM, Connection: membership.NewID(), Action: action,
		Group: membership.NewID(), RequestID: fmt.Sprint("r", i), Reason: strings.Repeat("why", i%2),
	}
}

// withTexts is an event whose texts were hashed with a salt each, without those.
func withTexts(t *testing.T, e membership.Event) membership.Event {
	t.Helper()
	texts := map[string]string{}
	for _, d := range e.Disclosed {
		require.Len(t, d.Salt, 32)
		texts[d.Field] = d.Text
	}
	want := map[string]string{}
	if e.Reason != "" {
		want["reason"] = e.Reason
	}
	if strings.Contains(string(e.After), "external_id") {
		want["after.external_id"] = "x"
	}
	require.Equal(t, want, texts)
	e.Disclosed = nil
	return e
}

// Nothing of the log is lost: what has a number keeps it and says what it said, what
// has none follows in its order; where it is stopped it goes on.
func TestEventsOfBeforeAreCarriedOver(t *testing.T) {
	dbtest.EachEmptyURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		s, err := db.Open(ctx, url, db.Options{Spread: true})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		require.NoError(t, s.MigrateTo(ctx, 20))
		o := &oldLog{t, ctx, s, membership.NewID(), dbtest.Now().AddDate(-1, 0, 0)}
		w := &dbtest.Tenant{T: t, Ctx: ctx, Store: s, ID: o.tenant}
		w.Update(func(tx membership.Tx) error {
			return tx.InsertTenant(ctx, membership.Tenant{ID: w.ID, Name: "t", CreatedAt: o.start})
		})

		var numbered, pending []membership.Event
		for i := range 12 {
			e, m := o.event(i, membership.ActionUserCreated), someMembers(1)[0]
			m.Still = i%4 == 2
			switch e.Number = int64(i + 1); i % 4 {
			case 0:
				e.User, e.After = m.User, []byte(`{"active":true,"external_id":"x","origin":"scim"}`)
				o.write(e, 0)
			case 1, 2:
				e.User = m.User
				old := e
				old.Action, old.Before = membership.ActionGrantOpened, fmt.Appendf(nil, `{"member":%t}`, m.Still)
				old.After = fmt.Appendf(nil, `{"member":true,"grant":"%s","source":"local"}`, m.Grant)
				if i%4 == 2 {
					old.Action, old.Before = membership.ActionGrantClosed, old.After
					old.After = fmt.Appendf(nil, `{"member":%t,"batch":"b"}`, m.Still)
					e.After = []byte(`{"batch":"b"}`)
				}
				o.write(old, int64(i))
				e.Action, e.MemberSource, e.Members = old.Action, membership.SourceLocal, []membership.EventMember{m}
			default:
				e.Group, e.Credential = membership.ID{}, membership.Credential{}
				o.write(e, 7)
			}
			numbered = append(numbered, e)
		}
		require.NoError(t, s.Exec(ctx, w.ID, `insert into event_heads (tenant_id, number) values ($1, 12)`, w.ID))
		for i := range 12 {
			e := o.event(20-i, membership.ActionGroupUpdated)
			position := int64(i / 2 * 2) // two of each, in the order of time: the other way round
			if i%3 == 0 {
				e.Action, e.MemberSource, e.Members = membership.ActionGrantClosed, membership.SourceSCIM,
					someMembers(1+i%2*600)
				o.writePacked(e, position)
			} else {
				o.write(e, position)
			}
			pending = append(pending, e)
		}
		for i := 0; i < len(pending); i += 2 {
			pending[i], pending[i+1] = pending[i+1], pending[i]
		}
		require.NoError(t, s.MigrateTo(ctx, 29))

		require.NoError(t, s.CarryEvents(ctx, w.ID))
		got := w.Numbered(0)
		require.Len(t, got, len(numbered))
		for i, e := range got {
			require.Equal(t, numbered[i], withTexts(t, e))
		}
		w.NumberBy(10_000)
		got = w.Numbered(12)
		// The first of the new kind says up to where the order is not promised: those
		// without a position.
		require.Equal(t, membership.ActionLogUpgraded, got[0].Action)
		marked := got[0].At
		require.JSONEq(t, `{"order_not_promised_through":9}`, string(got[0].After))
		got = got[1:]
		var want []membership.Event
		for _, e := range pending {
			for i := 0; i == 0 || i < len(e.Members); i += membership.MaxEventMembers {
				part := e
				if len(e.Members) > 0 {
					part.Members = e.Members[i:min(len(e.Members), i+membership.MaxEventMembers)]
				}
				if len(part.Members) == 1 {
					part.User = part.Members[0].User
				}
				want = append(want, part)
			}
		}
		require.Len(t, got, len(want))
		for i, e := range got {
			want[i].Number = int64(14 + i)
			if len(e.Members) < membership.MaxEventMembers && len(e.Members) > 1 {
				want[i].ID = e.ID // of a part that follows
			}
			require.Equal(t, want[i], withTexts(t, e))
		}

		// Of each grant it is known which event opened and which closed it.
		found := 0
		for _, e := range slices.Concat(numbered, got) {
			for _, m := range e.Members {
				n, err := s.Query(ctx, w.ID, `select cast(e.number as text) from grant_events_before b join events e
						on e.tenant_id = b.tenant_id and e.position = b.position
					where b.tenant_id = $1 and b.grant_id = $2 and b.closed = $3`, w.ID, m.Grant,
					e.Action == membership.ActionGrantClosed)
				require.NoError(t, err)
				require.Equal(t, []string{fmt.Sprint(e.Number)}, n)
				if found++; found > 30 {
					break
				}
			}
		}
		for _, table := range []string{"events_before", "member_events_before"} {
			left, err := s.Query(ctx, w.ID, `select cast(count(*) as text) from `+table)
			require.NoError(t, err)
			require.Equal(t, []string{"0"}, left)
		}
		opened := dbtest.Events(t, s, w.ID, membership.EventFilter{Action: membership.ActionGrantOpened})
		require.Len(t, opened, 3, "they are in the index of the log")

		require.NoError(t, s.Migrate(ctx))
		var last time.Time
		w.Read(func(r membership.Reader) (err error) {
			last, err = r.LastWritten(ctx)
			return err
		})
		require.Equal(t, marked, last, "nothing is dated before it any more")
	})
}
