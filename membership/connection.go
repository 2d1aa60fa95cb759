package membership

import "time"

// Connection is one identity provider's provisioning into one tenant.
type Connection struct {
	Tenant            ID
	ID                ID
	Name              string
	IDP               string // okta, entra or generic: for guides and people, never for behaviour
	LinkExistingUsers bool   // rule 22
	GroupKind         GroupKind
	CursorKey         []byte // 32 random bytes that seal its cursors (RFC 9865)
	CreatedAt         time.Time
	PausedAt          time.Time // zero: not paused
}

// IDPs are the providers that a connection may name.
var IDPs = []string{"okta", "entra", "generic"}
