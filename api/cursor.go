package api

import (
	"encoding/base64"

	"github.com/scimbridge/scimbridge/membership"
)

// A cursor is the last id of a page. To callers it is opaque.

func appendCursor(b []byte, last membership.ID) []byte {
	return base64.RawURLEncoding.AppendEncode(b, last[:])
}

func parseCursor(s string) (membership.ID, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	// The decoder passes over line ends: a cursor has none, so its length tells.
	if err != nil || len(b) != len(membership.ID{}) || len(s) != base64.RawURLEncoding.EncodedLen(len(b)) {
		return membership.ID{}, membership.Invalidf("cursor is none that this API gave out")
	}
	return membership.ID(b), nil
}

// cut takes a list of one more than the page holds down to the page. next is the
// zero id when there was no more.
func cut[T any](list []T, limit int, id func(T) membership.ID) (page []T, next membership.ID) {
	if len(list) <= limit {
		return list, next
	}
	return list[:limit], id(list[limit-1])
}
