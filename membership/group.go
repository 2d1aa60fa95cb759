package membership

import "time"

// GroupKind says who may put members into a group (rule 33).
type GroupKind string

// The kinds of groups.
const (
	GroupCustom     GroupKind = "custom"     // both sources
	GroupEnterprise GroupKind = "enterprise" // providers only
)

func checkGroupKind(k GroupKind) error {
	if k != GroupCustom && k != GroupEnterprise {
		return Invalidf("kind must be %q or %q", GroupCustom, GroupEnterprise)
	}
	return nil
}

// Group is a group of a tenant as the application sees it. Its name need not
// be unique: a provider's group never takes over a local one (rule 30).
type Group struct {
	Tenant      ID
	ID          ID
	DisplayName string
	Kind        GroupKind
	Origin      Origin
	Permissions []string // what it gives to its members, in order, each once
	CreatedAt   time.Time
	UpdatedAt   time.Time
	// What it asks of its local grants: MaxGrantSeconds is how long one may live at most,
	// zero: for ever. With it each has to have an end, as with GrantsMustEnd.
	MaxGrantSeconds int64
	GrantsMustEnd   bool
}

// GroupLink is a group as one connection sees it; see UserLink.
type GroupLink struct {
	Tenant     ID
	Connection ID
	Group      ID

	ExternalID  string
	DisplayName string // unique in the connection's view, compared by Fold
	// Attributes is a JSON object with what else the connection sent, such as
	// extensions.
	Attributes []byte

	Version      int64
	CreatedAt    time.Time
	LastModified time.Time
}
