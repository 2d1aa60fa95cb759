package auth

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const maxNetworks = 100

func (s TokenSpec) check(now time.Time) error {
	switch {
	case strings.TrimSpace(s.Name) == "":
		return membership.Invalidf("token name is required")
	case !membership.ValidText(s.Name) || len(s.Name) > membership.MaxText:
		return membership.Invalidf("token name has a NUL byte, is not UTF-8 or is longer than %d bytes",
			membership.MaxText)
	}
	if err := membership.CheckEnd(now, s.ExpiresAt); err != nil {
		return err
	}
	if err := checkNetworks(s.Networks); err != nil {
		return err
	}
	switch s.Kind {
	case KindSCIM:
		return s.checkSCIM()
	case KindAPI:
		return s.checkAPI()
	}
	return membership.Invalidf("kind must be %q or %q", KindAPI, KindSCIM)
}

func (s TokenSpec) checkSCIM() error {
	switch {
	case s.Connection.IsZero():
		return membership.Invalidf("a scim token needs a connection")
	case len(s.Permissions) > 0:
		return membership.Invalidf("a scim token has no permissions: " +
			"it acts in its connection's view, within its scopes")
	case s.Principal != membership.ActorUser, len(s.Roles) > 0:
		return membership.Invalidf("a scim token has no principal and no roles: it stands for its connection")
	case len(s.Scopes) == 0:
		return membership.Invalidf("a scim token without a scope would open nothing")
	}
	return within("scopes", s.Scopes, slices.Sorted(maps.Keys(operationsOf)))
}

func (s TokenSpec) checkAPI() error {
	switch {
	case !s.Connection.IsZero():
		return membership.Invalidf("an api token has no connection")
	case len(s.Scopes) > 0:
		return membership.Invalidf("an api token has no scopes: it has permissions")
	case PrincipalTypes[PrincipalType(s.Principal)] != s.Principal:
		return membership.Invalidf("principal must be USER, AGENT or SERVICE")
	}
	if err := checkRoles(s.Roles); err != nil {
		return err
	}
	return within("permissions", s.Permissions, KnownPermissions())
}

// KnownPermissions are all words for permissions, in order but for "*", which is the
// last.
func KnownPermissions() []string {
	return append(slices.Compact(slices.Sorted(maps.Values(permissionOf))), AllPermissions)
}

func within(field string, given, known []string) error {
	for _, g := range given {
		if !slices.Contains(known, g) {
			return membership.Invalidf("%s must be some of %s", field, strings.Join(known, ", "))
		}
	}
	return nil
}

// ParseNetworks reads CIDR blocks (RFC 4632 section 3.1, RFC 4291 section 2.3).
func ParseNetworks(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range texts {
		n, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, membership.Invalidf("networks must be CIDR blocks such as 192.0.2.0/24 or 2001:db8::/32")
		}
		out = append(out, n)
	}
	return out, checkNetworks(out)
}

// checkNetworks refuses what would silently mean something else, or nothing.
func checkNetworks(ns []netip.Prefix) error {
	if len(ns) > maxNetworks {
		return membership.Invalidf("networks must be at most %d", maxNetworks)
	}
	for _, n := range ns {
		switch {
		case !n.IsValid():
			return membership.Invalidf("networks must be CIDR blocks")
		case n.Addr().Is4In6():
			return membership.Invalidf("networks: write %s as an IPv4 block", n)
		case n != n.Masked():
			return membership.Invalidf("networks: %s has bits behind its prefix; did you mean %s?", n, n.Masked())
		}
	}
	return nil
}

// set returns the values in order, each once.
func set[T ~string](values []T) []T {
	return slices.Compact(slices.Sorted(slices.Values(values)))
}
