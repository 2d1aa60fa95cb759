package db_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// A row for all members of a request becomes an event each, in the order of time
// among all the others.
func TestMemberEventsBecomeEvents(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w, other := newTenant(t, s), newTenant(t, s)
		w.number()
		plain := func() {
			w.update(func(tx membership.Tx) error {
				return tx.AppendEvents(w.ctx, membership.Event{ID: membership.NewID(), At: now(), Action: "plain.event"})
			})
		}
		w.update(func(tx membership.Tx) error {
			plainFirst := membership.Event{ID: membership.NewID(), At: now(), Action: "plain.event"}
			if err := tx.AppendEvents(w.ctx, plainFirst); err != nil {
				return err
			}
			return change(w.ctx, tx, w.change(w.users[1:9], nil))
		})
		plain()
		w.update(func(tx membership.Tx) error { return change(w.ctx, tx, w.change(w.users[9:12], w.users[2:4])) })
		plain()

		pending := func(w *tenant) (pending bool) {
			w.view(func(r membership.Reader) (err error) {
				pending, err = r.EventsPending(w.ctx)
				return err
			})
			return pending
		}
		require.True(t, pending(w))
		w.number()
		require.False(t, pending(w))
		require.True(t, pending(other))
		type told struct {
			action membership.Action
			user   membership.ID
		}
		events := w.numbered(0)
		var got []told
		for i, e := range events {
			require.Equal(t, int64(i+1), e.Number)
			require.Equal(t, w.tenant, e.Tenant)
			require.NotContains(t, events[:i], e)
			got = append(got, told{e.Action, e.User})
		}
		each := func(action membership.Action, users []membership.ID) (ts []told) {
			for _, u := range users {
				ts = append(ts, told{action, u})
			}
			return ts
		}
		plainEvent := told{action: "plain.event"}
		require.Equal(t, plainEvent, got[1], "behind that of the fixture")
		require.ElementsMatch(t, each(membership.ActionGrantOpened, w.users[1:9]), got[2:10])
		require.Equal(t, plainEvent, got[10])
		require.ElementsMatch(t, append(each(membership.ActionGrantOpened, w.users[9:12]),
			each(membership.ActionGrantClosed, w.users[2:4])...), got[11:16])
		require.Equal(t, []told{plainEvent}, got[16:])
		rows, err := s.Query(w.ctx, w.tenant, `select 'left' from member_events where tenant_id = $1`, w.tenant)
		require.NoError(t, err)
		require.Empty(t, rows)
	})
}

// What was written before member_events is read as it was.
func TestGrantsOfTheSchemaBefore(t *testing.T) {
	ctx := context.Background()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s, err := db.Open(ctx, url, db.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		require.NoError(t, s.MigrateTo(ctx, 12))
		w := &tenant{t: t, ctx: ctx, store: s, tenant: membership.NewID(), group: membership.NewID()}
		at := now()
		w.update(func(tx membership.Tx) error {
			if err := tx.InsertTenant(ctx, membership.Tenant{ID: w.tenant, Name: "t", CreatedAt: at}); err != nil {
				return err
			}
			return tx.InsertGroup(ctx, membership.Group{
				Tenant: w.tenant, ID: w.group, DisplayName: "g", Kind: membership.GroupCustom, Origin: "local", CreatedAt: at, UpdatedAt: at,
			})
		})
		var users []membership.ID
		for i, closed := range []any{nil, db.Stamp(at), nil} {
			u := membership.NewID()
			users = append(users, u)
			w.update(func(tx membership.Tx) error {
				return tx.InsertUser(ctx, membership.User{
					Tenant: w.tenant, ID: u, UserName: string(rune('a' + i)), Origin: "local", Active: true, CreatedAt: at, UpdatedAt: at,
				})
			})
			require.NoError(t, s.Exec(ctx, w.tenant, `insert into grants (tenant_id, group_id, user_id, id, connection_id, member_since,
					opened_at, opened_by_kind, opened_by_id, opened_request, opened_reason, closed_at, closed_by_kind)
				values ($1, $2, $3, $4, $5, $6, $6, 'user', 'x', 'r', 'why', $7, 'user')`,
				w.tenant, w.group, u, membership.NewID(), membership.ID{}, db.Stamp(at), closed))
		}
		require.NoError(t, s.Migrate(ctx))
		require.Equal(t, []membership.ID{users[0], users[2]}, w.members())
		r, err := s.WriteMembers(ctx, membership.MemberChange{
			Call: membership.Call{Tenant: w.tenant}, At: at, Group: w.group, Open: users[1:], Close: users[:1],
		})
		require.NoError(t, err)
		require.Equal(t, membership.MemberResult{Opened: 1, Closed: 1}, r)
		require.Equal(t, users[1:], w.members())
		for _, e := range w.events() {
			require.True(t, e.At.After(at), "dated after what was there")
		}
	})
}

// As many rows as changes of one member leave are read in parts, and nothing of
// them is lost or told twice.
func TestManyMemberEventsBecomeEvents(t *testing.T) {
	const changes = 2100
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		w.number()
		w.update(func(tx membership.Tx) error {
			for i := range changes {
				u := w.users[1+i/2%10 : 2+i/2%10]
				c := w.change(u, nil)
				if i%2 == 1 {
					c = w.change(nil, u)
				}
				if err := change(w.ctx, tx, c); err != nil {
					return err
				}
			}
			return nil
		})
		for _, want := range []int{1500, changes - 1500, 0} {
			var n int
			w.update(func(tx membership.Tx) (err error) {
				n, err = tx.NumberEvents(w.ctx, 1500)
				return err
			})
			require.Equal(t, want, n)
		}
		seen := map[membership.ID]bool{}
		for i, e := range w.numbered(1) {
			require.Equal(t, int64(i+2), e.Number)
			require.Equal(t, i%2 == 0, e.Action == membership.ActionGrantOpened, "in the order of time")
			seen[e.ID] = true
		}
		require.Len(t, seen, changes)
	})
}
