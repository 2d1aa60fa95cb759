package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

func TestFiltersLookIntoSoManyMembers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		_, err := s.WriteMembers(w.Ctx, w.Change(w.Users, nil))
		require.NoError(t, err)
		db.HoldMembers(t, len(w.Users)-1)
		first := w.Users[0].String()
		value := map[membership.Operator]string{"gt": "g", "co": first[:4], "eq": first}
		ask := func(op membership.Operator) error {
			return s.Read(w.Ctx, w.ID, func(r membership.Reader) error {
				_, err := r.GroupLinks(w.Ctx, w.Connection,
					membership.LinkQuery{Resources: dbtest.Resources{}, Filter: membership.Compare{
						Attribute: membership.Attribute{Name: "members", Sub: "value", CaseExact: true}, Op: op,
						Value: value[op],
					}})
				return err
			})
		}
		require.Equal(t, membership.KindTooMany, membership.KindOf(ask("gt")), "it has to look at all of them")
		require.NoError(t, ask("co"), "it has found it at once")
		require.NoError(t, ask("eq"), "an index answers it")
	})
}
