package db_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// A change of very many members is told apart from a small one by nothing but
// its size: alone or inside a transaction, it is refused or made as a whole.
func TestAChangeOfVeryManyMembers(t *testing.T) {
	const many = 1500
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		w.update(func(tx membership.Tx) error {
			at := now()
			for i := range many {
				if err := w.insertUser(tx, fmt.Sprintf("many%d", i), at); err != nil {
					return err
				}
			}
			return nil
		})
		start := w.version().Version
		stranger := membership.NewID()
		ways := map[string]func(membership.MemberChange) (membership.MemberResult, error){
			"alone": func(c membership.MemberChange) (membership.MemberResult, error) { return s.WriteMembers(w.ctx, c) },
			"inside": func(c membership.MemberChange) (r membership.MemberResult, err error) {
				err = s.Update(w.ctx, w.tenant, func(tx membership.Tx) error {
					r, err = tx.ChangeMembers(w.ctx, c)
					return err
				})
				return r, err
			},
		}
		for way, do := range ways {
			c := w.change(append(w.users[20:], stranger), nil)
			_, err := do(c)
			require.Equal(t, membership.KindUnknownMembers, membership.KindOf(err), way)
			require.ErrorContains(t, err, stranger.String(), way)
			c.IfVersion = start + 9
			_, err = do(c)
			require.Equal(t, membership.KindVersionMismatch, membership.KindOf(err), way)
			c.Group = membership.NewID()
			_, err = do(c)
			require.Equal(t, membership.KindNotFound, membership.KindOf(err), way)
			require.Equal(t, start, w.version().Version, way)
			require.Len(t, w.members(), 1, way)
		}
		c := w.change(w.users[20:], nil)
		c.Check, c.IfVersion = w.users[:30], start
		r, err := ways["alone"](c)
		require.NoError(t, err)
		require.Equal(t, many, r.Opened)
		require.Equal(t, start+1, r.Version)
		r, err = ways["inside"](w.change(nil, w.users[20:]))
		require.NoError(t, err)
		require.Equal(t, many, r.Closed)
		require.Len(t, w.members(), 1)
	})
}
