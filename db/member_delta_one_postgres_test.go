package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// What is done already does not write the row of the group, whether one member is
// asked for or several, and the row tells when it was changed last.
func TestWhatIsDoneAlreadyDoesNotWriteTheGroup(t *testing.T) {
	dbtest.Wants(t, "postgres")
	w := newTenant(t, dbtest.Open(t, dbtest.URL(t, "postgres")))
	row := func() string {
		rows, err := w.store.Query(w.Ctx, w.ID,
			`select ctid::text || xmin::text || coalesce(members_changed_at::text, '') from groups
			where tenant_id = $1 and id = $2`, w.ID, w.Group)
		require.NoError(t, err)
		return rows[0]
	}
	for n := 1; n <= 2; n++ {
		for _, opens := range []bool{true, false} {
			c := w.Change(w.Users[1:1+n], nil)
			if !opens {
				c = w.Change(nil, w.Users[1:1+n])
			}
			before := row()
			first, err := w.store.WriteMembers(w.Ctx, c)
			require.NoError(t, err)
			require.Equal(t, n, first.Opened+first.Closed)
			written := row()
			require.NotEqual(t, before, written)

			again, err := w.store.WriteMembers(w.Ctx, c)
			require.NoError(t, err)
			require.Zero(t, again.Opened+again.Closed)
			require.Equal(t, first.Version, again.Version)
			require.Equal(t, first.LastModified, again.LastModified)
			require.Equal(t, written, row())
		}
	}
}
