package dbtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var valuePromises = subject{"values and times", []promise{
	{"what is written is read", testWhatIsWrittenIsRead},
}}

// What was stored is what is read: text is not changed, times keep their
// microseconds, an absent time stays absent.
func testWhatIsWrittenIsRead(t *testing.T, s Store) {
	w := NewTenant(t, s)
	at := time.Date(2026, 3, 1, 23, 59, 59, 123456000, time.UTC)
	doc := `{"b":1,"a":[{"z":"\u00e9","a":null}],"b2":"💥 'quoted' \\ \""}`
	in := membership.UserLink{
		Tenant: w.ID, Connection: w.Connection, User: w.Users[0], ExternalID: "Ünïcode", UserName: "Ä 'x' \" \\ %_",
		Email: "a@b", Name: "𝒳", Emails: []string{"A@b", "a@B"},
		Attributes: []byte(doc), Version: 7, CreatedAt: at, LastModified: at,
	}
	w.Update(func(tx membership.Tx) error { return tx.UpdateUserLink(w.Ctx, in) })
	w.Read(func(r membership.Reader) error {
		out, err := r.UserLink(w.Ctx, w.Connection, w.Users[0])
		require.NoError(t, err)
		in.Emails, in.CreatedAt = nil, out.CreatedAt
		require.Equal(t, in, out)
		c, err := r.Connection(w.Ctx, w.Connection)
		require.NoError(t, err)
		require.True(t, c.PausedAt.IsZero())
		return nil
	})
}
