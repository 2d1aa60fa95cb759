package auth

import (
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// ended says, for the log, why a token is not valid any more: revoked, removed with
// its connection, or expired. Empty: it is valid.
func (t Token) ended(clock membership.Clock) string {
	switch {
	case !t.RevokedAt.IsZero():
		return "unauthenticated: the token is revoked"
	case !t.ConnectionRemovedAt.IsZero():
		return "unauthenticated: the connection of the token is removed"
	case !t.ExpiresAt.IsZero() && !clock.Now().Before(t.ExpiresAt):
		return "unauthenticated: the token has expired"
	}
	return ""
}

// endedAt is when a token ended that opens nothing any more.
func (t Token) endedAt() time.Time {
	switch {
	case !t.RevokedAt.IsZero():
		return t.RevokedAt
	case !t.ConnectionRemovedAt.IsZero():
		return t.ConnectionRemovedAt
	}
	return t.ExpiresAt
}
