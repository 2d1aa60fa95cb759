package db_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// What was written before member_events is read as it was.
func TestGrantsOfTheSchemaBefore(t *testing.T) {
	ctx := context.Background()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s, err := db.Open(ctx, url, db.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		require.NoError(t, s.MigrateTo(ctx, 12))
		w := &dbtest.Tenant{T: t, Ctx: ctx, Store: s, ID: membership.NewID(), Group: membership.NewID()}
		at := dbtest.Now()
		w.Update(func(tx membership.Tx) error {
			if err := tx.InsertTenant(ctx, membership.Tenant{ID: w.ID, Name: "t", CreatedAt: at}); err != nil {
				return err
			}
			return tx.InsertGroup(ctx, membership.Group{
				Tenant: w.ID, ID: w.Group, DisplayName: "g", Kind: membership.GroupCustom, Origin: "local", CreatedAt: at, UpdatedAt: at,
			})
		})
		var users []membership.ID
		for i, closed := range []any{nil, db.Stamp(at), nil} {
			u := membership.NewID()
			users = append(users, u)
			w.Update(func(tx membership.Tx) error {
				return tx.InsertUser(ctx, membership.User{
					Tenant: w.ID, ID: u, UserName: string(rune('a' + i)), Origin: "local", Active: true, CreatedAt: at, UpdatedAt: at,
				})
			})
			require.NoError(t, s.Exec(ctx, w.ID, `insert into grants (tenant_id, group_id, user_id, id, connection_id, member_since,
					opened_at, opened_by_kind, opened_by_id, opened_request, opened_reason, closed_at, closed_by_kind)
				values ($1, $2, $3, $4, $5, $6, $6, 'user', 'x', 'r', 'why', $7, 'user')`,
				w.ID, w.Group, u, membership.NewID(), membership.ID{}, db.Stamp(at), closed))
		}
		require.NoError(t, s.Migrate(ctx))
		require.Equal(t, []membership.ID{users[0], users[2]}, w.Members())
		r, err := s.WriteMembers(ctx, membership.MemberChange{
			Call: membership.Call{Tenant: w.ID}, At: at, Group: w.Group, Open: users[1:], Close: users[:1],
		})
		require.NoError(t, err)
		require.Equal(t, membership.MemberResult{Opened: 1, Closed: 1}, r)
		require.Equal(t, users[1:], w.Members())
		for _, e := range w.Events() { //nolint:contextcheck // the tenant has one
			require.True(t, e.At.After(at), "dated after what was there")
		}
	})
}
