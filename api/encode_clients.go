package api

import (
	"strconv"

	"github.com/scimbridge/scimbridge/auth"
)

// These are exported for the command line, which prints the same objects.

// AppendClient appends an OAuth client as a JSON object, without its secrets'
// texts and hashes.
func AppendClient(b []byte, c auth.OAuthClient) []byte {
	return append(appendClientFields(b, c), '}')
}

// AppendNewClient appends a new client with its first secret, which cannot be
// shown again.
func AppendNewClient(b []byte, c auth.OAuthClient, secret string) []byte {
	b = appendClientFields(b, c)
	if secret != "" {
		b = appendField(append(b, ','), "client_secret", secret)
		b = appendIDField(append(b, ','), "client_secret_id", c.Secrets[0].ID)
		b = appendTimeField(append(b, ','), "client_secret_expires_at", c.Secrets[0].ExpiresAt)
	}
	return append(b, '}')
}

// AppendNewSecret appends a new secret with its text.
func AppendNewSecret(b []byte, s auth.ClientSecret, text string) []byte {
	b = appendSecretFields(b, s)
	return append(appendField(append(b, ','), "client_secret", text), '}')
}

func appendSecretFields(b []byte, s auth.ClientSecret) []byte {
	b = appendIDField(append(b, '{'), "id", s.ID)
	b = appendTimeField(append(b, ','), "created_at", s.CreatedAt)
	b = appendTimeField(append(b, ','), "expires_at", s.ExpiresAt)
	return appendTimeUnlessZero(b, "last_used_at", s.LastUsedAt)
}

func appendClientFields(b []byte, c auth.OAuthClient) []byte {
	b = appendIDField(append(b, '{'), "id", c.ID)
	b = appendField(append(b, ','), "client_id", c.ClientID())
	b = appendIDField(append(b, ','), "connection_id", c.Connection)
	b = appendField(append(b, ','), "auth_method", string(c.Method))
	b = appendStrings(append(b, ','), "scopes", c.Scopes)
	b = append(appendName(append(b, ','), "token_lifetime_seconds"),
		strconv.FormatInt(int64(c.TokenLifetime.Seconds()), 10)...)
	if c.Method == auth.MethodJWT {
		b = appendAssertionFields(b, c)
	} else {
		b = append(appendName(append(b, ','), "secrets"), '[')
		for i, s := range c.Secrets {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendSecretFields(b, s), '}')
		}
		b = append(b, ']')
	}
	b = appendTimeField(append(b, ','), "created_at", c.CreatedAt)
	return appendTimeUnlessZero(b, "last_used_at", c.LastUsedAt)
}

func appendAssertionFields(b []byte, c auth.OAuthClient) []byte {
	if len(c.Keys.Set) > 0 {
		b = append(appendName(append(b, ','), "jwks"), c.Keys.Set...) // JSON, as it was given
	}
	for _, f := range [][2]string{
		{"jwks_uri", c.Keys.URI}, {"issuer", c.Issuer}, {"subject", c.Subject}, {"audience", c.Audience},
	} {
		if f[1] != "" {
			b = appendField(append(b, ','), f[0], f[1])
		}
	}
	return appendBoolField(append(b, ','), "reuse_assertions", c.ReuseAssertions)
}
