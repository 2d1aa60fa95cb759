package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// ErrBadJWT is what every error of a token is that is not in order (errors.Is).
// The text of such an error is safe to show to the sender of the token.
var ErrBadJWT = errors.New("bad JWT")

type badJWT string

func (e badJWT) Error() string        { return string(e) }
func (e badJWT) Is(target error) bool { return target == ErrBadJWT }

const (
	errNoJWT     = badJWT("this is no signed JWT in the compact form")
	errAlgorithm = badJWT("the JWT's alg is none that is taken: RS, PS or ES with 256, 384 or 512, or EdDSA")
	errNoKey     = badJWT("there is no key for the JWT's kid and alg")
	errSignature = badJWT("the signature of the JWT is wrong")
	errNoClaims  = badJWT("the claims of the JWT are malformed")
)

// clockLeeway is how far the signer's clock may be off.
const clockLeeway = 60 * time.Second

// Claims are the verified claims of a JWT (RFC 7519 section 4).
type Claims struct {
	Type      string // typ of its header, as it was written
	Issuer    string
	Subject   string
	Audience  []string
	ID        string    // jti
	ExpiresAt time.Time // zero: none
	NotBefore time.Time // zero: none
	IssuedAt  time.Time // zero: none
	// All has every claim by its name.
	All map[string]json.RawMessage
}

// ClaimRules are what Claims are held against. An empty field is not checked,
// but for the audience and the times.
type ClaimRules struct {
	Issuer    string
	Subject   string
	Audiences []string // one of them must be in aud
	// MaxLifetime bounds how far exp may be away, from now and from iat.
	MaxLifetime time.Duration
}

// Check returns nil or an error that is ErrBadJWT. exp is required; exp, nbf and
// iat may be off by a minute.
func (c Claims) Check(now time.Time, r ClaimRules) error {
	switch {
	case r.Issuer != "" && c.Issuer != r.Issuer:
		return badJWT("iss is not the issuer that is expected")
	case r.Subject != "" && c.Subject != r.Subject:
		return badJWT("sub is not the subject that is expected")
	case !slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(r.Audiences, a) }):
		return badJWT("aud is not the audience that is expected")
	case c.ExpiresAt.IsZero():
		return badJWT("exp is required")
	case !now.Before(c.ExpiresAt.Add(clockLeeway)):
		return badJWT("the JWT has expired (exp)")
	case c.NotBefore.After(now.Add(clockLeeway)):
		return badJWT("the JWT is not valid yet (nbf)")
	case c.IssuedAt.After(now.Add(clockLeeway)):
		return badJWT("the JWT was issued in the future (iat)")
	}
	return c.checkLifetime(now, r.MaxLifetime)
}

func (c Claims) checkLifetime(now time.Time, most time.Duration) error {
	if most == 0 {
		return nil
	}
	if c.ExpiresAt.Sub(now) > most+clockLeeway || !c.IssuedAt.IsZero() && c.ExpiresAt.Sub(c.IssuedAt) > most {
		return badJWT(fmt.Sprintf("the JWT lives too long (exp): at most %s", most))
	}
	return nil
}

// parseClaims reads the payload. Names are compared exactly; of a name that is
// there twice the last counts, for every reader here alike.
func parseClaims(payload []byte, typ string) (Claims, error) {
	c := Claims{Type: typ}
	if json.Unmarshal(payload, &c.All) != nil || c.All == nil {
		return Claims{}, errNoClaims
	}
	for name, to := range map[string]*string{"iss": &c.Issuer, "sub": &c.Subject, "jti": &c.ID} {
		if !c.text(name, to) {
			return Claims{}, errNoClaims
		}
	}
	for name, to := range map[string]*time.Time{"exp": &c.ExpiresAt, "nbf": &c.NotBefore, "iat": &c.IssuedAt} {
		if !c.time(name, to) {
			return Claims{}, errNoClaims
		}
	}
	if !c.audience() {
		return Claims{}, errNoClaims
	}
	return c, nil
}

// text reads a string, or nothing when there is no such claim.
func (c *Claims) text(name string, to *string) bool {
	raw, ok := c.All[name]
	if !ok {
		return true
	}
	var s *string
	if json.Unmarshal(raw, &s) != nil || s == nil || !membership.ValidText(*s) {
		return false
	}
	*to = *s
	return true
}

// time reads a NumericDate: seconds since 1970, a fraction is allowed.
func (c *Claims) time(name string, to *time.Time) bool {
	const latest = 253402300799 // the year 9999
	raw, ok := c.All[name]
	if !ok {
		return true
	}
	var f *float64
	if json.Unmarshal(raw, &f) != nil || f == nil || *f < 1 || *f > latest {
		return false
	}
	whole, fraction := math.Modf(*f)
	*to = time.Unix(int64(whole), int64(fraction*float64(time.Second))).UTC()
	return true
}

// audience reads a string or a list of strings.
func (c *Claims) audience() bool {
	raw, ok := c.All["aud"]
	if !ok {
		return true
	}
	var one *string
	if json.Unmarshal(raw, &one) == nil && one != nil {
		c.Audience = []string{*one}
		return true
	}
	return json.Unmarshal(raw, &c.Audience) == nil
}
