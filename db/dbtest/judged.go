package dbtest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var judgedPromises = subject{"judged changes", []promise{
	{"what is there is judged", testJudgedChange},
	{"many change the same users", testLocalChangesOfTheSameUsers},
}}

// What is judged is what is there, and what is refused was not written.
func testJudgedChange(t *testing.T, s Store) {
	w := NewTenant(t, s)
	var seen membership.MemberState
	judge := func(err error) func(membership.MemberState) error {
		return func(st membership.MemberState) error { seen = st; return err }
	}
	refused := &membership.Error{Kind: membership.KindAlreadyMember, Message: "no"}
	r, err := s.WriteMembers(w.Ctx, w.Local(w.Users[0], true, judge(refused)))
	require.Equal(t, refused, err)
	require.Zero(t, r)
	require.Equal(t, w.Group, seen.Group.ID)
	require.Equal(t, w.Users[0], seen.User.ID)
	require.Len(t, seen.Member.Sources, 1)

	r, err = s.WriteMembers(w.Ctx, w.Local(w.Users[0], true, Passes))
	require.NoError(t, err)
	require.Equal(t, 1, r.Opened)
	require.Len(t, r.Member.Sources, 2)
	require.Equal(t, seen.Member.JoinedAt, r.Member.JoinedAt)

	_, err = s.WriteMembers(w.Ctx, w.Local(membership.NewID(), true, judge(nil)))
	require.Equal(t, membership.KindUnknownMembers, membership.KindOf(err))
	require.True(t, seen.User.ID.IsZero())
	require.Empty(t, seen.Member.Sources)

	r, err = s.WriteMembers(w.Ctx, w.Local(w.Users[0], false, judge(nil)))
	require.NoError(t, err)
	require.Equal(t, 1, r.Closed)
	require.Len(t, seen.Member.Sources, 2)
	require.Equal(t, w.Users[:1], w.Members(), "the connection's stays")

	elsewhere := w.Local(w.Users[0], true, judge(membership.NotFound("group")))
	elsewhere.Group = membership.NewID()
	_, err = s.WriteMembers(w.Ctx, elsewhere)
	require.Equal(t, membership.NotFound("group"), err)
	require.True(t, seen.Group.ID.IsZero())
}

// Many add and remove the same few users: every answer is true.
func testLocalChangesOfTheSameUsers(t *testing.T, s Store) {
	w := NewTenant(t, s)
	dir := membership.NewDirectory(s, AllowAll{}, membership.Options{})
	call := w.Local(membership.ID{}, true, nil).Call
	var wg sync.WaitGroup
	var mu sync.Mutex
	balance := map[membership.ID]int{}
	for i := range 12 {
		wg.Go(func() {
			for n := range 12 {
				u := w.Users[1+(i+n)%3]
				var err error
				change := 1
				if (i+n)%2 == 0 {
					_, err = dir.AddMember(w.Ctx, call, w.Group, u, false)
				} else {
					change = -1
					_, err = dir.RemoveMember(w.Ctx, call, w.Group, u)
				}
				switch k := membership.KindOf(err); {
				case err == nil:
					mu.Lock()
					balance[u] += change
					mu.Unlock()
				case change == 1 && k == membership.KindAlreadyMember, change == -1 && k == membership.KindNotFound:
				default:
					t.Errorf("%v", err)
				}
			}
		})
	}
	wg.Wait()
	w.Read(func(r membership.Reader) error {
		for u, n := range balance {
			_, err := r.Member(w.Ctx, w.Group, u)
			require.Equal(t, n == 1, err == nil, "%d", n)
		}
		return nil
	})
}
