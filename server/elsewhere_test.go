package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
)

// What one server is told to refuse another refuses as well: whatever begins a second
// later, however slow the store is.
func TestAnotherServerRefusesWithinASecond(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		free := func(c *config.Config) { c.RateLimit = 0 }
		one, _ := running(t, url, free)
		two, _ := running(t, url, free)
		b := one.bootstrap(t)
		call := func(s testServer, token, method, path, body string) (status int, answer map[string]any) {
			r, err := http.NewRequestWithContext(t.Context(), method, s.BaseURL()+path, strings.NewReader(body))
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("X-Tenant-ID", b.TenantID.String())
			if body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			res, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer res.Body.Close()
			_ = json.NewDecoder(res.Body).Decode(&answer) // there may be none
			return res.StatusCode, answer
		}
		_, made := call(one, b.APIToken, http.MethodPost, "/v1/tokens",
			`{"name":"short","kind":"api","permissions":["GROUPS:READ"]}`)
		short := made["token"].(string)
		for _, c := range []struct {
			name, token, path   string // what the other server is asked
			method, to, with    string // what this one is told
			before, told, after int
		}{
			{"a paused connection", b.SCIMToken, SCIMPrefix + "/Users",
				http.MethodPatch, "/v1/connections/" + b.ConnectionID.String(), `{"paused":true}`, 200, 200, 503},
			{"a policy", short, "/v1/groups",
				http.MethodPost, "/v1/policies",
				`{"id":"p","cedar":"forbid (principal, action == Action::\"groups.read\", resource);"}`, 200, 201, 403},
			{"no policy", short, "/v1/groups",
				http.MethodDelete, "/v1/policies/p", "", 403, 204, 200},
			{"a revoked token", short, "/v1/groups",
				http.MethodDelete, "/v1/tokens/" + made["id"].(string), "", 200, 204, 401},
		} {
			for range 3 { // it is kept
				status, _ := call(two, c.token, http.MethodGet, c.path, "")
				require.Equal(t, c.before, status, c.name)
				time.Sleep(300 * time.Millisecond)
			}
			status, said := call(one, b.APIToken, c.method, c.to, c.with)
			require.Equal(t, c.told, status, "%s: %v", c.name, said)
			changed := time.Now()
			last := changed // when a request began that was answered as before
			for {
				begun := time.Now()
				status, _ := call(two, c.token, http.MethodGet, c.path, "")
				if status == c.after {
					break
				}
				require.Equal(t, c.before, status, c.name)
				require.Less(t, begun.Sub(changed), 10*time.Second, c.name)
				last = begun
			}
			t.Logf("%s: the last request that did not see it began %s after it", c.name, last.Sub(changed))
			assert.Less(t, last.Sub(changed), time.Second, c.name)
		}
	})
}
