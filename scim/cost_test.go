package scim

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// repeated is a body that is never held whole: start, then so many times part, then
// end. Near the end it looks how much memory is taken.
type repeated struct {
	start, end string
	part       func(i int) string
	n, i       int
	rest       string
	heap       uint64
}

func (r *repeated) Read(p []byte) (int, error) {
	for r.rest == "" {
		switch {
		case r.i == 0:
			r.rest = r.start
		case r.i <= r.n:
			r.rest = r.part(r.i - 1)
		case r.i == r.n+1:
			r.rest, r.heap = r.end, heap()
		default:
			return 0, io.EOF
		}
		r.i++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestBodiesAreNotHeld: of however many operations and members in a body only
// what they come to is kept.
func TestBodiesAreNotHeld(t *testing.T) {
	const n = 200_000
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprintf("01a20125-1e97-70e6-8236-%012x", i)
	}
	member := func(i int) string {
		return fmt.Sprintf(`{"$ref":"https://x.example/%d","value":"%s"},`, i, ids[i%len(ids)])
	}
	for name, r := range map[string]*repeated{
		"single adds": {start: `{"Operations":[`, end: `{"op":"add","path":"members","value":[]}]}`,
			part: func(i int) string {
				return `{"op":"add","path":"members","value":[{"value":"` + ids[i%len(ids)] + `"}]},`
			}},
		"single removes": {start: `{"Operations":[`, end: `{"op":"add","path":"members","value":[]}]}`,
			part: func(i int) string {
				return `{"op":"remove","path":"members[value eq \"` + ids[i%len(ids)] + `\"]"},`
			}},
		"what is not read": {start: `{"x":[`, end: `0],"Operations":[]}`, part: func(int) string {
			return `{"a":["b",1]},`
		}},
		"blanks": {start: `{`, end: `"Operations":[]}`, part: func(int) string { return "  \t\n  \r\n  " }},
	} {
		t.Run(name, func(t *testing.T) {
			r.n = n
			before := heap()
			timed(t, func() {
				_, _, err := readGroupPatch(newTokens(newBodyReader(r)), &attributeBudget{1 << 20}, nil)
				require.NoError(t, err)
			})
			require.Less(t, int64(r.heap)-int64(before), int64(1<<20))
		})
	}
	// A list of members is kept as ids, of 16 bytes.
	r := &repeated{start: `{"displayName":"g","members":[`, end: `"x"]}`, part: member, n: n}
	before := heap()
	timed(t, func() {
		p, err := newTokens(newBodyReader(r)).groupParts(&attributeBudget{1 << 20})
		require.NoError(t, err)
		require.Len(t, p.members["members"].ids, n)
		require.Equal(t, `"x"`, named(p.members["members"].malformed))
	})
	require.Less(t, int64(r.heap)-int64(before), int64(40*n))
}

// TestClearsAreCheap: what empties a group does not go through who was named.
func TestClearsAreCheap(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"Operations":[`)
	for i := range 50_000 {
		fmt.Fprintf(&b, `{"op":"add","path":"members","value":"01a20125-1e97-70e6-8236-%012x"},`, i)
	}
	b.WriteString(strings.Repeat(`{"op":"remove","path":"members"},`, 100_000) + `{"op":"replace","path":"members",` +
		`"value":[]}]}`)
	timed(t, func() {
		c, err := foldText(b.String())
		require.NoError(t, err)
		require.False(t, c.members.IsZero())
	})
}

// TestProjectionsAreCheap: how many attributes are named does not matter to each
// resource.
func TestProjectionsAreCheap(t *testing.T) {
	var names []string
	for i := range 50_000 {
		names = append(names, fmt.Sprintf("urn:x:y:z%d", i), "title")
	}
	timed(t, func() {
		p := userType.newProjection(names, names[:1])
		for range maxCount {
			require.Len(t, p.of(jensen), 1)
		}
	})
}

// TestAttributesOfGroupsAreBounded: what is not about members may be as large as
// a user, however large the body may be.
func TestAttributesOfGroupsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 2000)
	for _, body := range []string{
		`{"Operations":[` + strings.Repeat(`{"op":"add","path":"externalId","value":"x"},`,
			500) + `{"op":"add","path":"externalId","value":"x"}]}`,
		`{"Operations":[{"op":"add","path":"externalId","value":"` + long + `"}]}`,
		`{"Operations":[{"op":"add","value":{"externalId":"` + long + `"}}]}`,
		`{"displayName":"` + long + `"}`,
	} {
		_, _, err := readGroupPatch(newTokens(newBodyReader(strings.NewReader(body))), &attributeBudget{1000}, nil)
		require.Equal(t, 413, errorOf(err).status, "%v", err)
	}
	_, err := newTokens(newBodyReader(strings.NewReader(`{"urn:x:y":{"a":"` + long + `"}}`))).
		groupParts(&attributeBudget{1000})
	require.Equal(t, 413, errorOf(err).status, "%v", err)
}

// TestKeysTwice: a key that is there twice has its last value. A path behind the
// value that was read for another one is refused.
func TestKeysTwice(t *testing.T) {
	a, b := ann.String(), bob.String()
	for body, want := range map[string]string{
		`{"Operations":[{"op":"add","path":"members","value":["` + a + `"],"value":["` + b + `"]}]}`: b,
		`{"Operations":[{"op":"add","value":["` + a + `"],"path":"displayName","path":"members"}]}`:  a,
		`{"Operations":[{"op":"add","path":"members","value":["` + a +
			`"]}],"operations":[{"op":"add","path":"members",` +
			`"value":"` + b + `"}]}`: b,
		`{"Operations":[{"op":"add","value":{"members":["` + a + `"],"members":["` + b + `"]}}]}`: b,
	} {
		c, err := foldText(body)
		require.NoError(t, err, body)
		alone, err := foldText(`{"Operations":[{"op":"add","path":"members","value":"` + want + `"}]}`)
		require.NoError(t, err)
		require.Equal(t, alone, c, body)
	}
	_, err := foldText(`{"Operations":[{"op":"add","path":"members","value":["` + a + `"],"path":"displayName"}]}`)
	require.Equal(t, typeInvalidSyntax, errorOf(err).scimType)
}

func named(n membership.Named) string { return n.String() }

// TestMalformedMembersAreCounted: of what cannot be an id the first few are
// named, each cut, and none is kept; a list of nothing else is not read to its
// end.
func TestMalformedMembersAreCounted(t *testing.T) {
	const n = 2_000_000
	long := strings.Repeat("é", 500)
	same := func(s string) func(int) string { return func(int) string { return s } }
	read := map[string]*repeated{
		"texts":      {start: `{"members":[`, end: `"x"]}`, part: same(`"a",`)},
		"objects":    {start: `{"members":[`, end: `"x"]}`, part: same(`{"value":"a"},`)},
		"long texts": {start: `{"members":[`, end: `"x"]}`, part: same(`"` + long + `",`)},
	}
	for name, r := range read {
		t.Run(name, func(t *testing.T) {
			if r.n = n; len(r.part(0)) > 100 {
				r.n = 30_000
			}
			before := heap()
			timed(t, func() {
				_, err := newTokens(newBodyReader(r)).groupParts(&attributeBudget{1 << 20})
				e := errorOf(err)
				require.Equal(t, typeInvalidValue, e.scimType)
				require.Contains(t, e.detail, "members has more than 10000 values that are no ids: ")
				require.Contains(t, e.detail, ", and 9981 more")
				require.Less(t, len(e.detail), 3000)
			})
			require.Less(t, int64(heap())-int64(before), int64(1<<20))
		})
	}
	for name, r := range map[string]*repeated{
		"operations": {start: `{"Operations":[`, end: `{"op":"add","path":"members","value":"x"}]}`,
			part: same(`{"op":"add","path":"members","value":"a"},`)},
		"paths": {start: `{"Operations":[`, end: `{"op":"add","path":"members","value":"x"}]}`,
			part: same(`{"op":"add","path":"members[value eq \"a\"]"},`)},
		"SCIM 1.1": {start: `{"members":[`, end: `{"value":"x"}]}`, part: same(`{"value":"a"},`)},
	} {
		t.Run(name, func(t *testing.T) {
			r.n = n / 10
			before := heap()
			timed(t, func() {
				c, _, err := readGroupPatch(newTokens(newBodyReader(r)), &attributeBudget{1 << 20}, nil)
				require.NoError(t, err)
				require.False(t, c.members.IsZero())
			})
			require.Less(t, int64(r.heap)-int64(before), int64(1<<20))
		})
	}
}
