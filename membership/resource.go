package membership

import (
	"strconv"
	"time"
)

// Resources renders links as the JSON objects that filters and orders read (RFC 7643
// section 4.1), with canonical attribute names. The door that asks a LinkQuery has it.
type Resources interface {
	// User renders a user without the groups.
	User(l UserLink) map[string]any
	// Group renders a group without the members.
	Group(l GroupLink) map[string]any
}

// ETag is the weak entity tag of a version (RFC 7644 section 3.14).
func ETag(version int64) string {
	var room [32]byte
	return string(append(strconv.AppendInt(append(room[:0], `W/"`...), version, 10), '"'))
}

// Timestamp is a time as every door writes it: RFC 3339, UTC, microseconds.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
