package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// base32Lower is how tokens are written.
var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// watched are secrets, by what they are, that must be nowhere.
type watched map[string]string

// token watches every form of a token that would open something, or help to.
func (w watched) token(name, text string) {
	secret := text[strings.LastIndexByte(text, '_')+1:]
	w[name] = secret
	decoded, err := base32Lower.DecodeString(secret)
	if err != nil {
		return
	}
	for what, bytes := range map[string][]byte{"secret": decoded[:32], "text": []byte(text)} {
		sum := sha256.Sum256(bytes)
		w[name+", hash of its "+what+" (hex)"] = hex.EncodeToString(sum[:])
		w[name+", hash of its "+what+" (base64)"] = base64.RawStdEncoding.EncodeToString(sum[:])
	}
}

func (w watched) nowhereIn(t *testing.T, where, text string) {
	t.Helper()
	for what, secret := range w {
		require.NotEmpty(t, secret)
		for _, form := range []string{secret, url.QueryEscape(secret),
			base64.StdEncoding.EncodeToString([]byte(secret))} {
			assert.NotContains(t, text, form, "%s is in %s", what, where)
		}
	}
}

// Whatever is sent, valid or not, to whichever door: no secret of it is logged,
// counted or sent back in an error. Passwords of users are secrets as well. What
// is personal may be answered, but is not logged.
func TestSecretsStaySecret(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, dbURL string) {
		server := start(t, dbURL, "--log-level=debug", "--failed-auth-limit=0")
		b, other := tenancy(t, dbURL), tenancy(t, dbURL)
		_, unknown := auth.Mint(auth.Token{Tenant: b.TenantID})
		revoked := nativeCaller(server, b).must(t, http.StatusCreated, http.MethodPost, "/tokens",
			`{"name":"x","kind":"api","permissions":["*"]}`)
		nativeCaller(server, b).must(t, http.StatusNoContent, http.MethodDelete, "/tokens/"+revoked["id"].(string), "")

		secrets := watched{
			"password": "pa55word-of-ann", "garbage": "garbage-credential", "cookie": "cookie-of-a-session",
			"secret of a client": "client-s3cret",
			"assertion":          "eyJhbGciOiJub25lIn0.eyJzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJl",
		}
		if u, err := url.Parse(dbURL); err == nil && u.User != nil {
			if password, ok := u.User.Password(); ok {
				secrets["password of the database"] = password
			}
		}
		tokens := map[string]string{
			"SCIM token": b.SCIMToken, "API token": b.APIToken, "another tenant's SCIM token": other.SCIMToken,
			"another tenant's API token": other.APIToken, "unknown token": unknown,
			"revoked token": revoked["token"].(string),
		}
		credentials := map[string]string{
			"": "", "garbage": "Bearer " + secrets["garbage"], "no scheme": secrets["garbage"],
			"JWT":    "Bearer " + secrets["assertion"],
			"Basic":  "Basic " + base64.StdEncoding.EncodeToString([]byte("client:"+secrets["secret of a client"])),
			"Digest": `Digest username="ann", response="` + secrets["garbage"] + `"`,
			"cut":    "Bearer " + b.APIToken[:100],
		}
		for name, token := range tokens {
			secrets.token(name, token)
			credentials[name] = "Bearer " + token
			credentials[name+" as Basic"] = "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+token))
		}

		personal := watched{
			"a user name": "zoe.quill", "an address": "zoe.quill@private.example", "a given name": "Zoequilla",
			"a family name":  "Quillington",
			"an external id": "ext-zoe-0815", "a telephone number": "+4917012345678",
			"a group's name": "Patients of Dr. Quill",
		}
		user := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann",` +
			`"password":"` + secrets["password"] + `"}`
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_id": {membership.NewID().String()},
			"client_secret": {secrets["secret of a client"]}, "client_assertion": {secrets["assertion"]},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}.Encode()
		query := "?access_token=" + url.QueryEscape(b.APIToken) + "&password=" + secrets["password"]
		client := newClient()
		zoe := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"zoe.quill",` +
			`"externalId":"ext-zoe-0815",` +
			`"name":{"givenName":"Zoequilla","familyName":"Quillington"},` +
			`"emails":[{"value":"zoe.quill@private.example"}],` +
			`"phoneNumbers":[{"value":"+4917012345678"}],"zoe.quill@private.example":"zoe.quill"}`
		for name, credential := range credentials {
			for _, r := range []struct{ method, path, contentType, body string }{
				{"POST", "/scim/v2/Users", "application/scim+json", zoe},
				{"POST", "/scim/v2/Users", "application/scim+json", zoe}, // it is taken now
				{"POST", "/scim/v2/Users", "application/scim+json", strings.Replace(zoe, `"userName":"zoe.quill"`,
					`"userName":["zoe.quill"]`, 1)},
				{"GET", "/scim/v2/Users?filter=" + url.QueryEscape(`userName eq "zoe.quill" and phoneNumbers.value eq `+
					`"+4917012345678"`), "", ""},
				{"GET", "/scim/v2/Users?filter=" + url.QueryEscape(`zoe.quill zz "zoe.quill@private.example"`), "", ""},
				{"GET", "/scim/v2/Users?sortBy=zoe.quill%40private.example", "", ""},
				{"POST", "/scim/v2/Groups", "application/scim+json",
					`{"displayName":"Patients of Dr. Quill","members":[{"value":"zoe.quill@private.example"}]}`},
				{"POST", "/scim/v2/Bulk", "application/scim+json",
					`{"Operations":[{"method":"POST","path":"/Users","bulkId":"zoe.quill","data":` + zoe + `}]}`},
				{"POST", "/v1/users", "application/json",
					`{"user_name":"zoe.quill","email":"zoe.quill@private.example",` +
						`"name":"Zoequilla Quillington"}`},
				{"POST", "/v1/users", "application/json", `{"user_name":"zoe.quill","zoe.quill@private.example":1}`},
				{"GET", "/scim/v2/Users/zoe.quill@private.example", "", ""},
				{"DELETE", "/v1/users/zoe.quill", "", ""},
				{"GET", "/v1/users?email=zoe.quill%40private.example&zoe.quill=1", "", ""},
				{"POST", "/v1/groups", "application/json",
					`{"display_name":"Patients of Dr. Quill","kind":"zoe.quill"}`},
				{"POST", "/scim/v2/Users", "application/scim+json", user},
				{"POST", "/scim/v2/Users", "application/scim+json", user[:len(user)-2]},
				{"POST", "/scim/v2/Users", "application/scim+json",
					strings.Replace(user, `"userName":"ann"`, `"userName":{}`, 1)},
				{"POST", "/scim/v2/Users", "application/scim+json",
					strings.Replace(user, `"password":"`, `"password":["`, 1)},
				{"GET", "/scim/v2/Users" + query, "", ""},
				{"GET", "/scim/v2/Users?filter=" + url.QueryEscape(`password eq "`+secrets["password"]+`"`), "", ""},
				{"POST", "/scim/v2/Users", "application/x-www-form-urlencoded", form},
				{"GET", "/v1/users" + query, "", ""},
				{"POST", "/v1/users", "application/json", `{"user_name":"ann","email":"a@x.example","name":"Ann",` +
					`"password":"` + secrets["password"] + `"}`},
				{"POST", "/v1/users", "text/plain", secrets["password"]},
				{"POST", "/v1/tokens", "application/json", `{"token":"` + b.APIToken + `"}`},
				{"POST", "/oauth2/token", "application/x-www-form-urlencoded", form},
				{"POST", "/oauth2/token", "application/json",
					`{"client_secret":"` + secrets["secret of a client"] + `"}`},
				{"GET", "/oauth2/token?" + form, "", ""},
				{"GET", "/metrics" + query, "", ""},
				{"GET", "/readyz" + query, "", ""},
				{"GET", "/nothing" + query, "", ""},
			} {
				req, err := http.NewRequestWithContext(t.Context(), r.method, server.base+r.path,
					strings.NewReader(r.body))
				require.NoError(t, err)
				req.Header.Set("X-Tenant-Id", b.TenantID.String())
				req.Header.Set("Cookie", "session="+secrets["cookie"])
				req.Header.Set("X-Api-Key", b.APIToken)
				req.Header.Set("X-Request-Id", "ticket 1 "+secrets["garbage"]) // not harmless, so not kept
				if credential != "" {
					req.Header.Set("Authorization", credential)
				}
				if r.contentType != "" {
					req.Header.Set("Content-Type", r.contentType)
				}
				res, err := client.Do(req)
				require.NoError(t, err)
				answer, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				res.Body.Close()
				for header, values := range res.Header {
					answer = append(answer, header+": "+strings.Join(values, ",")+"\n"...)
				}
				secrets.nowhereIn(t, "the answer to "+r.method+" "+strings.SplitN(r.path, "?", 2)[0]+" with "+name,
					string(answer))
			}
		}

		res, err := http.Get(server.base + "/metrics")
		require.NoError(t, err)
		secrets.nowhereIn(t, "the metrics", body(t, res))
		server.stop(t)
		secrets.nowhereIn(t, "the log", server.logged())
		personal.nowhereIn(t, "the log", server.logged())
		assert.Contains(t, server.logged(), `"level":"debug"`, "and it was a log of everything")
	})
}

// A store that cannot be opened is told without its password.
func TestADatabaseThatIsAwayKeepsItsPassword(t *testing.T) {
	for dbURL, serves := range map[string]int{ // a database that is away may come
		"postgres://scim:pa55word@127.0.0.1:1/x?connect_timeout=1":     exitDone,
		"postgres://127.0.0.1:1/x?password=pa55word&connect_timeout=1": exitDone,
		"postgres://scim:pa55word@%/x":                                 exitFailed,
	} {
		for command, ends := range map[string]int{"migrate": exitFailed, "serve": serves} {
			ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
			var out bytes.Buffer
			environ := []string{"SCIMBRIDGE_DATABASE_URL=" + dbURL, "SCIMBRIDGE_LISTEN=127.0.0.1:0"}
			status := run(ctx, []string{command, "--log-level=debug"}, environ, &out, &out)
			stop()
			assert.Equal(t, ends, status, "%s: %s", command, out.String())
			assert.NotEmpty(t, out.String())
			assert.NotContains(t, out.String(), "pa55word")
		}
	}
}
