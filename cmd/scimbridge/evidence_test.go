package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// An auditor with files, a key and a checkpoint that they kept needs no server.
func TestEvidence(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		file := func(name string) string { return filepath.Join(dir, name) }
		environ := []string{"SCIMBRIDGE_DATABASE_URL=" + url, "SCIMBRIDGE_SEAL_KEY_FILE=" + file("seal.key")}
		server := start(t, url, "--seal-key-file", file("seal.key"))
		b := tenancy(t, url)
		in, native := "--tenant="+b.TenantID.String(), nativeCaller(server, b)
		create := func(path, body string) string {
			return native.must(t, http.StatusCreated, http.MethodPost, path, body)["id"].(string)
		}
		group := create("/groups", `{"display_name":"Finance"}`)
		var users []string
		for _, name := range []string{"ada", "bob", "cyd"} {
			user := create("/users", `{"user_name":"`+name+`","email":"`+name+`@example.com","name":"x; y"}`)
			create("/groups/"+group+"/members", `{"user_id":"`+user+`","reason":"INC-1"}`)
			users = append(users, user)
		}
		native.must(t, http.StatusNoContent, http.MethodDelete, "/groups/"+group+"/members/"+users[1], "")
		get := func(path, accept string) (int, string) { return native.text(t, path, accept) }
		must := func(path, accept string) string {
			t.Helper()
			status, body := get(path, accept)
			require.Equal(t, http.StatusOK, status, body)
			return body
		}
		put := func(name, text string) string {
			require.NoError(t, os.WriteFile(file(name), []byte(text), 0o600))
			return file(name)
		}

		// Without a reader, everything is under a checkpoint.
		require.Eventually(t, func() bool {
			status, text := get("/audit/checkpoint", "*/*")
			return status == http.StatusOK && strings.Split(text, "\n")[1] >= "10" &&
				len(strings.Split(text, "\n")[1]) == 2
		}, time.Minute, time.Second)
		kept := put("kept", must("/audit/checkpoint", "*/*"))
		key := strings.TrimSpace(must("/audit/key", "*/*"))
		native.must(t, http.StatusNoContent, http.MethodDelete, "/groups/"+group+"/members/"+users[2], "")
		size := strings.Split(must("/audit/checkpoint", "*/*"), "\n")[1]
		require.Eventually(t, func() bool {
			return strings.Split(must("/audit/checkpoint", "*/*"), "\n")[1] != size
		}, time.Minute, time.Second)

		register := put("register.csv", must("/audit/register?format=csv", "*/*"))
		lines := put("register.jsonl", must("/audit/register", "*/*"))
		events := put("events.jsonl", must("/audit/events?limit=1000", "application/jsonl"))
		newest := put("newest", must("/audit/checkpoint", "*/*"))
		proof := put("five.tlog-proof", must("/audit/events/5/proof", "*/*"))
		text, err := os.ReadFile(events)
		require.NoError(t, err)
		put("five.tlog-proof.jsonl", strings.Split(string(text), "\n")[4]+"\n")
		verify := func(args ...string) (int, string) {
			t.Helper()
			status, stdout, stderr := invoke(t, nil, append([]string{"audit", "verify"}, args...)...)
			return status, stdout + stderr
		}
		status, said := verify(events, newest, register, lines, proof, "--key", key, "--since", kept)
		require.Equal(t, exitDone, status, said)
		assert.Equal(t, 2, strings.Count(said, "the events say the same"), said)

		tampered := put("tampered.jsonl", strings.Replace(string(text), `"request_id":"`, `"request_id":"x`, 1))
		status, said = verify(tampered, newest, "--key", key)
		assert.Equal(t, exitFailed, status)
		assert.Contains(t, said, "not consistent")
		// A register that lacks its last row, with a manifest of its own that says so.
		register2, err := os.ReadFile(lines)
		require.NoError(t, err)
		manifest, rows, _ := strings.Cut(string(register2), "\n")
		less := rows[:strings.LastIndex(strings.TrimSuffix(rows, "\n"), "\n")+1]
		n := strings.Count(rows, "\n")
		manifest2 := strings.NewReplacer(sha256Of(rows), sha256Of(less), `"rows":`+strconv.Itoa(n),
			`"rows":`+strconv.Itoa(n-1)).Replace(manifest)
		require.NotEqual(t, manifest, manifest2)
		status, said = verify(put("forged.jsonl", manifest2+"\n"+less), "--key", key)
		assert.Equal(t, exitFailed, status, said)
		assert.Contains(t, said, "the manifest was changed")

		cli := func(args ...string) string {
			t.Helper()
			status, stdout, stderr := invoke(t, environ, append([]string{"audit"}, args...)...)
			require.Equal(t, exitDone, status, stderr)
			return stdout
		}
		assert.Equal(t, key+"\n", cli("key", in))
		cli("tiles", in, file("tiles"))
		status, said = verify(file("tiles"), "--key", key, "--since", kept)
		require.Equal(t, exitDone, status, said)
		outsider := exec.Command("go", "run", ".", key, file("tiles"), kept, proof,
			put("five", strings.Split(string(text), "\n")[4]))
		outsider.Dir = filepath.Join("..", "..", "seal", "testdata", "outsider")
		outsider.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off")
		verified, err := outsider.CombinedOutput()
		require.NoError(t, err, string(verified))
		assert.Empty(t, string(verified), "a program of others says that all holds")
		assert.Contains(t, cli("verify", "--store"), "are as the checkpoints say")
		assert.Contains(t, cli("verify", "--store", "--since", kept, "--key", key), "are as the checkpoints say")
		assert.Contains(t, cli("export", in, "--output", file("again.csv")), "rows")
		status, said = verify(file("again.csv"), "--key", key)
		require.Equal(t, exitDone, status, said)
		assert.Contains(t, cli("accept-restore", in, "--reason", "a drill"), b.TenantID.String()+"/2")
	})
}

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// text gets an answer that is no JSON object.
func (c caller) text(t *testing.T, path, accept string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.base+path, nil)
	require.NoError(t, err)
	r.Header = c.header.Clone()
	r.Header.Set("Accept", accept)
	res, err := c.client.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body)
}

// exported are files of a tenant for who has no access to it, and its keys.
type exported struct {
	files []string
	key   string
}

// exports writes the register in both formats, the exceptions, all events and a
// checkpoint that covers them.
func (c caller) exports(t *testing.T) (e exported) {
	t.Helper()
	dir := t.TempDir()
	get := func(path, accept string) string {
		status, text := c.text(t, path, accept)
		require.Equal(t, http.StatusOK, status, text)
		return text
	}
	put := func(name, text string) {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		e.files = append(e.files, file)
	}
	var events, checkpoint string
	require.Eventually(t, func() bool {
		events = get("/audit/events?limit=1000", "application/jsonl")
		status, text := c.text(t, "/audit/checkpoint", "*/*")
		checkpoint = text
		return status == http.StatusOK && strings.Split(text, "\n")[1] == strconv.Itoa(strings.Count(events, "\n"))
	}, time.Minute, time.Second)
	put("events.jsonl", events)
	put("checkpoint", checkpoint)
	put("register.csv", get("/audit/register?format=csv", "*/*"))
	put("register.jsonl", get("/audit/register", "*/*"))
	put("exceptions.jsonl", get("/audit/exceptions?format=jsonl", "*/*"))
	e.key = strings.TrimSpace(get("/audit/key", "*/*"))
	return e
}

// verify holds them together, with no store.
func (e exported) verify(t *testing.T) {
	t.Helper()
	status, stdout, stderr := invoke(t, nil, append([]string{"audit", "verify", "--key", e.key}, e.files...)...)
	require.Equal(t, exitDone, status, stdout+stderr)
	require.Equal(t, 2, strings.Count(stdout+stderr, "the events say the same"), stdout+stderr)
}
