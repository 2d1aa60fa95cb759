package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// kindInFront is the kind of an error as it stands in front of a reason.
var kindInFront = regexp.MustCompile(`^[a-z0-9_]+: `)

// because is why a request ended as it did: what the provider was told, where the
// reason leaves its values out.
func because(why, detail string) string {
	if detail != "" && strings.Contains(why, "…") {
		why = detail
	}
	why = kindInFront.ReplaceAllString(why, "")
	if first, _, _ := strings.Cut(why, " "); strings.ToLower(first) != first { // userName is written so
		return strings.TrimSuffix(why, ".") + "."
	}
	return sentence(why)
}

// inShort is the first sentence of because.
func inShort(why, detail string) string {
	first, _, _ := strings.Cut(because(why, detail), ". ")
	if says, values, found := cutLast(first, ": "); found && strings.Contains(values, "…") {
		first = says // what is behind it has no values here
	}
	return strings.TrimSuffix(first, ".") + "."
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// pretty is JSON as people read it. What was cut off stays as it is.
func pretty(s string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(s), "", "  ") != nil {
		return s
	}
	return b.String()
}

// outcomeLabel is an outcome as the part "outcome" shows it.
type outcomeLabel struct{ Class, Name string }

func outcomeOf(o membership.RequestOutcome) outcomeLabel {
	return cmp.Or(map[membership.RequestOutcome]outcomeLabel{
		membership.RequestChanged: {"good", "Changed"},
		membership.RequestNothing: {"off", "Nothing to do"},
		membership.RequestRefused: {"bad", "Refused"},
		membership.RequestHeld:    {"warn", "Held"},
		membership.RequestFailed:  {"bad", "Failed here"},
		membership.RequestLimited: {"warn", "Too many"},
	}[o], outcomeLabel{"off", string(o)})
}

// providerNames are those of providers as they write themselves.
var providerNames = map[string]string{
	"okta": "Okta", "entra": "Entra ID", "google": "Google", "onelogin": "OneLogin", "jumpcloud": "JumpCloud",
	"ping": "Ping", "authentik": "authentik", "rauthy": "Rauthy", "pocket-id": "Pocket ID", "keycloak": "Keycloak",
}

func providerName(provider string) string { return cmp.Or(providerNames[provider], "the provider") }
