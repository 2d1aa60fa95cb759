package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db/dbtest"
)

// keysOfThisMachine lets a test serve keys.
const keysOfThisMachine = "--allowed-networks=127.0.0.0/8"

// A provider that fetches its access tokens works like one that has a token,
// with each of the ways to say who it is, and until its client is revoked.
func TestProviderWithOAuth(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, databaseURL string) {
		server := start(t, databaseURL, keysOfThisMachine)
		tenant := tenancy(t, databaseURL)
		in, connection := "--tenant="+tenant.TenantID.String(), "--connection="+tenant.ConnectionID.String()
		made := invokeJSON(t, databaseURL, "client", "create", in, connection, "--expires=365d", "--token-lifetime=6h",
			"--reason=INC-1")
		id, secret := made["client_id"].(string), made["client_secret"].(string)
		key := newKey(t)
		federated := invokeJSON(t, databaseURL, "client", "create", in, connection, "--auth-method=private_key_jwt",
			keysOfThisMachine,
			"--jwks-uri="+serveKeys(t, key), "--issuer=https://issuer.example.com", "--subject=job")

		for name, c := range map[string]clientcredentials.Config{
			"header": {ClientID: id, ClientSecret: secret, AuthStyle: oauth2.AuthStyleInHeader},
			"params": {ClientID: id, ClientSecret: secret, AuthStyle: oauth2.AuthStyleInParams},
			"federated": {
				ClientID: federated["client_id"].(string), AuthStyle: oauth2.AuthStyleInParams,
				EndpointParams: url.Values{
					"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
					"client_assertion": {assertion(t, key, map[string]any{
						"iss": "https://issuer.example.com", "sub": "job", "aud": server.base + auth.TokenPath,
						"jti": "1",
						"exp": time.Now().Add(time.Hour).Unix(),
					})},
				},
			},
		} {
			c.TokenURL = server.base + auth.TokenPath
			provider := caller{base: server.base + scimPrefix, client: c.Client(t.Context()), header: http.Header{
				"Content-Type": {"application/scim+json"},
			}}
			user, group := provider.user(t, "ann-"+name), provider.group(t, "Group "+name)
			provider.must(t, http.StatusNoContent, http.MethodPatch, "/Groups/"+group, memberPatch("add", user))
			got := provider.must(t, http.StatusOK, http.MethodGet, "/Groups/"+group, "")
			assert.Len(t, got["members"], 1)
			provider.must(t, http.StatusNoContent, http.MethodDelete, "/Groups/"+group, "")
			provider.must(t, http.StatusNoContent, http.MethodDelete, "/Users/"+user, "")
			// It opens one connection's door, and nothing else.
			status, _, err := caller{base: server.base + nativePrefix, client: provider.client, header: http.Header{
				"X-Tenant-Id": {tenant.TenantID.String()},
			}}.send(t.Context(), http.MethodGet, "/users", "")
			require.NoError(t, err)
			assert.Equal(t, http.StatusUnauthorized, status)
		}

		c := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: server.base + auth.TokenPath}
		token, err := c.Token(t.Context())
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(6*time.Hour), token.Expiry, time.Minute)
		tenant.SCIMToken = token.AccessToken
		provider := scimCaller(server, tenant)
		provider.must(t, http.StatusOK, http.MethodGet, "/Users", "")
		clients := "/connections/" + tenant.ConnectionID.String() + "/clients/"
		nativeCaller(server, tenant).must(t, http.StatusNoContent, http.MethodDelete, clients+id, "")
		provider.must(t, http.StatusUnauthorized, http.MethodGet, "/Users", "")
		_, err = c.Token(t.Context())
		var refused *oauth2.RetrieveError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, "invalid_client", refused.ErrorCode)

		kinds := map[string]int{}
		for _, e := range data(t, invokeJSON(t, databaseURL, "audit", "events", in)) {
			credential, _ := e["credential"].(map[string]any)
			kind, _ := credential["kind"].(string)
			kinds[kind]++
			switch kind {
			case "access_token":
				assert.NotEmpty(t, credential["id"])
				assert.Contains(t, []any{made["id"], federated["id"]}, credential["client_id"])
			case "oauth_client":
				assert.Equal(t, "token.issued", e["action"])
				assert.Contains(t, []any{made["id"], federated["id"]}, credential["id"])
			}
		}
		for _, kind := range []string{"bootstrap", "cli", "oauth_client", "access_token", "token", "system"} {
			assert.Positive(t, kinds[kind], kind)
		}
		assert.Len(t, kinds, 6, "every event says what acted")

		res, err := http.Get(server.base + "/metrics")
		require.NoError(t, err)
		assert.Contains(t, body(t, res), `scimbridge_http_requests_total{door="oauth",method="POST",status="200"} `)
		for _, hidden := range []string{secret, token.AccessToken} {
			assert.NotContains(t, server.logged(), hidden[len(hidden)-40:])
		}
	})
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func keySet(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	public, err := jwk.Import(key.Public())
	require.NoError(t, err)
	require.NoError(t, public.Set("kid", "1"))
	b, err := json.Marshal(map[string]any{"keys": []any{public}})
	require.NoError(t, err)
	return b
}

// serveKeys returns the address of a JWKS.
func serveKeys(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	set := keySet(t, key)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) }))
	t.Cleanup(s.Close)
	return s.URL + "/keys"
}

func assertion(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	h := jws.NewHeaders()
	require.NoError(t, h.Set("kid", "1"))
	out, err := jws.Sign(payload, jws.WithKey(jwa.ES256(), key, jws.WithProtectedHeaders(h)))
	require.NoError(t, err)
	return string(out)
}

func TestClientCommands(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		invokeJSON(t, url, "bootstrap", "--tenant=Other")
		tenant := invokeJSON(t, url, "tenant", "create", "--name=Acme")["id"].(string)
		in := "--tenant=" + tenant
		connection := invokeJSON(t, url, "connection", "create", in, "--name=Entra")["id"].(string)
		made := invokeJSON(t, url, "client", "create", in, "--connection="+connection)
		client := "--client=" + made["id"].(string)
		second := invokeJSON(t, url, "client", "secret", "create", in, client, "--expires=365d")
		require.Contains(t, second["client_secret"], "scimbridge_secret_")
		list := data(t, invokeJSON(t, url, "client", "list", in, "--connection="+connection))
		require.Len(t, list, 1)
		assert.Len(t, list[0]["secrets"], 2)
		assert.Equal(t, map[string]any{"revoked": second["id"]},
			invokeJSON(t, url, "client", "secret", "revoke", in, client, second["id"].(string), "--end-access-tokens"))
		file := filepath.Join(t.TempDir(), "jwks.json")
		require.NoError(t, os.WriteFile(file, keySet(t, newKey(t)), 0o600))
		assert.Contains(t, invokeJSON(t, url, "client", "create", in, "--connection="+connection,
			"--auth-method=private_key_jwt", "--jwks="+file), "jwks")
		assert.Equal(t, map[string]any{"revoked": made["id"]}, invokeJSON(t, url, "client", "revoke", in,
			made["id"].(string)))
		assert.Len(t, data(t, invokeJSON(t, url, "client", "list", in)), 1)

		for args, want := range map[string]struct {
			status int
			reason string
		}{
			"create": {exitUsage,
				`create needs --connection with the ID of a connection, a UUID, not ""`},
			"create --token-lifetime=x": {exitUsage, `--token-lifetime must be a span from 1h to 6h, not "x"`},
			"create --expires=x": {exitUsage,
				`--expires must be a time such as 2027-08-01T12:00:00Z or days such as 365d, not "x"`},
			"create --token-lifetime=7h": {exitFailed,
				`cannot create the client: token_lifetime_seconds must be a number from 3600 to 21600`},
			"create --auth-method=x": {exitFailed,
				`cannot create the client: auth_method must be "client_secret" or "private_key_jwt"`},
			"list --connection=x":           {exitUsage, `--connection must be a UUID, not "x"`},
			"revoke":                        {exitUsage, `revoke needs one ID`},
			"revoke " + made["id"].(string): {exitFailed, `cannot revoke the client: client not found`},
			"secret create": {exitUsage,
				`create needs --client with the ID of a client, a UUID, not ""`},
			"secret create " + client: {exitFailed, `cannot create the secret: client not found`},
			"secret revoke --client=x " +
				tenant: {exitUsage, `revoke needs --client with the ID of a client, a UUID, not "x"`},
		} {
			arguments := append([]string{"client"}, strings.Fields(args)...)
			if strings.Contains(args, "create -") && !strings.HasPrefix(args, "secret") {
				arguments = append(arguments, "--connection="+connection)
			}
			status, _, stderr := invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=" + url}, append(arguments, in)...)
			assert.Equal(t, want.status, status, args)
			assert.Equal(t, fmt.Sprintln("scimbridge: "+want.reason), lastLine(stderr), args)
		}
	})
}
