package auth

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// MetadataPath is where the metadata of the authorization server are, behind the
// public URL (RFC 8414 section 3).
const MetadataPath = "/.well-known/oauth-authorization-server"

// serverMetadata are the fields of RFC 8414 section 2 that say something here.
type serverMetadata struct {
	Issuer        string   `json:"issuer"`
	TokenEndpoint string   `json:"token_endpoint"`
	GrantTypes    []string `json:"grant_types_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms    []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	Scopes        []string `json:"scopes_supported"`
	// ResponseTypes is required, and there is no authorization endpoint: none.
	ResponseTypes []string `json:"response_types_supported"`
}

// MetadataHandler answers the metadata of the token endpoint (RFC 8414) at a public
// URL. It is public and always the same, so caches may store it for an hour.
func MetadataHandler(publicURL string) http.HandlerFunc {
	public := strings.TrimRight(publicURL, "/")
	body, _ := json.Marshal(serverMetadata{ // strings always can be
		Issuer:        public,
		TokenEndpoint: public + TokenPath,
		GrantTypes:    []string{grantClient, grantJWT},
		AuthMethods:   []string{"client_secret_basic", "client_secret_post", string(MethodJWT)},
		Algorithms:    slices.Sorted(maps.Keys(algorithms)),
		Scopes:        slices.Sorted(maps.Keys(operationsOf)),
		ResponseTypes: []string{},
	})
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		_, _ = w.Write(body) // a client that is gone needs no answer
	}
}
