package membership

import (
	"slices"
	"time"
)

// Origin says which side created a user or a group.
type Origin = Source

// User is a person of a tenant as the application sees them.
type User struct {
	Tenant        ID
	ID            ID
	UserName      string // unique in the tenant, compared by Fold
	Email         string
	Name          string
	Native        Shown // what was set natively, of a user that a provider has; see otherwise
	Origin        Origin
	Suspended     bool // rule 26: wins over every provider
	Deprovisioned bool // rule 25: the last link of a local user ended
	Pending       bool // invited by address, and not signed up yet
	Active        bool // what follows from all of that: settle
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// settle derives Active: not suspended, and not linked at all (and not left
// behind by a deprovisioning, nor only invited), or at least one link active.
// A pending user has no link.
func (u *User) settle(links []UserLink) {
	u.Pending = u.Pending && len(links) == 0
	alive := len(links) == 0 && !u.Deprovisioned && !u.Pending ||
		slices.ContainsFunc(links, func(l UserLink) bool { return l.Active })
	u.Active = alive && !u.Suspended
}

// UserLink is a user as one connection sees them: what it sent, under its own
// names, with its own version. Everything a connection reads comes from here,
// so no other source can change what it sees (rule 34).
type UserLink struct {
	Tenant     ID
	Connection ID
	User       ID

	ExternalID string
	UserName   string // unique in the connection's view, compared by Fold
	Active     bool   // the connection's word (rules 23, 24)
	Email      string // the address for the application
	Name       string // the name for the application
	// Emails are all addresses of the resource, for lookups.
	Emails []string
	// Attributes is a JSON object with all other attributes of the SCIM
	// resource in their canonical names (RFC 7643), without id, meta, groups,
	// userName, externalId and active.
	Attributes []byte

	Version      int64
	CreatedAt    time.Time
	LastModified time.Time
}

// GroupRef names a group, as in the groups attribute of a User (RFC 7643
// section 4.1.2).
type GroupRef struct {
	ID          ID
	DisplayName string
}
