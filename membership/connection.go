package membership

import (
	"slices"
	"time"
)

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

// ConnectionSpec is what a new connection is made from.
type ConnectionSpec struct {
	Name              string
	IDP               string    // one of IDPs
	LinkExistingUsers *bool     // nil: yes
	GroupKind         GroupKind // of the groups that it makes; empty: custom
}

func (c Connection) check() error {
	if err := checkText("connection name", c.Name, true); err != nil {
		return err
	}
	if !slices.Contains(IDPs, c.IDP) {
		return Invalidf("idp must be one of %v", IDPs)
	}
	return checkGroupKind(c.GroupKind)
}
