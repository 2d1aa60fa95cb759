package api

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/scimbridge/scimbridge/membership"
)

// Whatever text the domain keeps is written so that another decoder reads it.
func TestAppendStringRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		var got string
		require.NoError(t, json.Unmarshal(appendString(nil, want), &got))
		require.Equal(t, want, got)
	})
}

func TestCursorRoundTrip(t *testing.T) {
	id := membership.NewID()
	got, err := parseCursor(string(appendCursor(nil, id)))
	require.NoError(t, err)
	assert.Equal(t, id, got)
}

func FuzzParseCursor(f *testing.F) {
	f.Add(string(appendCursor(nil, membership.NewID())))
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAB")
	f.Add("AAAAAAAAAAAAAAAAAAAAAA\n")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := parseCursor(s)
		if err == nil {
			require.Equal(t, s, string(appendCursor(nil, id)))
		}
	})
}

func benchmarkMember() membership.Member {
	at := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	id := membership.NewID()
	return membership.Member{
		User:     membership.User{ID: id, Email: "bjensen@example.com", Name: "Barbara Jensen", Active: true},
		JoinedAt: at,
		Sources: []membership.MemberSource{{
			Grant: membership.Grant{
				Connection: id, OpenedAt: at,
				OpenedBy: membership.Actor{Kind: membership.ActorConnection, ID: id.String()},
			},
			ConnectionName: "Okta",
		}},
	}
}

func BenchmarkAppendMember(b *testing.B) {
	m := benchmarkMember()
	buf := make([]byte, 0, chunk)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendMember(buf[:0], m)
	}
}
