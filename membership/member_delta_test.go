package membership

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The fold of a list of operations does what the operations do one by one.
func TestMemberDeltaIsWhatItsOperationsDo(t *testing.T) {
	pool := make([]ID, 5)
	for i := range pool {
		pool[i] = NewID()
	}
	rapid.Check(t, func(t *rapid.T) {
		have, named := map[ID]bool{}, map[ID]bool{}
		for _, u := range pool {
			if rapid.Bool().Draw(t, "member") {
				have[u] = true
			}
		}
		var d MemberDelta
		want := map[ID]bool{}
		for u := range have {
			want[u] = true
		}
		for range rapid.IntRange(0, 8).Draw(t, "operations") {
			u := rapid.SampledFrom(pool).Draw(t, "user")
			switch rapid.IntRange(0, 5).Draw(t, "operation") {
			case 0, 1:
				d.Add(u)
				want[u], named[u] = true, true
			case 2, 3:
				d.Remove(u)
				delete(want, u)
			case 4:
				d.Clear()
				clear(want)
			case 5:
				retained := rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, 3, rapid.ID).Draw(t, "retained")
				d.Retain(retained...)
				maps.DeleteFunc(want, func(u ID, _ bool) bool { return !slices.Contains(retained, u) })
			}
		}
		in, out, check := d.lists()
		got := map[ID]bool{}
		for u := range have {
			got[u] = !d.replace
		}
		for _, u := range out {
			require.NotContains(t, in, u)
			got[u] = false
		}
		for _, u := range in {
			got[u] = true
		}
		for i := range d.users {
			if s := &d.users[i]; d.stays(s) {
				require.NotContains(t, append(in, out...), s.id)
				got[s.id] = have[s.id]
			}
		}
		for _, u := range pool {
			require.Equal(t, want[u], got[u])
		}
		require.Len(t, append(in, check...), len(named), "whoever was added must be checked, once")
		for _, u := range append(in, check...) {
			require.True(t, named[u])
		}
	})
}
