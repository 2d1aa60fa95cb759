package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/db/dbtest/debian"
	"github.com/scimbridge/scimbridge/membership"
)

// esbuild takes the types out of TypeScript; it is a Go program.
const esbuild = "github.com/evanw/esbuild/cmd/esbuild@v0.25.12"

// shownReceivers are the receivers of docs/webhooks.md as commands, ready to run.
func shownReceivers(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "webhooks.md"))
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(language, name string) string {
		found := regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```\n").FindAllSubmatch(text, -1)
		require.Len(t, found, 1, language)
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, found[0][1], 0o600))
		return path
	}
	run := func(name string, args ...string) {
		out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
		require.NoError(t, err, "%s %s\n%s", name, args, out)
	}
	program := func(name, ofPackage string) string {
		path, err := debian.Program(name, ofPackage)
		require.NoError(t, err)
		return path
	}
	goProgram, nodeProgram := filepath.Join(dir, "receiver"), filepath.Join(dir, "receiver.mjs")
	run("go", "build", "-buildvcs=false", "-o", goProgram, write("go", "receiver.go"))
	run("go", "run", esbuild, write("typescript", "receiver.ts"), "--target=node18", "--outfile="+nodeProgram)
	return map[string][]string{
		"Go":         {goProgram},
		"TypeScript": {program("node", "nodejs"), nodeProgram},
		"Python":     {program("python3", "python3"), write("python", "receiver.py")},
	}
}

// shownReceiver is one of them with its webhook.
type shownReceiver struct {
	command      []string
	env          []string
	id, secret   string
	url, journal string
	running      *exec.Cmd
	output       bytes.Buffer
}

func newShownReceiver(t *testing.T, command []string, native caller, b bootstrapped, base string) *shownReceiver {
	t.Helper()
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listen := free.Addr().String()
	require.NoError(t, free.Close())
	r := &shownReceiver{
		command: command, url: "http://" + listen + "/hooks/scimbridge", journal: filepath.Join(t.TempDir(), "journal"),
	}
	hook := native.must(t, http.StatusCreated, http.MethodPost, "/webhooks", fmt.Sprintf(`{"url":%q}`, r.url))
	r.id, r.secret = hook["id"].(string), hook["secret"].(string)
	token := native.must(t, http.StatusCreated, http.MethodPost, "/tokens",
		`{"name":"receiver","kind":"api","permissions":["AUDIT:READ"]}`)
	r.env = []string{
		"WEBHOOK_SECRET=" + r.secret, "JOURNAL=" + r.journal, "LISTEN=" + listen, "SCIMBRIDGE_URL=" + base,
		"TENANT_ID=" + b.TenantID.String(), "API_TOKEN=" + token["token"].(string), "PATH=" + os.Getenv("PATH"),
	}
	return r
}

func (r *shownReceiver) start(t *testing.T) {
	t.Helper()
	r.running = exec.Command(r.command[0], r.command[1:]...) //nolint:gosec // of the document
	r.running.Env, r.running.Stdout, r.running.Stderr = r.env, &r.output, &r.output
	require.NoError(t, r.running.Start())
	t.Cleanup(r.kill)
}

func (r *shownReceiver) kill() {
	_ = r.running.Process.Kill()
	_ = r.running.Wait()
}

// kept are the numbers of the events in its journal, by id; each is there once.
func (r *shownReceiver) kept(t *testing.T) map[string]int64 {
	t.Helper()
	text, err := os.ReadFile(r.journal)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	kept := map[string]int64{}
	for line := range strings.Lines(string(text)) {
		var e struct {
			ID     string
			Number int64
			Type   string
		}
		if !strings.HasSuffix(line, "\n") { // it is being written
			continue
		}
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		if e.ID == "" {
			continue
		}
		require.NotContains(t, kept, e.ID, "it is there twice")
		require.NotEmpty(t, e.Type)
		kept[e.ID] = e.Number
	}
	return kept
}

// post sends it a request and returns the status.
func (r *shownReceiver) post(t *testing.T, id, body, signature string, at time.Time) int {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url, strings.NewReader(body))
	require.NoError(t, err)
	q.Header.Set("Webhook-Id", id)
	q.Header.Set("Webhook-Timestamp", fmt.Sprint(at.Unix()))
	q.Header.Set("Webhook-Signature", signature)
	res, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

// The receivers that docs/webhooks.md shows verify, keep each event once, survive kill
// -9, and read from the log what they missed.
func TestReceiversOfTheDocument(t *testing.T) {
	t.Parallel()
	commands := shownReceivers(t)
	dbtest.EachURL(t, func(t *testing.T, url string) {
		b := tenancy(t, url)
		server := start(t, url, "--allowed-networks=127.0.0.0/8")
		native := nativeCaller(server, b)
		groups := 0
		more := func() {
			for range 5 {
				groups++
				native.must(t, http.StatusCreated, http.MethodPost, "/groups",
					fmt.Sprintf(`{"display_name":"Group %d"}`, groups))
			}
		}
		var receivers []*shownReceiver
		for language, command := range commands {
			r := newShownReceiver(t, command, native, b, server.base)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("%s: %s", language, r.output.String())
				}
			})
			r.start(t)
			receivers = append(receivers, r)
		}
		store := dbtest.Open(t, url)
		converged := func(why string) {
			t.Helper()
			require.Eventually(t, func() bool {
				events := dbtest.Events(t, store, b.TenantID, membership.EventFilter{})
				for _, r := range receivers {
					kept := r.kept(t)
					for _, e := range events {
						if kept[e.ID.String()] != e.Number {
							return false
						}
					}
				}
				return true
			}, 30*time.Second, 100*time.Millisecond, why)
		}
		more()
		converged("they are told")

		// What happens while they are down, and are told nothing of, is in the log.
		for _, r := range receivers {
			r.kill()
			native.must(t, http.StatusOK, http.MethodPatch, "/webhooks/"+r.id, `{"state":"disabled"}`)
			file, err := os.OpenFile(r.journal, os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = file.WriteString(`{"id":"cut o`) // by a crash
			require.NoError(t, err)
			require.NoError(t, file.Close())
		}
		more()
		for _, r := range receivers {
			r.start(t)
		}
		converged("they catch up")
		// When they are told after all they keep nothing twice.
		for _, r := range receivers {
			native.must(t, http.StatusOK, http.MethodPatch, "/webhooks/"+r.id, `{"state":"active"}`)
		}
		more()
		converged("they are told again")

		for _, r := range receivers {
			hook, err := standard.NewWebhook(r.secret)
			require.NoError(t, err)
			const id, text = "0197a5e4-7b3c-7d11-8a52-0c1d2e3f4a5b",
				`{"type":"group.created","number":1000000,"data":{}}`
			now, old := time.Now(), time.Now().Add(-time.Hour)
			signed, err := hook.Sign(id, now, []byte(text))
			require.NoError(t, err)
			signedThen, err := hook.Sign(id, old, []byte(text))
			require.NoError(t, err)
			require.Equal(t, 401, r.post(t, id, text, "v1,"+strings.Repeat("A", 43)+"=", now), "signed by nobody")
			require.Equal(t, 401, r.post(t, id, text+" ", signed, now), "another body")
			require.Equal(t, 401, r.post(t, "another", text, signed, now), "another id")
			require.Equal(t, 401, r.post(t, id, text, signedThen, old), "long ago")
			require.NotContains(t, r.kept(t), id)
			for range 2 {
				require.Equal(t, 204, r.post(t, id, text, "v1a,eA== "+signed, now))
				require.Contains(t, r.kept(t), id)
			}
			answer := native.must(t, http.StatusOK, http.MethodPost, "/webhooks/"+r.id+"/test", `{}`)
			require.Equal(t, true, answer["delivered"])
		}
	})
}
