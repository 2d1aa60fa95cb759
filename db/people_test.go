package db_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// many inserts users natively. The database has statistics of them afterwards,
// as it has a minute later in operation.
func (w *tenant) many(n int) []membership.ID {
	w.T.Helper()
	users, ids := make([]membership.User, n), make([]membership.ID, n)
	for i := range users {
		ids[i] = membership.NewID()
		name := fmt.Sprintf("many%d@example.com", i)
		users[i] = membership.User{
			ID: ids[i], UserName: name, Email: name, Origin: membership.SourceLocal, Active: true,
			CreatedAt: dbtest.Now(),
			UpdatedAt: dbtest.Now(),
		}
	}
	w.Update(func(tx membership.Tx) error { return tx.InsertUsers(w.Ctx, users) })
	if w.store.Engine() == "postgres" {
		require.NoError(w.T, w.store.Exec(w.Ctx, w.ID, "analyze users"))
	}
	return ids
}

func TestAddTenThousandMembers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		ids := w.many(10_000)
		dir := membership.NewDirectory(s, dbtest.AllowAll{}, membership.Options{})
		call := membership.Call{Tenant: w.ID, Actor: membership.Actor{Kind: membership.ActorService, ID: "test"}}
		added, err := dir.AddMembers(w.Ctx, call, w.Group, ids)
		require.NoError(t, err)
		require.Len(t, added.Users, len(ids))
		for i, u := range added.Users {
			require.Equal(t, ids[i], u.User.ID)
			require.Equal(t, []membership.ID{w.Group}, u.Groups)
		}
		_, err = dir.AddMembers(w.Ctx, call, w.Group, ids[:1])
		require.Equal(t, membership.KindAlreadyMember, membership.KindOf(err))
	})
}
