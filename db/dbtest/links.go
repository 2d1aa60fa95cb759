package dbtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var linkPromises = subject{"links", []promise{
	{"versions", testLinkVersions},
	{"names are unique in a connection", testLinkNames},
	{"frozen links", testFrozenLinks},
	{"links of a removed connection", testLinksOfARemovedConnection},
}}

// A link has a new version for each change of members that changed something, and
// no time goes back.
func testLinkVersions(t *testing.T, s Store) {
	w := NewTenant(t, s)
	first := w.Link()
	r, err := s.WriteMembers(w.Ctx, w.Change(w.Users[1:3], nil))
	require.NoError(t, err)
	require.Equal(t, first.Version+1, r.Version)
	require.True(t, r.LastModified.After(first.LastModified))

	same, err := s.WriteMembers(w.Ctx, w.Change(w.Users[1:3], nil))
	require.NoError(t, err)
	require.Equal(t, membership.MemberResult{Version: r.Version, LastModified: r.LastModified}, same)

	early := w.Change(nil, w.Users[1:2])
	early.At = first.CreatedAt
	r, err = s.WriteMembers(w.Ctx, early)
	require.NoError(t, err)
	require.True(t, r.LastModified.After(same.LastModified), "whenever the request came in")
	l := w.Link()
	require.Equal(t, r.Version, l.Version)
	require.Equal(t, r.LastModified, l.LastModified)

	for _, wanted := range []int64{l.Version - 1, l.Version + 1} {
		c := w.Change(w.Users[5:6], nil)
		c.IfVersion = wanted
		_, err = s.WriteMembers(w.Ctx, c)
		require.Equal(t, membership.KindVersionMismatch, membership.KindOf(err))
	}
	require.Equal(t, l, w.Link())
}

// A name is taken in one connection, and free in another.
func testLinkNames(t *testing.T, s Store) {
	w := NewTenant(t, s)
	other := membership.NewID()
	w.Update(func(tx membership.Tx) error {
		return tx.InsertConnection(w.Ctx, membership.Connection{
			Tenant: w.ID, ID: other, Name: "other", IDP: "okta", GroupKind: membership.GroupCustom,
			CursorKey: []byte("k"),
			CreatedAt: Now(),
		})
	})
	link := func(connection membership.ID, name string) error {
		return s.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
			u := membership.User{
				Tenant: w.ID, ID: membership.NewID(), UserName: connection.String() + name, Origin: "scim",
				CreatedAt: Now(), UpdatedAt: Now(),
			}
			if err := tx.InsertUser(w.Ctx, u); err != nil {
				return err
			}
			return tx.InsertUserLink(w.Ctx, membership.UserLink{
				Tenant: w.ID, Connection: connection, User: u.ID, UserName: name, Attributes: []byte(`{}`), Version: 1,
				CreatedAt: Now(), LastModified: Now(),
			})
		})
	}
	err := link(w.Connection, "U3")
	require.Equal(t, membership.KindUniqueness, membership.KindOf(err), "letter case is the same name")
	require.NoError(t, link(other, "U3"))
	w.Read(func(r membership.Reader) error {
		l, err := r.UserLinkByName(w.Ctx, w.Connection, membership.Fold("U3"))
		require.NoError(t, err)
		require.Equal(t, w.Users[3], l.User)
		l, err = r.UserLinkByName(w.Ctx, other, membership.Fold("u3"))
		require.NoError(t, err)
		require.Equal(t, "U3", l.UserName)
		_, err = r.UserLinkByName(w.Ctx, other, "u4")
		require.Equal(t, membership.NotFound("user"), err)
		return nil
	})
}

// Members of a frozen link stay as they are, and changes of them find no group.
func testFrozenLinks(t *testing.T, s Store) {
	w := NewTenant(t, s)
	w.Update(func(tx membership.Tx) error { return tx.FreezeLinks(w.Ctx, w.Connection, true) })
	for _, c := range []membership.MemberChange{w.Change(w.Users[1:2], nil), w.Change(nil, w.Users[:1])} {
		_, err := s.WriteMembers(w.Ctx, c)
		require.Equal(t, membership.KindNotFound, membership.KindOf(err), "%v", err)
		err = s.Update(w.Ctx, w.ID, func(tx membership.Tx) error { return ChangeMembers(w.Ctx, tx, c) })
		require.Equal(t, membership.KindNotFound, membership.KindOf(err), "%v", err)
	}
	require.Equal(t, w.Users[:1], w.Members())
	require.Len(t, w.Events(), 1)
}

// Nothing is found, or changed, through a connection that is removed.
func testLinksOfARemovedConnection(t *testing.T, s Store) {
	w := NewTenant(t, s)
	w.Update(func(tx membership.Tx) error {
		c, err := tx.LockConnection(w.Ctx, w.Connection)
		if err != nil {
			return err
		}
		c.RemovedAt, c.Removal = Now(), membership.RemovalFreeze
		if err := tx.UpdateConnection(w.Ctx, c); err != nil {
			return err
		}
		return tx.FreezeLinks(w.Ctx, w.Connection, true)
	})
	_, err := s.WriteMembers(w.Ctx, w.Change(w.Users[1:2], nil))
	require.Equal(t, membership.KindNotFound, membership.KindOf(err))
	w.Read(func(r membership.Reader) error {
		_, err := r.UserLink(w.Ctx, w.Connection, w.Users[0])
		require.Equal(t, membership.NotFound("user"), err)
		_, err = r.GroupLink(w.Ctx, w.Connection, w.Group)
		require.Equal(t, membership.NotFound("group"), err)
		c, err := r.Connection(w.Ctx, w.Connection)
		require.NoError(t, err)
		require.False(t, c.RemovedAt.IsZero())
		return nil
	})
	_, err = s.LookUpUser(w.Ctx, w.ID, w.Connection, w.Users[0])
	require.Equal(t, membership.NotFound("user"), err)
	_, err = s.LookUpGroupLink(w.Ctx, w.ID, w.Connection, w.Group)
	require.Equal(t, membership.NotFound("group"), err)
	require.Equal(t, w.Users[:1], w.Members(), "the grants are there")
}
