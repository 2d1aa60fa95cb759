package membership

import "strings"

// Remedy says what an administrator can do about an error of a request.
type Remedy struct {
	Remedy string
	// AtProvider is what the provider shows, and what to do there; empty: nothing is
	// known of it.
	AtProvider string
}

// remedy is a row of the catalogue. It is for errors whose RequestAnswer.Why begins
// with one of why and that have the scimType and are of the operation, where the row
// names them. The first row that fits is the one.
type remedy struct {
	why       []string
	scimType  string
	operation string // it begins so, as POST /Users
	text      string
	at        map[string]string // by the name of a provider
}

// RemedyFor is the remedy for an error of a request: its operation as PATCH
// /Groups/{id}, its scimType and RequestAnswer.Why. provider is one of those that
// Provider returns.
func RemedyFor(provider, operation, scimType, why string) Remedy {
	for i := range remedies {
		if r := &remedies[i]; r.fits(operation, scimType, why) {
			return Remedy{Remedy: r.text, AtProvider: r.at[provider]}
		}
	}
	return Remedy{}
}

func (r *remedy) fits(operation, scimType, why string) bool {
	if r.scimType != "" && r.scimType != scimType || !strings.HasPrefix(operation, r.operation) {
		return false
	}
	for _, begin := range r.why {
		if strings.HasPrefix(why, begin) {
			return true
		}
	}
	return len(r.why) == 0
}

// The providers of which something is known.
const (
	providerOkta      = "okta"
	providerEntra     = "entra"
	providerGoogle    = "google"
	providerOneLogin  = "onelogin"
	providerJumpCloud = "jumpcloud"
	providerPing      = "ping"
	providerAuthentik = "authentik"
	providerRauthy    = "rauthy"
	providerPocketID  = "pocket-id"
	providerKeycloak  = "keycloak"
)

// agents are how the User-Agents of providers are known, in small letters.
var agents = []struct{ word, provider string }{
	{"okta", providerOkta}, {"google-auto-provisioning", providerGoogle}, {"onelogin", providerOneLogin},
	{"jumpcloud", providerJumpCloud}, {"ping", providerPing}, {"authentik", providerAuthentik}, {"rauthy",
		providerRauthy},
	{"pocket-id", providerPocketID}, {"keycloak", providerKeycloak},
}

// Provider is the name of the provider of a connection: what its idp says, else what
// the User-Agent of a request does; empty: it is not known.
func Provider(idp, userAgent string) string {
	if idp == providerOkta || idp == providerEntra {
		return idp
	}
	userAgent = strings.ToLower(userAgent)
	for _, a := range agents {
		if strings.Contains(userAgent, a.word) {
			return a.provider
		}
	}
	return ""
}

// RemedyTexts are the remedies of the catalogue: for a test that each is one of some
// error.
func RemedyTexts() (texts []string) {
	for i := range remedies {
		texts = append(texts, remedies[i].text)
	}
	return texts
}
