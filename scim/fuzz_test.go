package scim

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// The fuzz targets. Each holds what a caller sent to three things: nothing
// panics, nothing takes long, and every refusal is a 400 or 413. What is taken
// is held to what it must mean beside that.

// patience is far more processor time than any input of a request needs: the
// largest here take one second or two, and minutes where the work grows with its
// square.
const patience = 10 * time.Second

// refusal checks an error for what a caller may see.
func refusal(t *testing.T, err error) {
	t.Helper()
	e := errorOf(err)
	if e.status != 413 {
		require.Equal(t, 400, e.status, "%v", err)
		require.NotEmpty(t, e.scimType)
	}
	require.NotEmpty(t, e.detail)
}

// timed holds fn to patience, by the processor time of the process: other work of
// the machine does not count.
func timed(t *testing.T, fn func()) {
	t.Helper()
	start := processorTime(t)
	fn()
	require.Less(t, processorTime(t)-start, patience)
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

var fuzzResources = []map[string]any{
	{}, jensen,
	{"userName": "x", "emails": []any{map[string]any{"value": "x"}}},
	{"urn:x:y": map[string]any{
		"z": map[string]any{"w": []any{"x", json.Number("5")}, "V": true},
		"lines": []any{map[string]any{"value": "x", "Primary": true}, "y",
			map[string]any{"a": []any{map[string]any{"b": nil}}}},
	}},
	{"id": "x", "displayName": "g", "members": []any{map[string]any{"value": "x", "type": "User"}}},
}

// FuzzFilter: a filter that is taken means the same in parentheses, and the
// opposite behind a not.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		`userName eq "x"`, `emails[type eq "work"].value eq "x"`, `not (a pr or b eq 1)`, `((((`, `a eq "\u00`,
		`urn:x:y.z co tru`,
		`a eq 1e999`, `meta.lastModified gt "2026-01-02T03:04:05Z"`,
		`emails[type eq "work" and (value co "x" or not (primary eq True))]`,
		`userName%20eq%20%22x%22`, `emails[type eq "work"] eq "x"`, `members[not (value eq "x") and display ne "y"]`,
		enterpriseURN + `.manager.value eq "x"`,
		`userName eq 'x'`, `urn:x:1.0.a.b pr`, `members.value eq "x" and displayName sw "g"`, `userName eq "\ud800"`,
		`name.familyName gt ""`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		timed(t, func() {
			for _, r := range resourceTypes {
				readings, err := r.readings(text)
				if err != nil {
					refusal(t, err)
					continue
				}
				for _, reading := range readings {
					for _, resource := range fuzzResources {
						reading.Match(resource)
					}
				}
				// Below the limits a filter can be put into another.
				text := encodedTwice(text)
				if len(text) < 600 && strings.Count(text, "(") < maxFilterDepth/2 {
					same(t, r, readings[0], "("+text+")", true)
					same(t, r, readings[0], "not("+text+")", false)
				}
			}
		})
	})
}

// same reads a filter that must mean the same as another, or the opposite.
func same(t *testing.T, r *resourceType, f membership.Filter, text string, equal bool) {
	t.Helper()
	e, err := readFilter(text)
	require.NoError(t, err, "%q", text)
	other, err := r.filter(e)
	require.NoError(t, err, "%q", text)
	for _, resource := range fuzzResources {
		require.Equal(t, f.Match(resource) == equal, other.Match(resource), "%q", text)
	}
}

// fuzzValues are what an operation may carry.
var fuzzValues = []string{
	`"x"`, `true`, `5`, `null`, `""`, `{}`, `[]`, `{"value":"x","primary":true}`, `{"a":"b"}`,
	`[{"value":"a","primary":true},{"value":"b","type":"work","primary":true}]`, `[{"a":{"b":[1,null]}}]`,
}

// FuzzPath: an edit leaves what it carries as it was, and one that has nothing
// to select by has no more to do the second time.
func FuzzPath(f *testing.F) {
	for i, s := range []string{
		"name.givenName", `emails[type eq "work"].value`, `members[value eq "x"]`, enterpriseURN + ":manager",
		"urn:x:y",
		`roles[primary eq "True"`, "emails", "addresses.locality", "active", "urn:x:y:z.w",
		`urn:x:y:lines[value eq "x"].a`, `urn:x:y:Lines[primary eq true]`, "urn:x:y:LINES", "urn:x:y:z",
		`urn:x:y:emails[type eq "work"].value`,
		`addresses[type eq "work" and primary eq true]`, "members[(((", `members[not (display eq "x")]`,
		enterpriseURN + ".department", "urn:x:1.0.y.z", `emails[type eq 'work'].value`, "name", " manager ",
		"emails.primary",
	} {
		f.Add(s, uint8(i), uint8(i))
	}
	f.Fuzz(func(t *testing.T, text string, op, value uint8) {
		timed(t, func() {
			for _, r := range resourceTypes {
				e, err := r.path(text)
				if err != nil {
					refusal(t, err)
					continue
				}
				e.op = []string{opAdd, opReplace, opRemove}[op%3]
				require.NoError(t, decode([]byte(fuzzValues[int(value)%len(fuzzValues)]), &e.value))
				e.given = true
				fuzzEdit(t, e)
			}
			if _, _, err := memberPath(text); err != nil {
				refusal(t, err)
			}
		})
	})
}

func fuzzEdit(t *testing.T, e edit) {
	t.Helper()
	sent := text(t, e.value)
	for _, before := range fuzzResources {
		r := clone(before).(map[string]any)
		err := apply(r, e)
		require.Equal(t, sent, text(t, e.value))
		if err != nil {
			refusal(t, err)
			continue
		}
		once := text(t, r)
		if err := apply(r, e); e.where == nil || e.op == opRemove {
			require.NoError(t, err)
			require.Equal(t, once, text(t, r), "the second time, after %s", text(t, before))
		}
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := encode(v)
	require.NoError(t, err)
	return string(b)
}

// FuzzCursor: a cursor opens as what was sealed, for the list that it was sealed
// for, and nothing else opens at all.
func FuzzCursor(f *testing.F) {
	f.Add("", "key", []byte("0123456789abcdef"), int64(1), false, 3)
	f.Add("AAAA", "k\x00\xff", []byte{}, int64(-1), true, 0)
	f.Add(strings.Repeat("A", 100), `"`, []byte{1}, int64(1)<<62, true, 40)
	key := make([]byte, 32)
	f.Fuzz(func(t *testing.T, text, at string, id []byte, expires int64, before bool, flip int) {
		s, err := newSealer(key, "User", "filter", "sort")
		require.NoError(t, err)
		other, err := newSealer(key, "User", "filters", "ort")
		require.NoError(t, err)
		_, err = s.open(text)
		require.Error(t, err, "nobody can make a cursor")

		c := cursor{Key: strings.ToValidUTF8(at, "?"), Absent: len(at)%2 == 0, Before: before, Expires: expires}
		copy(c.ID[:], id)
		sealed, err := s.seal(c)
		require.NoError(t, err)
		opened, err := s.open(sealed)
		require.NoError(t, err)
		require.Equal(t, c, opened)
		_, err = other.open(sealed)
		require.ErrorIs(t, err, errSealed)
		broken := []byte(sealed)
		i := int(uint(flip) % uint(len(broken)))
		broken[i] ^= 1
		if _, err := s.open(string(broken)); string(broken) != sealed {
			require.ErrorIs(t, err, errSealed)
		}
	})
}
