package seal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A year of five digits is read as it is written, leap days included.
func TestParseTime(t *testing.T) {
	for _, want := range []time.Time{
		time.Date(2026, 2, 28, 23, 59, 59, 1000, time.UTC), time.Date(10000, 1, 1, 23, 58, 59, 0, time.UTC),
		time.Date(10000, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(10399, 12, 31, 0, 0, 0, 0, time.UTC),
	} {
		got, err := parseTime(want.Format(time.RFC3339Nano))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"", "-", "10001-02-29T00:00:00Z", "10000-13-01T00:00:00Z", "9999999-01-01T00:00:00Z",
		"-10000-01-01T00:00:00Z", "+10000-01-01T00:00:00Z", "soon"} {
		_, err := parseTime(text)
		require.Error(t, err, text)
	}
}

// A log from before ends had a bound has some that no server writes any more.
func TestALedgerReadsEndsOfEveryYear(t *testing.T) {
	l, err := NewLedger(Export{Report: "register", Query: map[string]string{"as_of": "2026-08-01T12:00:05Z"}})
	require.NoError(t, err)
	add := func(number int64, body string) { require.NoError(t, l.Add(Leaf{Number: number, Body: []byte(body)})) }
	const of = `"at":"2026-08-01T12:00:00.000000Z","membership_source":"local",` +
		`"members":[{"grant_id":"g","user_id":"u"}]`
	add(1, `{"action":"grant.opened",`+of+`,"after":{"expires_at":"2026-09-01T00:00:00.000000Z"}}`)
	add(2, `{"action":"grant.updated",`+of+`,"after":{"expires_at":"10000-01-01T23:58:59.000000Z"}}`)
	require.NoError(t, l.Row(func(column string) string {
		return map[string]string{"grant_id": "g", "user_id": "u", "membership_source": "local", "granted_by": ":",
			"granted_at": "2026-08-01T12:00:00.000000Z", "expires_at": "10000-01-01T23:58:59.000000Z"}[column]
	}))
	require.NoError(t, l.End())
}
