package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/seal/anchor"
	"github.com/scimbridge/scimbridge/seal/anchor/anchortest"
)

// Anchors by settings alone: a witness, openssl as authority, a webhook and a folder.
func TestAnchorsBySettings(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		witness, authority := anchortest.NewWitness(t), anchortest.NewAuthority(t)
		var mu sync.Mutex
		posted := ""
		mux := http.NewServeMux()
		mux.Handle("/prefix/", witness)
		mux.Handle("/tsa", authority)
		mux.HandleFunc("/hook/s3cret", func(_ http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			posted = string(text)
		})
		anchors := httptest.NewServer(mux)
		t.Cleanup(anchors.Close)
		dir := t.TempDir()
		file := func(name string) string { return filepath.Join(dir, name) }
		require.NoError(t, os.Mkdir(file("anchor"), 0o700))
		server := start(t, url, "--seal-key-file", file("seal.key"), "--allowed-networks=127.0.0.0/8",
			"--anchor-folder", file("anchor"), "--anchor-webhook-url", anchors.URL+"/hook/s3cret",
			"--anchor-witness-url", anchors.URL+"/prefix", "--anchor-witness-key", witness.VKey(),
			"--anchor-timestamp-url", anchors.URL+"/tsa")
		b := tenancy(t, url)
		native := nativeCaller(server, b)
		get := func(path string) (int, http.Header, string) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, native.base+path, nil)
			require.NoError(t, err)
			r.Header = native.header.Clone()
			res, err := native.client.Do(r)
			require.NoError(t, err)
			defer res.Body.Close()
			return res.StatusCode, res.Header, body(t, res)
		}
		// The witness does not know the log at first: what failed is tried again.
		vkey := ""
		require.Eventually(t, func() bool {
			status, _, text := get("/audit/key")
			vkey = text
			return status == http.StatusOK &&
				strings.Contains(metrics(t, server), `scimbridge_anchor_failures_total{anchor="witness"} `)
		}, time.Minute, 200*time.Millisecond)
		witness.Add(t, vkey)
		checkpoint := ""
		require.Eventually(t, func() bool {
			_, _, checkpoint = get("/audit/checkpoint")
			return strings.Contains(checkpoint, "\n— "+witness.Name+" ")
		}, time.Minute, 200*time.Millisecond)
		ours, err := note.NewVerifier(strings.TrimSpace(vkey))
		require.NoError(t, err)
		theirs, err := anchor.NewCosignatureVerifier(witness.VKey())
		require.NoError(t, err)
		n, err := note.Open([]byte(checkpoint), note.VerifierList(ours, theirs))
		require.NoError(t, err)
		require.Len(t, n.Sigs, 2)

		// openssl takes the token, of the checkpoint without the lines of witnesses.
		var header http.Header
		token := ""
		require.Eventually(t, func() bool {
			var status int
			status, header, token = get("/audit/checkpoint/timestamp")
			return status == http.StatusOK
		}, time.Minute, 200*time.Millisecond)
		assert.Equal(t, "application/timestamp-reply", header.Get("Content-Type"))
		size := header.Get("Scimbridge-Checkpoint-Size")
		_, _, stamped := get("/audit/checkpoint?size=" + size)
		signed := strings.Join(strings.SplitAfter(stamped, "\n")[:5], "") // head -n 5
		require.NoError(t, os.WriteFile(filepath.Join(authority.Dir, "checkpoint"), []byte(signed), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(authority.Dir, "token.tsr"), []byte(token), 0o600))
		authority.OpenSSL("ts", "-verify", "-data", "checkpoint", "-in", "token.tsr", "-CAfile", "ca.pem")
		environ := []string{"SCIMBRIDGE_DATABASE_URL=" + url, "SCIMBRIDGE_SEAL_KEY_FILE=" + file("seal.key")}
		status, again, stderr := invoke(t, environ,
			"audit", "checkpoint", "--tenant="+b.TenantID.String(), "--timestamp", "--size="+size)
		require.Equal(t, exitDone, status, stderr)
		assert.Equal(t, token, again)
		status, _, text := get("/audit/checkpoint/timestamp?size=1000000")
		assert.Equal(t, http.StatusNotFound, status, text)

		files, err := filepath.Glob(filepath.Join(dir, "anchor", "*", "*.checkpoint"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		kept, err := os.ReadFile(files[0])
		require.NoError(t, err)
		_, err = note.Open(kept, note.VerifierList(ours))
		require.NoError(t, err)
		mu.Lock()
		assert.Contains(t, posted, b.TenantID.String())
		mu.Unlock()
		assert.Contains(t, server.logged(), `"msg":"sealed"`)
		assert.NotContains(t, server.logged(), "s3cret")
		counted := metrics(t, server)
		for _, name := range []string{"folder", "webhook", "witness", "timestamp"} {
			assert.Contains(t, counted, `scimbridge_anchor_checkpoints_total{anchor="`+name+`"} `)
		}
		assert.Contains(t, counted, `scimbridge_anchor_retries_total{anchor="witness"} `)
	})
}

func metrics(t *testing.T, p *process) string {
	t.Helper()
	status, text := p.page(t, "/metrics")
	require.Equal(t, http.StatusOK, status)
	return text
}

// What an anchor cannot be made of is said at once.
func TestAnchorsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	for problem, args := range map[string][]string{
		"anchor_folder":                 {"--anchor-folder", filepath.Join(dir, "none")},
		"must begin with https://":      {"--anchor-webhook-url=http://hooks.example.com/x"},
		"set both or none":              {"--anchor-witness-url=https://witness.example.com"},
		"anchor_witness_key":            {"--anchor-witness-url=https://witness.example.com", "--anchor-witness-key=x"},
		"must not lead to":              {"--anchor-timestamp-url=https://127.0.0.1/tsa"},
		"without a user and a fragment": {"--anchor-timestamp-url=https://a:b@example.com"},
	} {
		environ := []string{
			"SCIMBRIDGE_DATABASE_URL=sqlite:" + filepath.Join(dir, "x.db"), "SCIMBRIDGE_LISTEN=127.0.0.1:0",
		}
		status, _, stderr := invoke(t, environ, append([]string{"serve"}, args...)...)
		assert.NotEqual(t, exitDone, status)
		assert.Contains(t, stderr, problem)
	}
}
