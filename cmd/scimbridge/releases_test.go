package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// releases has a folder for each release, and in it one for each engine: a store as that
// release left it, with the key of its log, and what its API said of it.
const releases = "testdata/releases"

// Files of a release. Those that are made for a test are packed.
const (
	releaseTenant     = "tenant"
	releaseKey        = "seal.key"
	releaseVerifier   = "seal.vkey"
	releaseEvents     = "events.jsonl"
	releaseCheckpoint = "checkpoint"
	releaseRegister   = "register.jsonl"
)

var releaseStore = map[string]string{"sqlite": "store.db", "postgres": "store.sql"}

// This program opens the store of each release, migrates it, and has every grant and
// every event of it, in a log that goes on with the same key.
func TestStoresOfReleases(t *testing.T) {
	stores, err := filepath.Glob(filepath.Join(releases, "*", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, stores)
	for _, dir := range stores {
		engine := filepath.Base(dir)
		t.Run(filepath.Base(filepath.Dir(dir))+"/"+engine, func(t *testing.T) {
			dbtest.Wants(t, engine)
			r := unpackRelease(t, dir, engine)
			environ := []string{"SCIMBRIDGE_DATABASE_URL=" + r.url, "SCIMBRIDGE_SEAL_KEY_FILE=" + r.file(releaseKey)}
			cli := func(args ...string) string {
				t.Helper()
				status, stdout, stderr := invoke(t, environ, args...)
				require.Equal(t, exitDone, status, stdout+stderr)
				return stdout
			}
			cli("migrate")
			whole := func() {
				t.Helper()
				said := cli("audit", "verify", "--store", "--key", strings.TrimSpace(r.text(releaseVerifier)),
					"--since", r.file(releaseCheckpoint))
				assert.Contains(t, said, "are as the checkpoints say")
			}
			whole()
			assert.Equal(t, rowsOfRegister(r.text(releaseRegister)),
				rowsOfRegister(cli("audit", "register", "--tenant", r.tenant())))

			// It goes on where the release stopped.
			server := start(t, r.url, "--seal-key-file", r.file(releaseKey))
			native := nativeCaller(server, bootstrapped{
				TenantID: parseID(t, r.tenant()),
				APIToken: invokeJSON(t, r.url, "token", "create", "--tenant", r.tenant(), "--kind", "api",
					"--name", "upgraded", "--permission", "*")["token"].(string),
			})
			user := native.must(t, http.StatusCreated, http.MethodPost, "/users",
				`{"user_name":"after-the-upgrade","email":"","name":"x"}`)["id"].(string)
			group := native.must(t, http.StatusCreated, http.MethodPost, "/groups",
				`{"display_name":"after the upgrade"}`)["id"].(string)
			native.must(t, http.StatusCreated, http.MethodPost, "/groups/"+group+"/members",
				fmt.Sprintf(`{"user_id":%q}`, user))
			e := native.exports(t)
			e.verify(t)
			events, err := os.ReadFile(e.files[0])
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(string(events), r.text(releaseEvents)), "the events are what they were")
			assert.Greater(t, len(events), len(r.text(releaseEvents)))
			server.stop(t)
			whole()
		})
	}
}

// SCIMBRIDGE_TEST_MAKE_RELEASE makes the stores of a release, of the name that it has.
// A release commits them (docs/decisions/0046-releases.md).
func TestMakeStoresOfARelease(t *testing.T) {
	name := os.Getenv("SCIMBRIDGE_TEST_MAKE_RELEASE")
	if name == "" {
		t.Skip("it makes files: make release-stores")
	}
	dbtest.EachEmptyURL(t, func(t *testing.T, store string) {
		engine := filepath.Base(t.Name())
		dir := filepath.Join(releases, name, engine)
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.MkdirAll(dir, 0o755))
		put := func(name string, text []byte) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
		}
		read := func(file string) []byte {
			t.Helper()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			return text
		}
		key := filepath.Join(t.TempDir(), "seal.key")
		server := start(t, store, "--seal-key-file", key)
		b := tenancy(t, store)
		h := newRandomTenant(t, server, b)
		for range 200 {
			h.step()
		}
		fillRest(t, h.native, b)
		e := h.native.exports(t)
		e.verify(t)
		server.stop(t)
		put(releaseTenant, []byte(b.TenantID.String()+"\n"))
		put(releaseKey, read(key))
		put(releaseVerifier, []byte(e.key+"\n"))
		put(releaseEvents+".gz", packed(t, read(e.files[0])))
		put(releaseCheckpoint, read(e.files[1]))
		put(releaseRegister+".gz", packed(t, read(e.files[3])))
		whole := filepath.Join(t.TempDir(), "store.db")
		if engine == "sqlite" {
			status, _, stderr := invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=" + store}, "backup", whole)
			require.Equal(t, exitDone, status, stderr)
		} else {
			require.NoError(t, os.WriteFile(whole, dump(t, store, "--no-owner", "--no-privileges"), 0o600))
		}
		put(releaseStore[engine]+".gz", packed(t, read(whole)))
	})
}

// fillRest puts a row into most of the tables that random steps leave empty.
func fillRest(t *testing.T, native caller, b bootstrapped) {
	t.Helper()
	native.must(t, http.StatusCreated, http.MethodPost, "/connections/"+b.ConnectionID.String()+"/clients",
		`{"auth_method":"client_secret"}`)
	native.must(t, http.StatusCreated, http.MethodPost, "/webhooks",
		`{"url":"https://hooks.example.com/x","signing":"v1"}`)
	native.must(t, http.StatusCreated, http.MethodPost, "/policies",
		`{"id":"no-guests","cedar":"forbid (principal, action, resource) when { false };"}`)
	native.must(t, http.StatusCreated, http.MethodPost, "/issuers",
		`{"issuer":"https://issuer.example.com","jwks_uri":"https://issuer.example.com/keys","audiences":["x"]}`)
	native.must(t, http.StatusCreated, http.MethodPost, "/connections/"+b.ConnectionID.String()+"/captures",
		`{"hours":1}`)
}

// release is the store of one, unpacked.
type release struct {
	t        *testing.T
	dir, url string
}

func (r release) file(name string) string { return filepath.Join(r.dir, name) }

func (r release) text(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(r.file(name))
	require.NoError(r.t, err)
	return string(text)
}

func (r release) tenant() string { return strings.TrimSpace(r.text(releaseTenant)) }

// unpackRelease puts the store of a release into a folder, or a database, of the test.
func unpackRelease(t *testing.T, dir, engine string) release {
	t.Helper()
	r := release{t: t, dir: t.TempDir(), url: dbtest.EmptyURL(t, engine)}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		name, isPacked := strings.CutSuffix(f.Name(), ".gz")
		if isPacked {
			from, err := gzip.NewReader(bytes.NewReader(text))
			require.NoError(t, err)
			text, err = io.ReadAll(from)
			require.NoError(t, err)
		}
		require.NoError(t, os.WriteFile(r.file(name), text, 0o600))
	}
	if engine == "sqlite" {
		r.url = "sqlite:" + r.file(releaseStore[engine])
		return r
	}
	out, err := exec.CommandContext(t.Context(), "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1",
		"--file="+r.file(releaseStore[engine]), r.url).CombinedOutput()
	require.NoError(t, err, string(out))
	return r
}

func packed(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	to, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	_, err = to.Write(text)
	require.NoError(t, err)
	require.NoError(t, to.Close())
	return b.Bytes()
}

// rowsOfRegister are a register without its manifest, which is of the moment.
func rowsOfRegister(text string) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[1:]
}

func parseID(t *testing.T, text string) membership.ID {
	t.Helper()
	id, err := membership.ParseID(text)
	require.NoError(t, err)
	return id
}
