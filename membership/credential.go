package membership

import (
	"fmt"
	"strings"
)

// CredentialKind says how the actor has proved who it is.
type CredentialKind string

// The kinds of credentials.
const (
	CredentialToken       CredentialKind = "token"        // a bearer token of the tenant
	CredentialAccessToken CredentialKind = "access_token" // one that an OAuth client was issued
	CredentialClient      CredentialKind = "oauth_client" // a client's secret or assertion, at the token endpoint
	CredentialSetupLink   CredentialKind = "setup_link"   // a link by which a connection is set up
	CredentialJWT         CredentialKind = "jwt"          // signed by an issuer that the tenant trusts
	CredentialCLI         CredentialKind = "cli"          // the command line of the server
	CredentialBootstrap   CredentialKind = "bootstrap"    // the making of a tenant
	CredentialSystem      CredentialKind = "system"       // none: scimbridge itself
)

// Credential is what an event says of the credential that acted, never a secret.
// Which fields it has, its kind says; the zero Credential is in events from
// before credentials were recorded.
type Credential struct {
	Kind CredentialKind
	ID   ID // of a token, an access token, an OAuth client or a set-up link
	// Owner is the OAuth client of an access token, or the issuer of a JWT.
	Owner ID
	// Subject is the sub of a JWT, or its pseudonym where the actor has one.
	Subject string
}

// String is the form in which it is stored: the kind and its fields, between
// colons. The subject is the last, as it may have colons itself.
func (c Credential) String() string {
	switch c.Kind {
	case CredentialToken, CredentialClient, CredentialSetupLink:
		return string(c.Kind) + ":" + c.ID.String()
	case CredentialAccessToken:
		return string(c.Kind) + ":" + c.ID.String() + ":" + c.Owner.String()
	case CredentialJWT:
		return string(c.Kind) + ":" + c.Owner.String() + ":" + c.Subject
	case CredentialCLI, CredentialBootstrap, CredentialSystem:
	}
	return string(c.Kind)
}

// ParseCredential reads what String wrote.
func ParseCredential(s string) (c Credential, err error) {
	kind, rest, _ := strings.Cut(s, ":")
	first, second, _ := strings.Cut(rest, ":")
	switch c.Kind = CredentialKind(kind); c.Kind {
	case CredentialToken, CredentialClient, CredentialSetupLink:
		c.ID, err = ParseID(rest)
	case CredentialAccessToken:
		if c.ID, err = ParseID(first); err == nil {
			c.Owner, err = ParseID(second)
		}
	case CredentialJWT:
		c.Owner, err = ParseID(first)
		c.Subject = second
	case "", CredentialCLI, CredentialBootstrap, CredentialSystem:
		if rest != "" {
			err = fmt.Errorf("%q is more than a kind", s)
		}
	default:
		err = fmt.Errorf("%q is no kind of credential", kind)
	}
	return c, err
}

// Scan implements sql.Scanner.
func (c *Credential) Scan(src any) (err error) {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("cannot read a credential from %T", src)
	}
	*c, err = ParseCredential(s)
	return err
}
