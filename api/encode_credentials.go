package api

import (
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// These are exported for the command line, which prints the same objects.

// AppendConnection appends a connection as a JSON object.
func AppendConnection(b []byte, c membership.Connection) []byte {
	b = appendIDField(append(b, '{'), "id", c.ID)
	b = appendField(append(b, ','), "name", c.Name)
	b = appendField(append(b, ','), "idp", c.IDP)
	b = appendBoolField(append(b, ','), "link_existing_users", c.LinkExistingUsers)
	b = appendField(append(b, ','), "group_kind", string(c.GroupKind))
	b = appendBoolField(append(b, ','), "paused", !c.PausedAt.IsZero())
	b = appendField(append(b, ','), "state", string(c.State()))
	b = appendTimeField(append(b, ','), "created_at", c.CreatedAt)
	b = appendTimeUnlessZero(b, "removed_at", c.RemovedAt)
	return append(b, '}')
}

// AppendRemoval appends what the removal of a connection does as a JSON object.
func AppendRemoval(b []byte, how membership.Removal, n auth.Removal) []byte {
	b = appendField(append(b, '{'), "members", string(how))
	for _, f := range []struct {
		name string
		n    int
	}{
		{"users", n.Users}, {"groups", n.Groups}, {"grants", n.Grants}, {"credentials", n.Credentials},
		{"memberships_ended", n.MembershipsEnded}, {"local_grants_opened", n.LocalGrantsOpened},
		{"local_grants_ending", n.LocalGrantsEnding},
		{"users_left_without_groups", n.UsersLeftWithoutGroups}, {"users_deactivated", n.UsersDeactivated},
		{"users_without_provider", n.UsersWithoutProvider}, {"groups_deleted", n.GroupsDeleted},
	} {
		b = strconv.AppendInt(appendName(append(b, ','), f.name), int64(f.n), 10)
	}
	return append(b, '}')
}

// AppendToken appends a token as a JSON object, without its secret or hash.
func AppendToken(b []byte, t auth.Token) []byte {
	return append(appendTokenFields(b, t), '}')
}

// AppendNewToken appends a new token with its text, which cannot be shown again.
func AppendNewToken(b []byte, t auth.Token, text string) []byte {
	b = appendTokenFields(b, t)
	return append(appendField(append(b, ','), "token", text), '}')
}

func appendTokenFields(b []byte, t auth.Token) []byte {
	b = appendIDField(append(b, '{'), "id", t.ID)
	b = appendField(append(b, ','), "name", t.Name)
	b = appendField(append(b, ','), "kind", string(t.Kind))
	if t.Kind == auth.KindSCIM {
		b = appendIDField(append(b, ','), "connection_id", t.Connection)
		b = appendStrings(append(b, ','), "scopes", t.Scopes)
	} else {
		b = appendField(append(b, ','), "principal", auth.PrincipalType(t.Principal))
		b = appendStrings(append(b, ','), "permissions", t.Permissions)
		b = appendStrings(append(b, ','), "roles", t.Roles)
	}
	networks := make([]string, len(t.Networks))
	for i, n := range t.Networks {
		networks[i] = n.String()
	}
	b = appendStrings(append(b, ','), "networks", networks)
	b = appendTimeField(append(b, ','), "created_at", t.CreatedAt)
	b = appendTimeUnlessZero(b, "expires_at", t.ExpiresAt)
	b = appendTimeUnlessZero(b, "last_used_at", t.LastUsedAt)
	if !t.ReplacedBy.IsZero() {
		b = appendIDField(append(b, ','), "replaced_by", t.ReplacedBy)
	}
	return b
}

// appendTimeUnlessZero appends one more field, or nothing.
func appendTimeUnlessZero(b []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendTimeField(append(b, ','), name, t)
}

func appendStrings(b []byte, name string, values []string) []byte {
	b = append(appendName(b, name), '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, v)
	}
	return append(b, ']')
}
