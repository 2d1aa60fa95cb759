package membership

import (
	"regexp"
	"slices"
)

// The bounds of the permissions of one group.
const (
	MaxPermissions    = 100
	permissionPattern = `^[A-Z][A-Z0-9_]{0,63}:[A-Z][A-Z0-9_]{0,63}$`
)

var permissions = regexp.MustCompile(permissionPattern)

func checkPermissions(ps []string) error {
	if len(ps) > MaxPermissions {
		return Invalidf("permissions must be at most %d", MaxPermissions)
	}
	for _, p := range ps {
		if !permissions.MatchString(p) {
			return Invalidf("permissions must be like USERS:READ, that is match %s", permissionPattern)
		}
	}
	return nil
}

// permissionSet returns the permissions in order, each once; nil for none.
func permissionSet(ps []string) []string {
	if len(ps) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(ps)))
}

// without returns what is in ps and not in others.
func without(ps, others []string) (rest []string) {
	for _, p := range ps {
		if !slices.Contains(others, p) {
			rest = append(rest, p)
		}
	}
	return rest
}
