package scim

import (
	"strings"
)

// What a client may prefer as the answer to a PATCH (RFC 7240 section 4.2).
// Users are shown and groups are not if it does not say.
const (
	returnRepresentation = "representation"
	returnMinimal        = "minimal"
)

// prefers reports whether the client prefers the answer to be so, and then says
// that it is. Of several preferences of one name the first counts.
func (x *exchange) prefers(what string) bool {
	headers := x.r.Header["Prefer"]
	if len(headers) == 0 {
		return false
	}
	quoted := false
	for _, part := range strings.FieldsFunc(strings.Join(headers, ","), func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ',' && !quoted
	}) {
		preference, _, _ := strings.Cut(part, ";") // what follows are its parameters
		name, value, _ := strings.Cut(preference, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "return") {
			continue
		}
		if !strings.EqualFold(strings.Trim(strings.TrimSpace(value), `"`), what) {
			return false
		}
		x.w.Header().Set("Preference-Applied", "return="+what)
		return true
	}
	return false
}
