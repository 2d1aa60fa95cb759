package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/scimbridge/scimbridge/membership"
)

// The bounds of trusted issuers.
const (
	MaxIssuers   = 50       // of a tenant
	MaxAudiences = 20       // of an issuer
	MaxJWKS      = 64 << 10 // bytes of a stored key set
	maxWord      = 500      // bytes of an issuer's name, an audience, a claim's name
	// DefaultMaxAge and LongestMaxAge bound how old a JWT may be.
	DefaultMaxAge = 24 * time.Hour
	LongestMaxAge = 366 * 24 * time.Hour
)

// DefaultTenantClaim is the claim that names a JWT's tenant.
const DefaultTenantClaim = "tenant_id"

// Issuer signs JWTs (RFC 7519) that a tenant accepts as credentials at its native
// doors.
type Issuer struct {
	Tenant    membership.ID
	ID        membership.ID
	Issuer    string   // the claim iss, to the letter; one of a kind in the tenant
	Audiences []string // one of them has to be in the claim aud
	// Its keys: one of a JSON Web Key Set (RFC 7517) and the address of one.
	JWKS    string
	JWKSURI string
	Claims  IssuerClaims
	// TenantValue is what the claim of the tenant has to be; empty: the tenant's id.
	TenantValue string
	// DefaultPrincipal is what the bearer of a JWT is that does not say it.
	DefaultPrincipal membership.ActorKind
	// Permissions are the most that its JWTs can carry. "*" is every one.
	Permissions []string
	MaxAge      time.Duration // in whole seconds
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// IssuerClaims names the claims that are read. Empty: the default ones.
type IssuerClaims struct {
	Tenant      string // DefaultTenantClaim
	Principal   string // principal_type, else type
	Permissions string // permissions, else scope
	Roles       string // roles
}

// PrincipalTypes are the words for principals in JWTs and in the native API.
var PrincipalTypes = map[string]membership.ActorKind{
	"USER": membership.ActorUser, "AGENT": membership.ActorAgent, "SERVICE": membership.ActorService,
}

// PrincipalType is the word for a kind of actor in PrincipalTypes.
func PrincipalType(k membership.ActorKind) string { return strings.ToUpper(string(k)) }

// IssuerSpec is what an issuer is made from or changed to. A nil field is left
// as it is, or gets its default.
type IssuerSpec struct {
	Issuer           *string
	Audiences        []string
	JWKS             *string // replaces JWKSURI
	JWKSURI          *string // replaces JWKS
	TenantClaim      *string
	TenantValue      *string
	PrincipalClaim   *string
	PermissionsClaim *string
	RolesClaim       *string
	DefaultPrincipal *string // a word of PrincipalTypes, in any letter case
	Permissions      []string
	MaxAgeSeconds    *int64
}

// newIssuer is an issuer before its spec is applied: it can give everything but
// the administration of the tenant.
func newIssuer(tenant membership.ID) Issuer {
	permissions := set(slices.Collect(maps.Values(permissionOf)))
	return Issuer{
		Tenant: tenant, ID: membership.NewID(), Claims: IssuerClaims{Tenant: DefaultTenantClaim},
		DefaultPrincipal: membership.ActorUser, MaxAge: DefaultMaxAge,
		Permissions: slices.DeleteFunc(permissions,
			func(p string) bool {
				return p == permissionOf[membership.OpAdminister] ||
					p == permissionOf[membership.OpAdministerWebhooks] ||
					p == permissionOf[membership.OpReceiveStreams] ||
					p == permissionOf[membership.OpCaptureRequests] ||
					p == permissionOf[membership.OpBreakGlass]
			}),
	}
}

// apply returns the issuer as the spec says, checked.
func (s IssuerSpec) apply(i Issuer) (Issuer, error) {
	for _, f := range []struct{ from, to *string }{
		{s.Issuer, &i.Issuer}, {s.TenantValue, &i.TenantValue}, {s.TenantClaim, &i.Claims.Tenant},
		{s.PrincipalClaim, &i.Claims.Principal}, {s.PermissionsClaim, &i.Claims.Permissions},
		{s.RolesClaim, &i.Claims.Roles},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	switch {
	case s.JWKS != nil && s.JWKSURI != nil:
		return i, membership.Invalidf("give jwks or jwks_uri, not both")
	case s.JWKS != nil:
		i.JWKS, i.JWKSURI = *s.JWKS, ""
	case s.JWKSURI != nil:
		i.JWKS, i.JWKSURI = "", *s.JWKSURI
	}
	if s.Audiences != nil {
		i.Audiences = set(s.Audiences)
	}
	if s.Permissions != nil {
		i.Permissions = set(s.Permissions)
	}
	if s.MaxAgeSeconds != nil {
		if *s.MaxAgeSeconds < 1 || *s.MaxAgeSeconds > int64(LongestMaxAge/time.Second) {
			return i, membership.Invalidf("max_age_seconds must be a number from 1 to %d",
				int64(LongestMaxAge/time.Second))
		}
		i.MaxAge = time.Duration(*s.MaxAgeSeconds) * time.Second
	}
	if s.DefaultPrincipal != nil {
		kind, ok := PrincipalTypes[strings.ToUpper(*s.DefaultPrincipal)]
		if !ok {
			return i, membership.Invalidf("default_principal must be USER, AGENT or SERVICE")
		}
		i.DefaultPrincipal = kind
	}
	if i.Claims.Tenant == "" {
		i.Claims.Tenant = DefaultTenantClaim
	}
	return i, i.check()
}

func (i Issuer) check() error {
	for _, f := range []struct {
		name, value string
		required    bool
	}{
		{"issuer", i.Issuer, true}, {"tenant_claim", i.Claims.Tenant, true}, {"tenant_value", i.TenantValue, false},
		{"principal_claim", i.Claims.Principal, false}, {"permissions_claim", i.Claims.Permissions, false},
		{"roles_claim", i.Claims.Roles, false},
	} {
		if err := checkWord(f.name, f.value, f.required); err != nil {
			return err
		}
	}
	if len(i.Audiences) == 0 || len(i.Audiences) > MaxAudiences {
		return membership.Invalidf("audiences must be from 1 to %d: what the issuer puts into aud for this API",
			MaxAudiences)
	}
	for _, a := range i.Audiences {
		if err := checkWord("audiences", a, true); err != nil {
			return err
		}
	}
	if err := i.checkKeys(); err != nil {
		return err
	}
	return within("permissions", i.Permissions, KnownPermissions())
}

func (i Issuer) checkKeys() error {
	switch {
	case i.JWKS == "" && i.JWKSURI == "":
		return membership.Invalidf("jwks or jwks_uri is required")
	case len(i.JWKS) > MaxJWKS:
		return membership.Invalidf("jwks must be at most %d bytes", MaxJWKS)
	}
	return nil
}

// keys is where the issuer's keys are.
func (i Issuer) keys() KeySource { return KeySource{Set: []byte(i.JWKS), URI: i.JWKSURI} }

// checkWord refuses what could not be matched or shown.
func checkWord(field, s string, required bool) error {
	switch {
	case s == "" && required:
		return membership.Invalidf("%s must not be empty", field)
	case len(s) > maxWord:
		return membership.Invalidf("%s must be at most %d bytes", field, maxWord)
	case !membership.ValidText(s) || strings.ContainsFunc(s, unicode.IsControl) || s != strings.TrimSpace(s):
		return membership.Invalidf("%s has control characters, blanks around it, or is not UTF-8", field)
	}
	return nil
}

// facts is what an event says of an issuer. Its keys appear as a hash,
// so that a copy can be compared.
func (i Issuer) facts() membership.Facts {
	f := membership.Facts{
		"issuer_id": i.ID, "issuer": i.Issuer, "audiences": i.Audiences, "permissions": i.Permissions,
		"tenant_claim": i.Claims.Tenant, "default_principal": PrincipalType(i.DefaultPrincipal),
		"max_age_seconds": int64(i.MaxAge / time.Second),
	}
	for name, value := range map[string]string{
		"jwks_uri": i.JWKSURI, "tenant_value": i.TenantValue, "principal_claim": i.Claims.Principal,
		"permissions_claim": i.Claims.Permissions, "roles_claim": i.Claims.Roles,
	} {
		if value != "" {
			f[name] = value
		}
	}
	if i.JWKS != "" {
		sum := sha256.Sum256([]byte(i.JWKS))
		f["jwks_sha256"] = hex.EncodeToString(sum[:])
	}
	return f
}
