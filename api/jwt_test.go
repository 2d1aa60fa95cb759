package api

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func TestWhichJWTsOpen(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		h.trust(h.mine, s.jwks(), nil)
		now := time.Now()
		at := func(d time.Duration) int64 { return now.Add(d).Unix() }
		none := func(text string) string {
			parts := strings.Split(text, ".")
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
		}
		good := s.sign(claimsFor(h.mine, nil))
		other := newSigner(t, "k1")

		for name, c := range map[string]struct {
			jwt     string
			status  int
			message string // what it has in it
		}{
			"good":                {good, 200, ""},
			"a list of audiences": {s.sign(claimsFor(h.mine, map[string]any{"aud": []string{"x", audience}})), 200, ""},
			"within the leeway": {s.sign(claimsFor(h.mine, map[string]any{
				"iat": at(-time.Hour), "exp": at(-10 * time.Second), "nbf": at(10 * time.Second),
			})), 200, ""},
			"no iat": {s.sign(claimsFor(h.mine, map[string]any{"iat": nil})), 200, ""},

			"wrong aud": {s.sign(claimsFor(h.mine, map[string]any{"aud": "https://elsewhere"})), 401, "aud"},
			"no aud":    {s.sign(claimsFor(h.mine, map[string]any{"aud": nil})), 401, "aud"},
			"expired": {
				s.sign(claimsFor(h.mine, map[string]any{"iat": at(-2 * time.Hour), "exp": at(-time.Hour)})), 401,
				"expired",
			},
			"nbf in the future": {s.sign(claimsFor(h.mine, map[string]any{"nbf": at(time.Hour)})), 401,
				"not valid yet"},
			"iat in the future": {
				s.sign(claimsFor(h.mine, map[string]any{"iat": at(time.Hour), "exp": at(2 * time.Hour)})), 401,
				"future",
			},
			"no exp":          {s.sign(claimsFor(h.mine, map[string]any{"exp": nil})), 401, "exp is required"},
			"too long":        {s.sign(claimsFor(h.mine, map[string]any{"exp": at(25 * time.Hour)})), 401, "too long"},
			"no sub":          {s.sign(claimsFor(h.mine, map[string]any{"sub": nil})), 401, "sub"},
			"sub with a line": {s.sign(claimsFor(h.mine, map[string]any{"sub": "a\nb"})), 401, "sub"},
			"endless sub":     {s.sign(claimsFor(h.mine, map[string]any{"sub": strings.Repeat("a", 256)})), 401, "sub"},
			"type of nobody": {s.sign(claimsFor(h.mine, map[string]any{"type": "OPERATOR"})), 401,
				"USER, AGENT and SERVICE"},
			"101 roles": {s.sign(claimsFor(h.mine, map[string]any{"roles": words(101)})), 401, "roles"},

			"wrong iss": {s.sign(claimsFor(h.mine, map[string]any{"iss": "https://evil"})), 401, notTrusted},
			"no iss":    {s.sign(claimsFor(h.mine, map[string]any{"iss": nil})), 401, notTrusted},
			"no tenant": {s.sign(claimsFor(h.mine, map[string]any{"tenant_id": nil})), 401, notTrusted},
			"a list of tenants": {
				s.sign(claimsFor(h.mine, map[string]any{"tenant_id": []string{h.mine.TenantID.String()}})), 401,
				notTrusted,
			},
			"another's tenant": {s.sign(claimsFor(h.other, nil)), 401, notTrusted},
			"tid instead": {s.sign(claimsFor(h.mine, map[string]any{
				"tenant_id": nil, "tid": h.mine.TenantID.String(),
			})), 401, notTrusted},
			"times that are none": {s.sign(claimsFor(h.mine, map[string]any{"exp": "tomorrow"})), 401, notTrusted},
			"another key":         {other.sign(claimsFor(h.mine, nil)), 401, notTrusted},
			"unknown kid":         {newSigner(t, "k2").sign(claimsFor(h.mine, nil)), 401, notTrusted},
			"alg none":            {none(good), 401, notTrusted},
			"HS256, public key":   {signed(t, claimsFor(h.mine, nil), jwa.HS256(), []byte(s.jwks())), 401, notTrusted},
			"no signature":        {good[:strings.LastIndex(good, ".")+1], 401, notTrusted},
			"changed":             {forged(good), 401, notTrusted},
			"endless": {
				s.sign(claimsFor(h.mine, map[string]any{"x": strings.Repeat("a", 20_000)})), 401, notTrusted,
			},
		} {
			t.Run(name, func(t *testing.T) {
				h := *h
				h.t = t
				for range 2 { // from the keys, and from memory
					r := h.do(http.MethodGet, "/v1/groups", "", bearer(c.jwt))
					require.Equal(t, c.status, r.status, "%s", r.body)
					if c.status != 200 {
						assert.Contains(t, r.fails(c.status, codeUnauthenticated), c.message)
						assert.Equal(t, `Bearer realm="scimbridge", error="invalid_token"`,
							r.header.Get("WWW-Authenticate"))
					}
				}
			})
		}
	})
}

const notTrusted = "no JWT that an issuer of the tenant has signed"

func words(n int) (out []string) {
	for i := range n {
		out = append(out, "role"+strings.Repeat("x", i))
	}
	return out
}

// forged gives a JWT another subject, and leaves its signature.
func forged(jwt string) string {
	parts := strings.Split(jwt, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "user-1", "user-2", 1)))
	return strings.Join(parts, ".")
}

// An issuer that several tenants trust opens to a JWT only the tenant that it
// is for.
func TestJWTsOfASharedIssuer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		h.trust(h.mine, s.jwks(), nil)
		ask := func(jwt, tenant string) reply {
			return h.do(http.MethodGet, "/v1/groups", "", bearer(jwt), header("X-Tenant-ID", tenant))
		}
		mine, other := h.mine.TenantID.String(), h.other.TenantID.String()
		forMine, forOther := s.sign(claimsFor(h.mine, nil)), s.sign(claimsFor(h.other, nil))
		stranger := newSigner(t, "k1").sign(claimsFor(h.mine, nil))

		// The other tenant does not trust the issuer; nothing tells whether it does.
		refusals := len(h.events(membership.ActionRefused))
		ask(forMine, mine).is(http.StatusOK)
		ask(forMine, other).fails(http.StatusForbidden, codeTenantMismatch)
		ask(forMine, membership.NewID().String()).fails(http.StatusForbidden, codeTenantMismatch)
		assert.Len(t, h.events(membership.ActionRefused), refusals+2)
		unknown := ask(stranger, other)
		unknown.fails(http.StatusUnauthorized, codeUnauthenticated)
		before := ask(forOther, other)
		assert.Equal(t, string(unknown.body), string(before.body))
		assert.Equal(t, string(unknown.body), string(ask(forOther, membership.NewID().String()).body))

		h.trust(h.other, s.jwks(), nil)
		ask(forOther, other).is(http.StatusOK)
		ask(forMine, other).fails(http.StatusForbidden, codeTenantMismatch)
		ask(forOther, mine).fails(http.StatusForbidden, codeTenantMismatch)
		assert.Equal(t, string(unknown.body), string(ask(stranger, other).body))
	})
}

func TestTenantClaimOfAnIssuer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		id := h.trust(h.mine, s.jwks(), map[string]any{"tenant_claim": "tid", "tenant_value": "acme"})
		ask := func(changes map[string]any) int {
			return h.do(http.MethodGet, "/v1/groups", "", bearer(s.sign(claimsFor(h.mine, changes)))).status
		}
		assert.Equal(t, 200, ask(map[string]any{"tid": "acme"}))
		assert.Equal(t, 401, ask(map[string]any{"tid": "evil"}))
		assert.Equal(t, 401, ask(map[string]any{"tid": h.mine.TenantID.String()}))
		assert.Equal(t, 401, ask(nil), "tenant_id is not asked any more")

		h.do(http.MethodPatch, "/v1/issuers/"+id, `{"tenant_value":""}`).is(http.StatusOK)
		assert.Equal(t, 200, ask(map[string]any{"tid": strings.ToUpper(h.mine.TenantID.String())}))
		assert.Equal(t, 401, ask(map[string]any{"tid": "acme"}))
	})
}

func TestPrincipalsOfJWTs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		id := h.trust(h.mine, s.jwks(), nil)
		for _, c := range []struct {
			changes map[string]any
			issuer  string // changes of it
			actor   string
		}{
			{nil, "", "user:user-1"},
			{map[string]any{"principal_type": "AGENT"}, "", "agent:user-1"},
			{map[string]any{"type": "service", "sub": "job 7"}, "", "service:job 7"},
			{map[string]any{"principal_type": "User", "type": "AGENT"}, "", "user:user-1"},
			{nil, `{"default_principal":"SERVICE"}`, "service:user-1"},
			{map[string]any{"kind": "agent"}, `{"principal_claim":"kind"}`, "agent:user-1"},
			{map[string]any{"type": "anything"}, "", "service:user-1"}, // is not asked any more
		} {
			if c.issuer != "" {
				h.do(http.MethodPatch, "/v1/issuers/"+id, c.issuer).is(http.StatusOK)
			}
			group := h.make("/v1/groups", `{"display_name":"G"}`, bearer(s.sign(claimsFor(h.mine, c.changes))))
			events := h.events(membership.ActionGroupCreated)
			assert.Equal(t, c.actor, events[len(events)-1].Actor.String())
			user := h.user(membership.NewID().String())
			m := h.do(http.MethodPost, "/v1/groups/"+group+"/members", `{"user_id":"`+user+`"}`,
				bearer(s.sign(claimsFor(h.mine, c.changes)))).is(http.StatusCreated)
			assert.Equal(t, c.actor, m["sources"].([]any)[0].(map[string]any)["granted_by"])
		}

		// Events keep no address.
		address := map[string]any{"sub": "ann@example.com"}
		h.make("/v1/groups", `{"display_name":"G"}`, bearer(s.sign(claimsFor(h.mine, address))))
		h.make("/v1/groups", `{"display_name":"G"}`, bearer(s.sign(claimsFor(h.mine, address))))
		events := h.events(membership.ActionGroupCreated)
		last := events[len(events)-1].Actor
		assert.Equal(t, events[len(events)-2].Actor, last)
		assert.Regexp(t, `^sha256-[0-9a-f]{32}$`, last.ID)
	})
}

func TestPermissionsAndRolesOfJWTs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		id := h.trust(h.mine, s.jwks(), nil)
		create := func(changes map[string]any) reply {
			return h.do(http.MethodPost, "/v1/groups", `{"display_name":"G"}`,
				bearer(s.sign(claimsFor(h.mine, changes))))
		}
		missing := func(changes map[string]any) {
			t.Helper()
			assert.Equal(t, "the permission GROUPS:WRITE is missing",
				create(changes).fails(http.StatusForbidden, codeForbidden))
		}
		for _, permissions := range []any{
			[]string{"GROUPS:WRITE"}, "GROUPS:READ GROUPS:WRITE",
			[]any{map[string]string{"entity": "USERS", "permission": "READ"},
				map[string]string{"entity": "GROUPS", "permission": "WRITE"}},
			[]any{"nonsense", 1, nil, "GROUPS:WRITE"},
		} {
			create(map[string]any{"permissions": permissions}).is(http.StatusCreated)
		}
		create(map[string]any{"permissions": nil, "scope": "openid GROUPS:WRITE"}).is(http.StatusCreated)
		for _, permissions := range []any{
			nil, []string{}, "", []string{"GROUPS:READ"}, []string{"groups:write"},
			map[string]any{"GROUPS:WRITE": true}, 7,
			[]string{"*"}, []any{map[string]string{"entity": "GROUPS"}},
		} {
			missing(map[string]any{"permissions": permissions})
		}
		missing(map[string]any{"permissions": []string{}, "scope": "GROUPS:WRITE"})
		missing(map[string]any{"permissions": nil, "roles": []string{auth.RoleOrgOwner}})
		tokens := func(changes map[string]any) int {
			return h.do(http.MethodGet, "/v1/tokens", "", bearer(s.sign(claimsFor(h.mine, changes)))).status
		}
		assert.Equal(t, 403, tokens(map[string]any{"permissions": []string{"TENANT:ADMIN"}}),
			"not unless the issuer may give it")

		h.do(http.MethodPatch, "/v1/issuers/"+id, `{"permissions":["*"]}`).is(http.StatusOK)
		create(map[string]any{"permissions": []string{"*"}}).is(http.StatusCreated)
		create(map[string]any{"permissions": nil, "roles": "org_owner"}).is(http.StatusCreated)
		assert.Equal(t, 200, tokens(map[string]any{"permissions": nil, "roles": []string{"x", auth.RoleOrgOwner}}))
		assert.Equal(t, 200, tokens(map[string]any{"permissions": []string{"TENANT:ADMIN"}}))
		missing(map[string]any{"permissions": nil, "roles": []string{"x"}})

		h.do(http.MethodPatch, "/v1/issuers/"+id,
			`{"permissions":["GROUPS:READ"],"permissions_claim":"may","roles_claim":"is"}`).
			is(http.StatusOK)
		missing(map[string]any{"may": []string{"GROUPS:WRITE"}})
		h.do(http.MethodGet, "/v1/groups", "", bearer(s.sign(claimsFor(h.mine, map[string]any{"may": "GROUPS:READ"})))).
			is(http.StatusOK)
	})
}

func TestPoliciesDecideOnJWTs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		h.trust(h.mine, s.jwks(), nil)
		h.make("/v1/policies", policyBody(map[string]string{"id": "p", "cedar": `
			@notice("Agents only look")
			forbid (principal is Agent, action in Action::"write", resource);
			@notice("Cooks only")
			forbid (principal is User, action == Action::"groups.write", resource)
			unless { principal.roles.contains("cook") };
			permit (principal == Service::"job", action == Action::"groups.write", resource);`}))
		create := func(changes map[string]any) reply {
			return h.do(http.MethodPost, "/v1/groups", `{"display_name":"G"}`,
				bearer(s.sign(claimsFor(h.mine, changes))))
		}
		assert.Contains(t, create(map[string]any{"type": "AGENT"}).fails(http.StatusForbidden, codeForbidden),
			"Agents only look")
		assert.Contains(t, create(nil).fails(http.StatusForbidden, codeForbidden), "Cooks only")
		create(map[string]any{"roles": []string{"cook"}}).is(http.StatusCreated)
		create(map[string]any{"type": "SERVICE", "sub": "job", "permissions": nil}).is(http.StatusCreated)
		create(map[string]any{"type": "SERVICE", "sub": "jab", "permissions": nil}).
			fails(http.StatusForbidden, codeForbidden)
	})
}

func TestKeysOverHTTP(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		uri, asked := serveKeys(t, s.jwks())
		h.trust(h.mine, s.jwks(), map[string]any{"jwks": nil, "jwks_uri": uri})
		for range 20 {
			h.do(http.MethodGet, "/v1/groups", "", bearer(s.sign(claimsFor(h.mine, nil)))).is(http.StatusOK)
		}
		assert.EqualValues(t, 1, asked.Load())
		for range 20 {
			h.do(http.MethodGet, "/v1/groups", "", bearer(newSigner(t, "made up").sign(claimsFor(h.mine, nil)))).
				fails(http.StatusUnauthorized, codeUnauthenticated)
		}
		assert.EqualValues(t, 2, asked.Load(), "made-up keys are no reason to ask again and again")
	})
}
