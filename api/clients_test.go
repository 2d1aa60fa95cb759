package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// jwks is a public key, of RFC 7517 appendix A.1.
const jwks = `{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",` +
	`"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","kid":"1"}]}`

func TestClients(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		clients := "/v1/connections/" + h.mine.ConnectionID.String() + "/clients"
		made := h.do(http.MethodPost, clients,
			`{"auth_method":"client_secret","expires_at":"2027-08-01T12:00:00Z","reason":"INC-1"}`).
			is(http.StatusCreated)
		assertFields(t, made, "id", "client_id", "connection_id", "auth_method", "scopes", "token_lifetime_seconds",
			"secrets", "created_at",
			"client_secret", "client_secret_id", "client_secret_expires_at")
		assert.Equal(t, "2027-08-01T12:00:00.000000Z", made["client_secret_expires_at"])
		assert.EqualValues(t, 3600, made["token_lifetime_seconds"])
		events := h.events(membership.ActionClientCreated)
		require.Len(t, events, 1)
		assert.Equal(t, "INC-1", events[0].Reason)
		secret := made["client_secret"].(string)
		for _, e := range append(events, h.events(membership.ActionSecretCreated)...) {
			assert.NotContains(t, string(e.After), strings.TrimPrefix(secret, "scimbridge_secret_"))
		}

		for _, name := range []string{"client_secret", "client_secret_id", "client_secret_expires_at"} {
			delete(made, name)
		}
		one := clients + "/" + made["id"].(string)
		assert.Equal(t, made, h.do(http.MethodGet, one, "").is(http.StatusOK))
		assert.Equal(t, made, h.do(http.MethodGet, clients+"/"+made["client_id"].(string), "").is(http.StatusOK))
		h.do(http.MethodGet, clients+"/"+strings.ToUpper(made["client_id"].(string)), "").
			fails(http.StatusNotFound, codeNotFound)
		connection := h.make("/v1/connections", `{"name":"Second"}`)
		h.do(http.MethodGet, strings.Replace(one, h.mine.ConnectionID.String(), connection, 1), "").
			fails(http.StatusNotFound, codeNotFound)
		assert.Empty(t, h.do(http.MethodGet, "/v1/connections/"+connection+"/clients", "").data())

		federated := h.do(http.MethodPost, clients, `{"auth_method":"private_key_jwt","jwks":`+jwks+
			`,"issuer":"https://issuer","subject":"job",
			"audience":"api://x","reuse_assertions":true,"scopes":["scim:read"],"token_lifetime_seconds":21600}`).
			is(http.StatusCreated)
		assertFields(t, federated, "id", "client_id", "connection_id", "auth_method", "scopes",
			"token_lifetime_seconds",
			"created_at",
			"jwks", "issuer", "subject", "audience", "reuse_assertions")
		h.do(http.MethodPost, clients,
			`{"auth_method":"private_key_jwt","jwks_uri":"https://issuer.example.com/keys"}`).
			is(http.StatusCreated)
		list := h.do(http.MethodGet, clients, "").data()
		require.Len(t, list, 3)
		assert.Equal(t, []map[string]any{made, federated}, list[:2])
		first := h.do(http.MethodGet, clients+"?limit=1", "").is(http.StatusOK)
		next := h.do(http.MethodGet, clients+"?limit=1&cursor="+first["next_cursor"].(string), "")
		assert.Equal(t, federated, next.data()[0])

		second := h.do(http.MethodPost, one+"/secrets", `{"reason":"INC-2"}`).is(http.StatusCreated)
		assertFields(t, second, "id", "created_at", "expires_at", "client_secret")
		assert.Len(t, h.do(http.MethodGet, one, "").is(http.StatusOK)["secrets"], 2)
		h.do(http.MethodDelete, one+"/secrets/"+second["id"].(string)+"?end_access_tokens=true&reason=INC-3", "").
			is(http.StatusNoContent)
		revoked := h.events(membership.ActionSecretRevoked)
		require.Len(t, revoked, 1)
		assert.Equal(t, "INC-3", revoked[0].Reason)
		h.do(http.MethodDelete, one+"/secrets/"+second["id"].(string), "").fails(http.StatusNotFound, codeNotFound)
		h.do(http.MethodDelete, one+"/secrets/"+second["id"].(string)+"?end_access_tokens=1", "").
			fails(http.StatusBadRequest, codeInvalidInput)
		h.do(http.MethodDelete, one, "").is(http.StatusNoContent)
		h.do(http.MethodGet, one, "").fails(http.StatusNotFound, codeNotFound)
		assert.Len(t, h.do(http.MethodGet, clients, "").data(), 2)
	})
}

func TestClientRefusesBadInput(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		clients := "/v1/connections/" + h.mine.ConnectionID.String() + "/clients"
		for _, body := range []string{
			``, `{}`, `{"auth_method":"x"}`, `{"auth_method":null}`,
			`{"auth_method":"client_secret","jwks":` + jwks + `}`,
			`{"auth_method":"client_secret","expires_at":"soon"}`,
			`{"auth_method":"client_secret","expires_at":"2020-01-01T00:00:00Z"}`,
			`{"auth_method":"client_secret","expires_at":"9999-01-01T00:00:00Z"}`,
			`{"auth_method":"client_secret","scopes":[]}`,
			`{"auth_method":"client_secret","token_lifetime_seconds":0}`,
			`{"auth_method":"client_secret","token_lifetime_seconds":21601}`,
			`{"auth_method":"client_secret","token_lifetime_seconds":9223372036854775807}`,
			`{"auth_method":"client_secret","client_id":"x"}`,
			`{"auth_method":"private_key_jwt"}`, `{"auth_method":"private_key_jwt","jwks":"{}"}`,
			`{"auth_method":"private_key_jwt","jwks":[]}`,
			`{"auth_method":"private_key_jwt","jwks":null}`, `{"auth_method":"private_key_jwt","jwks":{"keys":[]}}`,
			`{"auth_method":"private_key_jwt","jwks":` + jwks + `,"jwks_uri":"https://example.com"}`,
			`{"auth_method":"private_key_jwt","jwks":` + jwks + `,"issuer":"x"}`,
			`{"auth_method":"private_key_jwt","jwks_uri":"http://example.com/keys"}`,
			`{"auth_method":"private_key_jwt","jwks_uri":"https://169.254.169.254/latest"}`,
			`{"auth_method":"private_key_jwt","jwks_uri":"file:///etc/passwd"}`,
			`{"auth_method":"private_key_jwt","jwks":{"keys":[{"kty":"EC","d":"x"}]}}`,
		} {
			h.do(http.MethodPost, clients, body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		assert.Empty(t, h.do(http.MethodGet, clients, "").data())
	})
}
