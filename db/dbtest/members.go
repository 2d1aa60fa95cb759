package dbtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var memberPromises = subject{"members", []promise{
	{"what a change writes", testWhatAChangeWrites},
	{"a group that is not linked", testChangeMembersOfAGroupThatIsNotLinked},
	{"many at once", testChangeMembersOfManyAtOnce},
	{"very many", testAChangeOfVeryManyMembers},
	{"difference", testMemberDifference},
}}

// A group that is another connection's is like one that does not exist.
func testChangeMembersOfAGroupThatIsNotLinked(t *testing.T, s Store) {
	w := NewTenant(t, s)
	for _, group := range []membership.ID{w.Group, membership.NewID()} {
		c := w.Change(nil, w.Users[:1])
		c.Group, c.Connection = group, membership.NewID()
		c.Call.Connection = c.Connection
		_, err := s.WriteMembers(w.Ctx, c)
		require.Equal(t, membership.NotFound("group"), err)
	}
	require.Len(t, w.Members(), 1)
}

func testChangeMembersOfManyAtOnce(t *testing.T, s Store) {
	w := NewTenant(t, s)
	w.Update(func(tx membership.Tx) error {
		for i := range 3000 {
			if err := w.InsertUser(tx, fmt.Sprintf("many%d", i), Now()); err != nil {
				return err
			}
		}
		return nil
	})
	r, err := s.WriteMembers(w.Ctx, w.Change(w.Users[1:], w.Users[:1]))
	require.NoError(t, err)
	require.Equal(t, len(w.Users)-1, r.Opened)
	require.Equal(t, 1, r.Closed)
	w.Update(func(tx membership.Tx) error {
		open, closed, err := tx.MemberDifference(w.Ctx, w.Group, w.Connection, w.Users[:2])
		require.NoError(t, err)
		require.Equal(t, w.Users[:1], open)
		require.Len(t, closed, len(w.Users)-2)
		return ChangeMembers(w.Ctx, tx, w.Change(open, closed))
	})
	require.Equal(t, w.Users[:2], w.Members())
}

// A change of very many members differs from a small one in nothing but
// its size: alone or inside a transaction, it is refused or made as a whole.
func testAChangeOfVeryManyMembers(t *testing.T, s Store) {
	const many = 1500
	w := NewTenant(t, s)
	w.Update(func(tx membership.Tx) error {
		at := Now()
		for i := range many {
			if err := w.InsertUser(tx, fmt.Sprintf("many%d", i), at); err != nil {
				return err
			}
		}
		return nil
	})
	start := w.Link().Version
	stranger := membership.NewID()
	ways := map[string]func(membership.MemberChange) (membership.MemberResult, error){
		"alone": func(c membership.MemberChange) (membership.MemberResult, error) { return s.WriteMembers(w.Ctx, c) },
		"inside": func(c membership.MemberChange) (r membership.MemberResult, err error) {
			err = s.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
				r, err = tx.ChangeMembers(w.Ctx, c)
				return err
			})
			return r, err
		},
	}
	for way, do := range ways {
		c := w.Change(append(w.Users[20:], stranger), nil)
		_, err := do(c)
		require.Equal(t, membership.KindUnknownMembers, membership.KindOf(err), way)
		require.ErrorContains(t, err, stranger.String(), way)
		c.IfVersion = start + 9
		_, err = do(c)
		require.Equal(t, membership.KindVersionMismatch, membership.KindOf(err), way)
		c.Group = membership.NewID()
		_, err = do(c)
		require.Equal(t, membership.KindNotFound, membership.KindOf(err), way)
		require.Equal(t, start, w.Link().Version, way)
		require.Len(t, w.Members(), 1, way)
	}
	c := w.Change(w.Users[20:], nil)
	c.Check, c.IfVersion = w.Users[:30], start
	r, err := ways["alone"](c)
	require.NoError(t, err)
	require.Equal(t, many, r.Opened)
	require.Equal(t, start+1, r.Version)
	r, err = ways["inside"](w.Change(nil, w.Users[20:]))
	require.NoError(t, err)
	require.Equal(t, many, r.Closed)
	require.Len(t, w.Members(), 1)
}

// The wanted may come in any order and more than once.
func testMemberDifference(t *testing.T, s Store) {
	w := NewTenant(t, s)
	slices.SortFunc(w.Users, membership.ID.Compare)
	w.Update(func(tx membership.Tx) error {
		if err := ChangeMembers(w.Ctx, tx, w.Change(nil, w.Members())); err != nil {
			return err
		}
		if err := ChangeMembers(w.Ctx, tx, w.Change(w.Users[5:15], nil)); err != nil {
			return err
		}
		return ChangeMembers(w.Ctx, tx, w.Change(nil, w.Users[7:8]))
	})
	there := slices.Concat(w.Users[5:7], w.Users[8:15])
	for name, tt := range map[string]struct{ want, open, closed []membership.ID }{
		"none":     {nil, nil, there},
		"all":      {w.Users, slices.Concat(w.Users[:5], w.Users[7:8], w.Users[15:]), nil},
		"the same": {there, nil, nil},
		"others":   {w.Users[:3], w.Users[:3], there},
		"mixed": {
			[]membership.ID{w.Users[19], w.Users[9], w.Users[0], w.Users[9], w.Users[14], w.Users[0]},
			[]membership.ID{w.Users[0], w.Users[19]},
			slices.Concat(w.Users[5:7], w.Users[8:9], w.Users[10:14]),
		},
	} {
		w.Update(func(tx membership.Tx) error {
			want := slices.Clone(tt.want)
			open, closed, err := tx.MemberDifference(w.Ctx, w.Group, w.Connection, want)
			require.NoError(t, err)
			require.Equal(t, tt.open, open, name)
			require.Equal(t, tt.closed, closed, name)
			require.Equal(t, tt.want, want, "it is the caller's")
			return nil
		})
	}
}

// What a change writes is the same on every engine, to the letter.
func testWhatAChangeWrites(t *testing.T, s Store) {
	w := NewTenant(t, s)
	c := w.Change(nil, nil)
	c.Connection, c.Call.Connection, c.Open = membership.ID{}, membership.ID{}, w.Users[:2]
	r, err := s.WriteMembers(w.Ctx, c)
	require.NoError(t, err)
	wrote := r.Events
	c = w.Change(w.Users[1:3], w.Users[:1])
	r, err = s.WriteMembers(w.Ctx, c)
	require.NoError(t, err)
	wrote = append(wrote, r.Events...)
	r.Events = nil
	require.Equal(t, membership.MemberResult{Opened: 2, Closed: 1, Version: 3, LastModified: c.At}, r)
	r, err = s.WriteMembers(w.Ctx, c)
	require.NoError(t, err)
	require.Equal(t, membership.MemberResult{Version: 3, LastModified: c.At}, r)

	name := map[string]string{w.Connection.String(): "connection", membership.ID{}.String(): "none"}
	for i, u := range w.Users {
		name[u.String()] = fmt.Sprintf("user%d", i)
	}
	require.Len(t, wrote, 3)
	var lines []string
	for _, e := range w.Events() {
		if i := slices.Index(wrote, e.ID); i >= 0 {
			wrote = slices.Delete(wrote, i, i+1)
		}
		require.Equal(t, "r", e.RequestID)
		require.Empty(t, e.Reason)
		require.Empty(t, e.Before)
		require.Empty(t, e.After)
		var members []string
		for _, m := range e.Members {
			require.False(t, m.Grant.IsZero())
			members = append(members, fmt.Sprint(name[m.User.String()], map[bool]string{true: " (still)"}[m.Still]))
		}
		slices.Sort(members)
		lines = append(lines, fmt.Sprintf("%s of %s by %s %s, source %s, connection %s, grants of %s",
			e.Action, strings.Join(members, ", "), e.Actor.Kind, name[e.Actor.ID], e.Source,
			name[e.Connection.String()], e.MemberSource))
		if len(e.Members) == 1 {
			require.Equal(t, e.Members[0].User, e.User)
		} else {
			require.True(t, e.User.IsZero())
		}
	}
	require.Empty(t, wrote, "what it says that it wrote is there")
	slices.Sort(lines)
	const (
		scim  = " by connection connection, source scim, connection connection, grants of scim"
		local = " by connection connection, source local, connection none, grants of local"
	)
	require.Equal(t, []string{
		"grant.closed of user0 (still)" + scim,
		"grant.opened of user0 (still), user1" + local,
		"grant.opened of user0" + scim,
		"grant.opened of user1 (still), user2" + scim,
	}, lines)
}
