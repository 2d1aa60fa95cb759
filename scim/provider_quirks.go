package scim

import (
	"encoding/json"
	"strings"
)

// Provider quirks: what providers send instead of what the RFC prints, and how the
// door reads it. Each is one function that names the providers.

// brokenURN is the rule of old and misprinted URNs: OneLogin names the schemas
// of SCIM 1.1, or 2.0 without the "ietf:params:", and Entra's documentation
// prints the enterprise extension without its last colon. Letter case is
// schemaNamed's affair.
func (t *resourceType) brokenURN(urn string) (canonical string, known bool) {
	lower := strings.ToLower(urn)
	lower = strings.TrimSuffix(lower, ":"+strings.ToLower(t.name))
	switch lower {
	case "urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0":
		return "", true
	case "urn:scim:schemas:extension:enterprise:1.0", "urn:scim:schemas:extension:enterprise:2.0",
		"urn:ietf:params:scim:schemas:extension:enterprise:1.0",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0user":
		if _, has := t.attributes[enterpriseURN]; has {
			return enterpriseURN, true
		}
	}
	return "", false
}

// unassigned is the rule of null, "", [] and {}: they all mean that there is no
// value (RFC 7643 section 2.5; Entra, JumpCloud, authentik, OneLogin).
func unassigned(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// stringBoolean is the rule of booleans in quotes: Entra sends "True", Keycloak
// and OneLogin "true".
func stringBoolean(v any) (b, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		return strings.EqualFold(v, "true"), strings.EqualFold(v, "true") || strings.EqualFold(v, "false")
	}
	return false, false
}

// numberAsText is the rule of a number where a text is meant: employee numbers,
// postal codes. One with an exponent is refused: whatever it was, it is not what
// the provider has.
func numberAsText(v any) any {
	if n, ok := v.(json.Number); ok && !strings.ContainsAny(n.String(), "eE") {
		return n.String()
	}
	return v
}

// bareValue is the rule of a value without its object: "ID" for {"value":"ID"}.
// Entra's manager, Postman's members.
func bareValue(a *attribute, v any) any {
	if s, ok := numberAsText(v).(string); ok && s != "" && a.value() != nil {
		return map[string]any{"value": s}
	}
	return v
}

// objectInArray is the rule of a single complex value in a list of one: Entra's
// documentation prints manager so.
func objectInArray(v any) any {
	if list, ok := v.([]any); ok && len(list) == 1 {
		return list[0]
	}
	return v
}

// arrayOfOne is the rule of one object where a list belongs: OneLogin's emails.
func arrayOfOne(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// oldName is the rule of sub-attributes under their SCIM 1.1 name: OneLogin's
// manager.managerId.
func oldName(a *attribute, lower string) string {
	if a.name == "manager" && lower == "managerid" {
		return "value"
	}
	return lower
}

// withoutValue is the rule of cleared values: {"value":""} is no manager, and a
// mail, number or role whose value was taken away is none.
func withoutValue(a *attribute, element map[string]any) bool {
	return a.value() != nil && element["value"] == nil
}

// keepsActive is the rule of active: a PUT that leaves it out, or anything that
// clears it, says nothing of whether somebody is active. Only a POST without it
// means true.
func keepsActive(a *attribute, e edit) bool {
	return !a.unlisted && a.name == "active" && (e.op == opRemove || unassigned(e.value))
}

// valueDecides is the rule of a remove that has both a path and a value: it
// takes away those values and no others (Entra's default job, JumpCloud,
// Rauthy). Without one, or with null, it takes all away (Keycloak). An empty
// list removes no one: a request that empties a group says so.
func valueDecides(value any, present bool) bool { return present && value != nil }

// mailAlias is the rule of the name email, which no schema has: Ping filters by
// it.
func mailAlias(prefix, name, sub string) (string, string) {
	if prefix == "" && sub == "" && strings.EqualFold(name, "email") {
		return "emails", "value"
	}
	return name, sub
}

// bareNumber is the rule of a number that is compared with a text: Entra's
// documentation prints values of filters without quotes.
func bareNumber(v any) any {
	if n, ok := v.(json.Number); ok {
		return n.String()
	}
	return v
}
