package console

import (
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// wizard is the page that sets up a provider: for an administrator, and for the holder of
// a set-up link.
type wizard struct {
	Connection membership.Connection
	Base       string  // of its addresses
	Guide      guide   // of the provider that was chosen
	Guides     []guide // of those that can be chosen
	Client     bool    // with an OAuth client, not with a token
	Steps      []guideStep
	Values     guideValues
	Made       bool   // a secret was made just now: Values has it
	Another    bool   // there is a token of this link already
	NoToken    string // why there is no button to make one; empty: there is
	NoClient   string
	Progress   progress
	Link       *auth.SetupLink // the page is that of its holder; nil: of an administrator
	Form       *form
}

// No is why there is no button to make what the steps need.
func (v wizard) No() string {
	if v.Client {
		return v.NoClient
	}
	return v.NoToken
}

// Query keeps what was chosen in an address.
func (v wizard) Query() string {
	q := "?provider=" + v.Guide.ID
	if v.Client {
		q += "&with=client"
	}
	return q
}

// wizardParameters are the query parameters of its pages.
var wizardParameters = []string{"provider", "with"}

// newWizard makes the page of a connection by what was chosen.
func (d *door) newWizard(c membership.Connection, base, provider, with string) (wizard, error) {
	v := wizard{Connection: c, Base: base, Guides: guidesFor(c), Form: newForm(nil)}
	v.Guide = v.Guides[len(v.Guides)-1] // the generic one, or the only one
	if provider != "" {
		g, known := guideOf(provider)
		if !known {
			return v, membership.Invalidf("there is no guide for the provider %q", short(provider))
		}
		v.Guide = g
	}
	switch with {
	case "", "token":
	case "client":
		v.Client = len(v.Guide.Client) > 0
	default:
		return v, membership.Invalidf("with must be token or client")
	}
	v.Steps = v.Guide.Token
	if v.Client {
		v.Steps = v.Guide.Client
	}
	v.Values = guideValues{"{scim_base_url}": d.publicURL + "/scim/v2", "{token_url}": d.publicURL + auth.TokenPath}
	v.Progress.URL = base + "/progress" + v.Query()
	return v, nil
}

// madeToken and madeSecret show what was made, this once.
func (v *wizard) madeToken(text string) { v.Values["{token}"], v.Made = text, true }

func (v *wizard) madeSecret(c auth.OAuthClient, secret string) {
	v.Values["{client_id}"], v.Values["{client_secret}"], v.Made = c.ClientID(), secret, true
}

// follow reads the progress; what the caller may not see, or is not kept, says why.
func (v *wizard) follow(
	read func(membership.RequestFilter) (membership.RequestPage, error),
	health func() (membership.HealthState, error),
) error {
	url := v.Progress.URL
	p, err := progressOf(v.Guide, read)
	if err == nil {
		p.Health, err = health()
	}
	switch membership.KindOf(err) {
	case membership.KindForbidden, membership.KindNotFound:
		p, err = progress{NotAll: sentence(err.Error())}, nil
	}
	p.URL = url
	v.Progress = p
	return err
}
