package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// AuthMethod is how an OAuth client says who it is.
type AuthMethod string

// The methods (RFC 7591 section 2). client_secret is client_secret_basic and
// client_secret_post, as the client likes.
const (
	MethodSecret AuthMethod = "client_secret"
	MethodJWT    AuthMethod = "private_key_jwt"
)

// The lives of what OAuth clients have.
const (
	DefaultTokenLifetime  = time.Hour
	MaxTokenLifetime      = 6 * time.Hour
	DefaultSecretLifetime = 2 * 365 * 24 * time.Hour
	MaxSecretLifetime     = 3 * 366 * 24 * time.Hour
	// MaxSecrets bounds the secrets of one client that are not revoked.
	MaxSecrets = 10
)

const maxGivenKeys = 64 << 10 // bytes of a JWKS that is stored

// OAuthClient is an identity provider that fetches short-lived access tokens
// for one connection (RFC 6749 section 4.4).
type OAuthClient struct {
	Tenant     membership.ID
	ID         membership.ID
	Connection membership.ID
	Method     AuthMethod
	Scopes     []string
	// Keys verify its assertions (MethodJWT).
	Keys KeySource
	// Issuer and Subject are who its assertions are from and about, when
	// another issuer makes them (workload identity federation). Empty: the client
	// itself makes them, and both are its client_id.
	Issuer, Subject string
	// Audience is what its assertions are for; empty: this server.
	Audience string
	// ReuseAssertions lets an assertion of an issuer be used until it expires,
	// though it has a jti.
	ReuseAssertions bool
	TokenLifetime   time.Duration
	CreatedAt       time.Time
	LastUsedAt      time.Time // zero: it never got an access token
	RefusedAt       time.Time // of the last event of a refused attempt
	RevokedAt       time.Time // zero: not revoked
	// Secrets are those that are not revoked, expired ones included, in the
	// order of their ids.
	Secrets []ClientSecret
}

// ClientSecret is one of the secrets that a client can use, without its text.
type ClientSecret struct {
	ID         membership.ID
	Hash       []byte // SHA-256
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt time.Time // zero: never used
}

// ClientSpec is what a new client is made from.
type ClientSpec struct {
	Connection      membership.ID
	Method          AuthMethod
	Scopes          []string // nil: ScopeSCIM
	Keys            KeySource
	Issuer, Subject string
	Audience        string
	ReuseAssertions bool
	TokenLifetime   time.Duration // 0: DefaultTokenLifetime
	SecretExpiresAt time.Time     // zero: after DefaultSecretLifetime
}

func (s ClientSpec) check(keys *KeySets) error {
	switch {
	case s.TokenLifetime < DefaultTokenLifetime || s.TokenLifetime > MaxTokenLifetime:
		return membership.Invalidf("token_lifetime_seconds must be a number from %d to %d",
			int(DefaultTokenLifetime.Seconds()), int(MaxTokenLifetime.Seconds()))
	case len(s.Scopes) == 0:
		return membership.Invalidf("a client without a scope would open nothing")
	}
	if err := within("scopes", s.Scopes, slices.Sorted(maps.Keys(operationsOf))); err != nil {
		return err
	}
	switch s.Method {
	case MethodSecret:
		if len(s.Keys.Set) > 0 || s.Keys.URI != "" || s.Issuer != "" || s.Subject != "" || s.Audience != "" ||
			s.ReuseAssertions {
			return membership.Invalidf(
				"jwks, jwks_uri, issuer, subject, audience and reuse_assertions are for the auth_method %s", MethodJWT)
		}
		return nil
	case MethodJWT:
		return s.checkJWT(keys)
	}
	return membership.Invalidf("auth_method must be %q or %q", MethodSecret, MethodJWT)
}

func (s ClientSpec) checkJWT(keys *KeySets) error {
	switch {
	case !s.SecretExpiresAt.IsZero():
		return membership.Invalidf("expires_at is for secrets, and a client of the auth_method %s has none", MethodJWT)
	case (len(s.Keys.Set) > 0) == (s.Keys.URI != ""):
		return membership.Invalidf("the auth_method %s needs either jwks or jwks_uri", MethodJWT)
	case (s.Issuer == "") != (s.Subject == ""):
		return membership.Invalidf(
			"issuer and subject have to be given both: without a subject every token of the issuer " +
				"would be the client's")
	case s.ReuseAssertions && s.Issuer == "":
		return membership.Invalidf(
			"reuse_assertions is for assertions of an issuer: a client that signs them itself " +
				"makes a new one each time")
	case len(s.Keys.Set) > maxGivenKeys || !membership.ValidText(string(s.Keys.Set)):
		return membership.Invalidf("jwks has a NUL byte, is not UTF-8 or is longer than %d bytes", maxGivenKeys)
	}
	for name, v := range map[string]string{"issuer": s.Issuer, "subject": s.Subject, "audience": s.Audience} {
		if !membership.ValidText(v) || len(v) > maxURI {
			return membership.Invalidf("%s has a NUL byte, is not UTF-8 or is longer than %d bytes", name, maxURI)
		}
	}
	return keys.Check(s.Keys)
}

// The text forms of a client's id and secrets. The id carries the tenant's, so
// that finding a client is one tenant's query; like a token's, the secret has a
// prefix and a checksum for people and secret scanners. All of them are made of
// letters, digits and _, which are the same in a form, a URL and a header.
const (
	clientPrefix = "client_"
	secretPrefix = "scimbridge_secret_"
)

// ClientID is the client_id of RFC 6749.
func (c OAuthClient) ClientID() string {
	return clientPrefix + encoding.EncodeToString(slices.Concat(c.Tenant[:], c.ID[:]))
}

// ParseClientID reads a client_id in the one spelling that ClientID writes.
func ParseClientID(s string) (tenant, id membership.ID, ok bool) {
	rest, ok := strings.CutPrefix(s, clientPrefix)
	b, err := encoding.DecodeString(rest)
	if !ok || err != nil || len(b) != len(tenant)+len(id) {
		return membership.ID{}, membership.ID{}, false
	}
	copy(id[:], b[copy(tenant[:], b):])
	return tenant, id, OAuthClient{Tenant: tenant, ID: id}.ClientID() == s
}

// mintSecret makes a secret and its text, which exists nowhere else.
func mintSecret(now, expires time.Time) (ClientSecret, string) {
	b := make([]byte, secretSize, secretSize+crc32.Size)
	_, _ = rand.Read(b) // never fails (it ends the program instead)
	text := secretPrefix + encoding.EncodeToString(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
	return ClientSecret{ID: membership.NewID(), Hash: secretHash(text), CreatedAt: now, ExpiresAt: expires}, text
}

func secretHash(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

// secret returns the id of the live secret with a text. It compares with every
// one, and with one at least, so that it takes as long for a client that is not
// there.
func (c OAuthClient) secret(text string, now time.Time) (id membership.ID, ok bool) {
	hash := secretHash(text)
	ok = subtle.ConstantTimeCompare(hash, make([]byte, len(hash))) == 1
	for _, s := range c.Secrets {
		if subtle.ConstantTimeCompare(hash, s.Hash) == 1 && now.Before(s.ExpiresAt) {
			id, ok = s.ID, true
		}
	}
	return id, ok
}

// live reports whether the client has a way left to say who it is.
func (c OAuthClient) live(now time.Time) bool {
	return c.RevokedAt.IsZero() && (c.Method == MethodJWT ||
		slices.ContainsFunc(c.Secrets, func(s ClientSecret) bool { return now.Before(s.ExpiresAt) }))
}

// facts is what an event says of a client.
func (c OAuthClient) facts() membership.Facts {
	f := membership.Facts{
		"client_id": c.ID, "connection_id": c.Connection, "auth_method": c.Method, "scopes": c.Scopes,
		"token_lifetime_seconds": int64(c.TokenLifetime.Seconds()),
	}
	for name, v := range map[string]string{"jwks_uri": c.Keys.URI, "issuer": c.Issuer, "audience": c.Audience} {
		if v != "" {
			f[name] = v
		}
	}
	if len(c.Keys.Set) > 0 {
		f["jwks_sha256"] = hexHash(c.Keys.Set)
	}
	if c.Subject != "" { // may be personal data, so only its hash
		f["subject_sha256"] = hexHash([]byte(c.Subject))
	}
	if c.ReuseAssertions {
		f["reuse_assertions"] = true
	}
	return f
}

func (s ClientSecret) facts(client membership.ID) membership.Facts {
	return membership.Facts{"client_id": client, "secret_id": s.ID, "expires_at": membership.Timestamp(s.ExpiresAt)}
}
