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
	RemovedAt         time.Time // when its credentials died; zero: not removed
	Removal           Removal   // what became of its grants since; empty: nothing yet
}

// ConnectionState is how a connection stands.
type ConnectionState string

// The states of connections.
const (
	ConnectionActive ConnectionState = "active"
	ConnectionPaused ConnectionState = "paused"
	// its credentials are dead, its grants as they were: remove it again
	ConnectionRemoving ConnectionState = "removing"
	ConnectionFrozen   ConnectionState = "frozen"  // removed; its grants and links stay until it is removed otherwise
	ConnectionRemoved  ConnectionState = "removed" // it has no grants and no links
)

// State is how the connection stands.
func (c Connection) State() ConnectionState {
	switch {
	case c.RemovedAt.IsZero() && c.PausedAt.IsZero():
		return ConnectionActive
	case c.RemovedAt.IsZero():
		return ConnectionPaused
	case c.Removal == "":
		return ConnectionRemoving
	case c.Removal == RemovalFreeze:
		return ConnectionFrozen
	}
	return ConnectionRemoved
}

// Removal is what becomes of the grants of a connection that is removed.
type Removal string

// The three ways to remove a connection.
const (
	RemovalRelease Removal = "release" // they are closed
	RemovalConvert Removal = "convert" // they become local ones
	RemovalFreeze  Removal = "freeze"  // they stay as they are
)

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
