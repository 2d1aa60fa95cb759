package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/scimbridge/scimbridge/membership"
)

// maxSubject is the longest subject, in bytes.
const maxSubject = 255

// Messages about a JWT that the tenant's issuer signed for the tenant, beside
// those of Claims.Check.
const (
	errJWTSubject   = unauthenticated("the JWT has no sub, or one that is too long or has control characters")
	errJWTPrincipal = unauthenticated("the JWT's type of principal is none of USER, AGENT and SERVICE")
	errJWTRoles     = unauthenticated("the JWT has too many roles, or some that are no words")
)

// unverified reads the claims of a JWT before its signature is
// checked. They only say which issuers to look for.
func unverified(text string) Claims {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return Claims{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Claims{}
	}
	c, err := parseClaims(payload, "")
	if err != nil {
		return Claims{}
	}
	return c
}

// usualTenantClaims are where a JWT is expected to say its tenant's id, when
// nothing else in the request says it.
var usualTenantClaims = []string{DefaultTenantClaim, "tenantId", "tid", "org_id"}

func ownTenant(text string) membership.ID {
	c := unverified(text)
	for _, name := range usualTenantClaims {
		s, _ := textClaim(c, name)
		if id, err := membership.ParseID(s); err == nil && !id.IsZero() {
			return id
		}
	}
	return membership.ID{}
}

// principal returns the principal of a JWT of the issuer. The tenant is checked
// first: until it is known to be this one, errors say nothing.
func (i Issuer) principal(c Claims, now time.Time) (Principal, error) {
	if tenant, ok := textClaim(c, i.Claims.Tenant); !ok || c.Issuer != i.Issuer || !i.isTenant(tenant) {
		return Principal{}, errNotTrusted
	}
	if err := c.Check(now, ClaimRules{Issuer: i.Issuer, Audiences: i.Audiences, MaxLifetime: i.MaxAge}); err != nil {
		return Principal{}, unauthenticated("the bearer token is not valid: " + err.Error())
	}
	actor, err := i.actor(c)
	if err != nil {
		return Principal{}, err
	}
	p := Principal{Tenant: i.Tenant, Issuer: i.ID, Kind: KindAPI, Actor: actor, CreatedAt: c.IssuedAt.UTC()}
	p.IssuerAt = i.UpdatedAt
	i.identify(&p, actor.ID)
	p.Permissions, p.Roles, err = i.rights(c)
	return p, err
}

// identify says which subject of the issuer a principal is. The person is the same when
// the issuer is deleted and made anew.
func (i Issuer) identify(p *Principal, subject string) {
	p.Credential = membership.Credential{Kind: membership.CredentialJWT, Owner: i.ID, Subject: subject}
	p.Person = membership.SubjectPerson(i.Issuer, subject)
	p.Holder = "issuer:" + i.ID.String() + ":" + subject
}

func (i Issuer) isTenant(value string) bool {
	if i.TenantValue != "" {
		return value == i.TenantValue
	}
	id, err := membership.ParseID(value)
	return err == nil && id == i.Tenant
}

// actor is what events call the bearer: the subject, but for one that looks like
// an address. Events keep no address, so of that they have a hash.
func (i Issuer) actor(c Claims) (a membership.Actor, err error) {
	a.Kind = i.DefaultPrincipal
	names := []string{i.Claims.Principal}
	if i.Claims.Principal == "" {
		names = []string{"principal_type", "type"}
	}
	for _, name := range names {
		if _, there := c.All[name]; there {
			word, _ := textClaim(c, name)
			if a.Kind, there = PrincipalTypes[strings.ToUpper(word)]; !there {
				return a, errJWTPrincipal
			}
			break
		}
	}
	a.ID = c.Subject
	if strings.TrimSpace(a.ID) == "" || len(a.ID) > maxSubject || strings.ContainsFunc(a.ID, unicode.IsControl) {
		return a, errJWTSubject
	}
	if strings.Contains(a.ID, "@") {
		a.ID = i.pseudonym(a.ID)
	}
	return a, nil
}

// pseudonym is the same for the same subject of the issuer in the tenant, and
// another everywhere else.
func (i Issuer) pseudonym(subject string) string {
	h := sha256.New()
	for _, part := range []string{i.Tenant.String(), i.Issuer, subject} {
		h.Write([]byte(part))
		h.Write([]byte{'\n'}) // is in none of them
	}
	return "sha256-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// rights are the permissions and roles of a JWT: of what it carries, what the
// issuer may give.
func (i Issuer) rights(c Claims) (permissions, roles []string, err error) {
	most := i.Permissions
	all := slices.Contains(most, AllPermissions)
	if all {
		most = KnownPermissions()
	}
	for _, p := range permissionClaim(c, i.Claims.Permissions) {
		if slices.Contains(most, p) && !slices.Contains(permissions, p) {
			permissions = append(permissions, p)
		}
	}
	name := i.Claims.Roles
	if name == "" {
		name = "roles"
	}
	roles = set(listClaim(c, name))
	if checkRoles(roles) != nil {
		return nil, nil, errJWTRoles
	}
	if !all { // then the issuer may not grant every permission
		roles = slices.DeleteFunc(roles, func(r string) bool { return r == RoleOrgOwner })
	}
	permissions, roles = ownership(permissions, roles)
	return permissions, roles, nil
}

// permissionClaim returns the words of the claim of that name, or of permissions
// or scope.
func permissionClaim(c Claims, name string) []string {
	if name == "" {
		name = "scope"
		if _, there := c.All["permissions"]; there {
			name = "permissions"
		}
	}
	return wordsClaim(c, name)
}

// wordsClaim reads permissions as an array of words or of
// {"entity","permission"}, or as one string with blanks between the words
// (RFC 8693 section 4.2).
func wordsClaim(c Claims, name string) (out []string) {
	if s, ok := textClaim(c, name); ok {
		return strings.Fields(s)
	}
	var elements []json.RawMessage
	if json.Unmarshal(c.All[name], &elements) != nil {
		return nil
	}
	for _, e := range elements {
		var word string
		var pair struct{ Entity, Permission string }
		switch {
		case json.Unmarshal(e, &word) == nil:
			out = append(out, word)
		case json.Unmarshal(e, &pair) == nil:
			out = append(out, pair.Entity+":"+pair.Permission)
		}
	}
	return out
}

// textClaim reads a claim that is a string.
func textClaim(c Claims, name string) (s string, ok bool) {
	raw := c.All[name]
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// listClaim reads a claim that is a string or an array of them.
func listClaim(c Claims, name string) (out []string) {
	if s, ok := textClaim(c, name); ok {
		return []string{s}
	}
	if json.Unmarshal(c.All[name], &out) != nil {
		return nil
	}
	return out
}
