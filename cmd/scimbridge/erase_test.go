package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// stored is all that the store has: its files, or a dump of the database. Keys are
// folded, so it is small letters.
func stored(t *testing.T, store string) string {
	t.Helper()
	if path, embedded := strings.CutPrefix(store, "sqlite:"); embedded {
		files, err := filepath.Glob(path + "*")
		require.NoError(t, err)
		var all []byte
		for _, f := range files {
			b, err := os.ReadFile(f)
			require.NoError(t, err)
			all = append(all, b...)
		}
		return string(bytes.ToLower(all))
	}
	bin, err := exec.CommandContext(t.Context(), "pg_config", "--bindir").Output()
	require.NoError(t, err)
	database, err := url.Parse(store)
	require.NoError(t, err)
	// The owner of the server, whom row-level security does not stop.
	server, err := url.Parse(os.Getenv("SCIMBRIDGE_TEST_DATABASE_URL"))
	require.NoError(t, err)
	server.Path = database.Path
	dump := filepath.Join(strings.TrimSpace(string(bin)), "pg_dump")
	out, err := exec.CommandContext(t.Context(), dump, server.String()).CombinedOutput() //nolint:gosec // a test
	require.NoError(t, err, string(out))
	return strings.ToLower(string(out))
}

// places counts where a person is found, in texts or in bytes as a dump shows them.
func places(all string) (n int) {
	for _, s := range []string{"canary", "43616e617279", "63616e617279"} {
		n += strings.Count(all, s)
	}
	return n
}

// A person leaves texts in every place; erased, no byte of one is left in the store,
// and the log proves what it did before.
func TestErasedIsGoneFromTheStore(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, store string) {
		file := filepath.Join(t.TempDir(), "seal.key")
		environ := []string{"SCIMBRIDGE_DATABASE_URL=" + store, "SCIMBRIDGE_SEAL_KEY_FILE=" + file}
		server := start(t, store, "--seal-key-file", file)
		b := tenancy(t, store)
		native, scim := nativeCaller(server, b), scimCaller(server, b)
		canaries := 0
		canary := func() string {
			canaries++
			return fmt.Sprintf("Canary-%d-%s", canaries, strings.Repeat("x", 37*canaries%200))
		}
		create := func(c caller, path, body string) string {
			t.Helper()
			return c.must(t, http.StatusCreated, http.MethodPost, path, body)["id"].(string)
		}
		group := create(native, "/groups", `{"display_name":"A"}`)
		second := create(native, "/groups", `{"display_name":"B"}`)
		others := make([]string, 60)
		other := func(i int) {
			name := fmt.Sprintf("other%d %s", i, strings.Repeat("y", 53*i%700))
			others[i] = create(native, "/users", `{"user_name":"`+name+`","email":"","name":"`+name+`"}`)
			create(native, "/groups/"+group+"/members", `{"user_id":"`+others[i]+`","reason":"`+name+`"}`)
		}
		for i := range len(others) / 2 {
			other(i)
		}

		// One of the native side, with answers that are kept.
		keyed := nativeCaller(server, b)
		keyed.header = keyed.header.Clone()
		person := `{"user_name":"` + canary() + `","email":"canary@example.test","name":"` + canary() +
			`","reason":"` + canary() + `"}`
		keyed.header.Set("Idempotency-Key", "one")
		jane := create(keyed, "/users", person)
		keyed.header.Set("Idempotency-Key", "two")
		keyed.must(t, http.StatusConflict, http.MethodPost, "/users", strings.Replace(person, "canary@", "canary2@", 1))
		keyed.header.Set("Idempotency-Key", "three")
		create(keyed, "/groups/"+group+"/members", `{"user_id":"`+jane+`","reason":"`+canary()+`"}`)
		native.must(t, http.StatusOK, http.MethodPatch, "/users/"+jane, `{"name":"`+canary()+`"}`)
		native.must(t, http.StatusNoContent, http.MethodDelete,
			"/groups/"+group+"/members/"+jane+"?reason="+canary(), "")
		native.must(t, http.StatusOK, http.MethodPost, "/groups/"+second+"/members:batch",
			`{"add":["`+strings.Join(append(others[:20:20], jane), `","`)+`"],"reason":"`+canary()+`"}`)
		native.must(t, http.StatusOK, http.MethodPost, "/groups/"+second+"/members:batch",
			`{"remove":["`+strings.Join(append(others[:5:5], jane), `","`)+`"],"reason":"`+canary()+`"}`)
		create(native, "/groups/"+group+"/members", `{"user_id":"`+jane+`","reason":"`+canary()+`"}`)

		// One whom the provider sent, and gave up.
		resource := func() string {
			return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` +
				canary() + `","externalId":"` + canary() + `","displayName":"` + canary() +
				`","name":{"givenName":"` + canary() + `","familyName":"` + canary() +
				`"},"emails":[{"value":"canary-mail@example.test"}],"title":"` + strings.Repeat(canary(), 60) +
				`","urn:acme:own":{"shoe":"` + canary() + `"}}`
		}
		joe := create(scim, "/Users", resource())
		scim.must(t, http.StatusOK, http.MethodPut, "/Users/"+joe, resource())
		create(native, "/groups/"+second+"/members", `{"user_id":"`+joe+`","reason":"`+canary()+`"}`)
		for i := len(others) / 2; i < len(others); i++ {
			other(i)
		}
		native.must(t, http.StatusConflict, http.MethodPost, "/users/"+joe+"/erase", `{"reason":"request 4711"}`)
		scim.must(t, http.StatusNoContent, http.MethodDelete, "/Users/"+joe, "")
		require.Greater(t, places(stored(t, store)), 12, "the search finds what is there")

		erased := native.must(t, http.StatusOK, http.MethodPost, "/users/"+jane+"/erase", `{"reason":"request 4711"}`)
		counts := erased["erased"].(map[string]any)
		assert.InDelta(t, 1, counts["users"], 0)
		assert.InDelta(t, 1, counts["grants"], 0)
		assert.InDelta(t, 6, counts["reasons"], 0)
		assert.GreaterOrEqual(t, counts["answers"], 2.0)
		in := "--tenant=" + b.TenantID.String()
		status, stdout, stderr := invoke(t, environ, "user", "erase", in, joe, "--reason", "request 4712", "--json")
		require.Equal(t, exitDone, status, stderr)
		assert.Contains(t, stdout, `"users": 1`)

		left := stored(t, store)
		assert.Zero(t, places(left))
		assert.Contains(t, left, "other59", "what is of others stays")
		assert.Contains(t, left, "request 4711")

		// A repeat of a request whose answer is gone is not carried out again.
		keyed.header.Set("Idempotency-Key", "one")
		again := keyed.must(t, http.StatusConflict, http.MethodPost, "/users", person)
		assert.Equal(t, "answer_lost", again["code"])

		// All of it is sealed, and holds.
		require.Eventually(t, func() bool {
			status, said, stderr := invoke(t, environ, "audit", "verify", "--store")
			return status == exitDone && strings.Contains(said+stderr, "are as the checkpoints say")
		}, time.Minute, time.Second)
		status, _, stderr = invoke(t, environ, "user", "erase", in, "--user", jane)
		assert.Equal(t, exitUsage, status, stderr)
		status, stdout, stderr = invoke(t, environ, "user", "erase", in, "--user", jane, "--reason", "request 4711")
		require.Equal(t, exitDone, status, stderr)
		assert.Contains(t, stdout, "is erased")
	})
}
