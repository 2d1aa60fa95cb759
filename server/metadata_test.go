package server

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
)

// RFC 8414: what it says of the token endpoint is so.
func TestAuthorizationServerMetadata(t *testing.T) {
	s := newTestServer(t)
	res := s.do(t, http.MethodGet, auth.MetadataPath)
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
	assert.Equal(t, "public, max-age=3600", res.Header.Get("Cache-Control"))
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(body(t, res)), &m))
	assert.Equal(t, map[string]any{
		"issuer":         s.PublicURL(),
		"token_endpoint": s.PublicURL() + "/oauth2/token",
		"grant_types_supported": []any{"client_credentials",
			"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"token_endpoint_auth_methods_supported": []any{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": []any{
			"ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512",
		},
		"scopes_supported":         []any{"scim", "scim:read"},
		"response_types_supported": []any{},
	}, m)

	assert.Equal(t, http.StatusOK, s.do(t, http.MethodHead, auth.MetadataPath).StatusCode)

	// The endpoint is there, and knows the grants.
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		refused := s.do(t, method, "/oauth2/token")
		assert.Equal(t, http.StatusMethodNotAllowed, refused.StatusCode, method)
		assert.Equal(t, "POST", refused.Header.Get("Allow"), method)
		assert.Equal(t, "no-store", refused.Header.Get("Cache-Control"), method)
		var e map[string]string
		require.NoError(t, json.NewDecoder(refused.Body).Decode(&e), method)
		assert.Equal(t, map[string]string{
			"error": "invalid_request", "error_description": "the token endpoint takes POST only",
		}, e, method)
	}
}
