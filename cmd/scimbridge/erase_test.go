package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// stored is all that the store has: its files, or a dump of the database. Keys are
// folded, so it is small letters.
func stored(t *testing.T, store string) string {
	t.Helper()
	if path, embedded := strings.CutPrefix(store, "sqlite:"); embedded {
		files, err := filepath.Glob(strings.TrimSuffix(path, filepath.Ext(path)) + "*") // the request log as well
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(files), 2, "two files, and their logs while they are open")
		var all []byte
		for _, f := range files {
			b, err := os.ReadFile(f)
			require.NoError(t, err)
			all = append(all, b...)
		}
		return string(bytes.ToLower(all))
	}
	return strings.ToLower(string(dump(t, store)))
}

// dump is a database of PostgreSQL as statements.
func dump(t *testing.T, store string, args ...string) []byte {
	t.Helper()
	bin, err := exec.CommandContext(t.Context(), "pg_config", "--bindir").Output()
	require.NoError(t, err)
	database, err := url.Parse(store)
	require.NoError(t, err)
	// The owner of the server, whom row-level security does not stop.
	server, err := url.Parse(os.Getenv("SCIMBRIDGE_TEST_DATABASE_URL"))
	require.NoError(t, err)
	server.Path = database.Path
	program := filepath.Join(strings.TrimSpace(string(bin)), "pg_dump")
	cmd := exec.CommandContext(t.Context(), program, append(args, server.String())...) //nolint:gosec // a test
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, said.String())
	return out
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
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, store string) {
		file := filepath.Join(t.TempDir(), "seal.key")
		environ := []string{"SCIMBRIDGE_DATABASE_URL=" + store, "SCIMBRIDGE_SEAL_KEY_FILE=" + file}
		hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "canary", http.StatusTeapot)
		}))
		t.Cleanup(hook.Close)
		server := start(t, store, "--seal-key-file", file, "--allowed-networks", "127.0.0.0/8")
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

		native.must(t, http.StatusCreated, http.MethodPost, "/webhooks", `{"url":"`+hook.URL+`"}`)

		// One whom the provider sent under several names, looked for, and gave up.
		var names, external []string
		resource := func() string {
			names, external = append(names, canary()), append(external, canary())
			return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` +
				names[len(names)-1] + `","externalId":"` + external[len(external)-1] + `","displayName":"` + canary() +
				`","name":{"givenName":"` + canary() + `","familyName":"` + canary() +
				`"},"emails":[{"value":"canary-mail@example.test"}],"title":"` + strings.Repeat(canary(), 60) +
				`","urn:acme:own":{"shoe":"` + canary() + `"}}`
		}
		joe := create(scim, "/Users", resource())
		scim.must(t, http.StatusOK, http.MethodPut, "/Users/"+joe, resource())
		scim.must(t, http.StatusOK, http.MethodPut, "/Users/"+joe, resource())
		janes := []string{"canary-1-" + strings.Repeat("x", 37), "other0 "}
		for _, name := range append(append(janes, names...), "nobody") {
			scim.must(t, http.StatusOK, http.MethodGet, "/Users?filter="+url.QueryEscape(`userName eq "`+name+`"`), "")
		}
		for _, id := range external {
			scim.must(t, http.StatusOK, http.MethodGet, "/Users?filter="+url.QueryEscape(`externalId eq "`+id+`"`), "")
		}
		found := func(filter, text string) int {
			t.Helper()
			return len(native.must(t, http.StatusOK, http.MethodGet,
				"/requests?limit=1000&"+filter+"="+url.QueryEscape(text), "")["data"].([]any))
		}
		require.Eventually(t, func() bool { return found("external_id", external[0]) > 1 }, time.Minute,
			100*time.Millisecond)
		for _, name := range append(janes, names...) {
			require.Positive(t, found("user_name", name))
		}
		before := native.exports(t)
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
		assert.InDelta(t, 1, counts["requests"], 0)
		in := "--tenant=" + b.TenantID.String()
		status, stdout, stderr := invoke(t, environ, "user", "erase", in, joe, "--reason", "request 4712", "--json")
		require.Equal(t, exitDone, status, stderr)
		assert.Contains(t, stdout, `"users": 1`)
		for _, name := range append(names, janes[0]) {
			assert.Zero(t, found("user_name", name))
		}
		for _, id := range external {
			assert.Zero(t, found("external_id", id))
		}
		assert.Equal(t, 1, found("user_name", "nobody"), "of others")
		assert.Equal(t, 1, found("user_name", janes[1]))
		assert.GreaterOrEqual(t, found("user_id", joe), 4, "ids stay")

		left := stored(t, store)
		assert.Zero(t, places(left))
		assert.Contains(t, left, "other59", "what is of others stays")
		assert.Contains(t, left, "request 4711")

		// A repeat of a request whose answer is gone is not carried out again.
		keyed.header.Set("Idempotency-Key", "one")
		again := keyed.must(t, http.StatusConflict, http.MethodPost, "/users", person)
		assert.Equal(t, "answer_lost", again["code"])
		again = keyed.must(t, http.StatusConflict, http.MethodPost, "/users",
			strings.Replace(person, "canary@", "canary3@", 1))
		assert.Equal(t, "answer_lost", again["code"], "what was sent is not known, not even its hash")

		// All of it is sealed, and holds.
		require.Eventually(t, func() bool {
			status, said, stderr := invoke(t, environ, "audit", "verify", "--store")
			return status == exitDone && strings.Contains(said+stderr, "are as the checkpoints say")
		}, time.Minute, time.Second)
		before.verify(t)
		native.exports(t).verify(t)
		status, _, stderr = invoke(t, environ, "user", "erase", in, "--user", jane)
		assert.Equal(t, exitUsage, status, stderr)
		status, stdout, stderr = invoke(t, environ, "user", "erase", in, "--user", jane, "--reason", "request 4711")
		require.Equal(t, exitDone, status, stderr)
		assert.Contains(t, stdout, "is erased")
	})
}

// Wherever an erasure is killed, a repeat finishes it: in the request log, between that
// and the store, and between its steps in the store.
func TestKilledErasureIsFinishedByARepeat(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, store string) {
		file := filepath.Join(t.TempDir(), "seal.key")
		server := start(t, store, "--seal-key-file", file)
		b := tenancy(t, store)
		scim := scimCaller(server, b)
		user := scim.user(t, "canary@example.test")
		for range 300 {
			scim.must(t, http.StatusOK, http.MethodGet,
				"/Users?filter="+url.QueryEscape(`userName eq "canary@example.test"`), "")
		}
		joinMany(t, store, b.TenantID, user)
		scim.must(t, http.StatusNoContent, http.MethodDelete, "/Users/"+user, "")
		server.stop(t) // what it received is written
		require.Greater(t, places(stored(t, store)), 1000)

		steps := func() (n int) {
			inStore(t, store, func(s *db.Store) {
				n = len(dbtest.Events(t, s, b.TenantID, membership.EventFilter{Action: membership.ActionUserErased}))
			})
			return n
		}
		between := false // it was killed between two steps
		for delay := 30 * time.Millisecond; ; delay += delay / 4 {
			erase := command(t, store, "user", "erase", "--tenant="+b.TenantID.String(), user, "--reason",
				"request 4711")
			erase.Env = append(erase.Env, "SCIMBRIDGE_SEAL_KEY_FILE="+file)
			var said bytes.Buffer
			erase.Stderr = &said
			require.NoError(t, erase.Start())
			kill := time.AfterFunc(delay, func() { _ = erase.Process.Kill() })
			err := erase.Wait()
			kill.Stop()
			if err == nil {
				break
			}
			require.Equal(t, -1, erase.ProcessState.ExitCode(), "it was killed, and has not failed: %s", said.String())
			between = between || steps() > 0
		}
		assert.True(t, between)
		assert.Greater(t, steps(), 1)
		assert.Zero(t, places(stored(t, store)))

		again := start(t, store, "--seal-key-file", file)
		native := nativeCaller(again, b)
		assert.Empty(t,
			native.must(t, http.StatusOK, http.MethodGet, "/requests?user_name=canary@example.test", "")["data"])
		assert.Len(t, native.must(t, http.StatusOK, http.MethodGet, "/requests?limit=1000", "")["data"], 302,
			"they stay")
		require.Eventually(t, func() bool {
			status, said, _ := invoke(t,
				[]string{"SCIMBRIDGE_DATABASE_URL=" + store, "SCIMBRIDGE_SEAL_KEY_FILE=" + file},
				"audit", "verify", "--store")
			return status == exitDone && strings.Contains(said, "are as the checkpoints say")
		}, time.Minute, time.Second)
	})
}

// inStore opens the store in this process, and closes it: while it is open here, its
// files must not be read as files (closing one drops the locks of SQLite).
func inStore(t *testing.T, url string, do func(*db.Store)) {
	t.Helper()
	s, err := db.Open(t.Context(), url, db.Options{MustExist: true})
	require.NoError(t, err)
	do(s)
	require.NoError(t, s.Close())
}

// joinMany makes a user a member of many groups, for a reason that names them.
func joinMany(t *testing.T, url string, tenant membership.ID, user string) {
	t.Helper()
	id, err := membership.ParseID(user)
	require.NoError(t, err)
	call := operator(tenant)
	call.Reason = "Canary joins"
	some := func(tx membership.Tx) error {
		for range 500 {
			g := membership.Group{
				Tenant: tenant, ID: membership.NewID(), DisplayName: "g", Kind: membership.GroupCustom,
				Origin: membership.SourceLocal, CreatedAt: time.Now(), UpdatedAt: time.Now(),
			}
			c := membership.MemberChange{Call: call, At: time.Now(), Group: g.ID, Open: []membership.ID{id}}
			if err := errors.Join(tx.InsertGroup(t.Context(), g),
				dbtest.ChangeMembers(t.Context(), tx, c)); err != nil {
				return err
			}
		}
		return nil
	}
	inStore(t, url, func(s *db.Store) {
		for range 4 {
			require.NoError(t, s.Update(t.Context(), tenant, some))
		}
	})
}
