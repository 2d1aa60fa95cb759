package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"
)

const (
	// ownAssertionLife bounds an assertion that a client signs itself,
	// issuedAssertionLife one of its issuer: some give a day, and set iat back;
	// and unnamedAssertionLife one without jti, which can be used again.
	ownAssertionLife     = time.Hour
	issuedAssertionLife  = 25 * time.Hour
	unnamedAssertionLife = 2 * time.Hour
	// scopeSuffix is what Entra shows behind an audience, but does not send.
	scopeSuffix = "/.default"
)

// judge holds the claims of an assertion against what the client's have to be
// (RFC 7523 section 3).
func (i *issuer) judge(c OAuthClient, claims Claims, now time.Time) (p proof, err error) {
	rules := ClaimRules{Issuer: c.ClientID(), Subject: c.ClientID(), Audiences: i.audiences,
		MaxLifetime: ownAssertionLife}
	if c.Issuer != "" {
		rules.Issuer, rules.Subject, rules.MaxLifetime = c.Issuer, c.Subject, issuedAssertionLife
	}
	if c.Audience != "" {
		rules.Audiences = []string{c.Audience, strings.TrimSuffix(c.Audience, scopeSuffix)}
	}
	if err := claims.Check(now, rules); err != nil {
		return p, badAssertion(err)
	}
	switch {
	case c.ReuseAssertions:
		return p, nil
	case claims.ID == "" && c.Issuer == "":
		return p, badAssertion(badJWT("jti is required: an assertion can be used once"))
	case claims.ID == "": // as Entra's are, which it may send again
		if err := claims.checkLifetime(now, unnamedAssertionLife); err != nil {
			return p, badAssertion(err)
		}
		return p, nil
	}
	return proof{hash: assertionHash(claims),
		expires: claims.ExpiresAt.Add(clockLeeway).Truncate(time.Microsecond)}, nil
}

// assertionHash names an assertion for good: jti is unique for its issuer.
func assertionHash(c Claims) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(len(c.Issuer)))
	sum := sha256.Sum256(append(append(b, c.Issuer...), c.ID...))
	return sum[:]
}

// subjectOf reads sub of an assertion that is not verified yet: it says which
// client to look for, and nothing more.
func subjectOf(assertion string) string {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 || len(assertion) > maxJWT {
		return ""
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]json.RawMessage
	var sub string
	if err != nil || json.Unmarshal(b, &claims) != nil || json.Unmarshal(claims["sub"], &sub) != nil {
		return ""
	}
	return sub
}
