package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// The program of the last release and this one work on one store: this one comes up, and
// migrates, while the other is written to; then both are. What one acknowledged the other
// has, a credential that is revoked at one is refused at the other, and the log verifies
// after both. SCIMBRIDGE_TEST_LAST_RELEASE is the program of the last release, which
// make release-check builds from its tag.
func TestBesideTheLastRelease(t *testing.T) {
	last := os.Getenv("SCIMBRIDGE_TEST_LAST_RELEASE")
	if last == "" {
		t.Skip("NOT CHECKED: no program of the last release is named")
	}
	dbtest.EachEmptyURL(t, func(t *testing.T, url string) {
		key := filepath.Join(t.TempDir(), "seal.key")
		before := startProgram(t, last, url, "--seal-key-file", key)
		tenant := tenancyBy(t, last, url)

		w := &mixedWriters{tenant: tenant, servers: []*process{before}, members: map[string]bool{}}
		w.group = scimCaller(before, tenant).group(t, "mixed")
		stop := w.start(t, 4)
		time.Sleep(time.Second)
		now := start(t, url, "--seal-key-file", key)
		w.add(now)
		time.Sleep(3 * time.Second)

		for _, through := range []struct{ at, other *process }{{now, before}, {before, now}} {
			native := nativeCaller(through.at, tenant)
			made := native.must(t, http.StatusCreated, http.MethodPost, "/tokens",
				`{"name":"short","kind":"api","permissions":["GROUPS:READ"]}`)
			short := tenant
			short.APIToken = made["token"].(string)
			other := nativeCaller(through.other, short)
			other.must(t, http.StatusOK, http.MethodGet, "/groups", "")
			native.must(t, http.StatusNoContent, http.MethodDelete, "/tokens/"+made["id"].(string), "")
			revoked := time.Now()
			require.Eventually(t, func() bool {
				status, _, err := other.send(t.Context(), http.MethodGet, "/groups", "")
				return err == nil && status == http.StatusUnauthorized
			}, 5*time.Second, 10*time.Millisecond)
			t.Logf("refused by the other after %s", time.Since(revoked))
		}
		stop()
		t.Logf("%d acknowledged, %d of them by the last release; %d were to come again", len(w.members),
			w.by[before], w.again)
		assert.Empty(t, w.wrong)
		assert.Positive(t, w.by[before])
		assert.Positive(t, w.by[now])
		for _, server := range []*process{before, now} {
			list := nativeCaller(server, tenant).must(t, http.StatusOK, http.MethodGet,
				"/groups/"+w.group+"/members", "")
			have := map[string]bool{}
			for _, m := range data(t, list) {
				have[m["id"].(string)] = true
			}
			for id := range w.members {
				assert.True(t, have[id], "a member that was acknowledged is missing")
			}
		}
		before.stop(t)
		native, status, vkey := nativeCaller(now, tenant), 0, ""
		require.Eventually(t, func() bool { // a minute after the first event
			status, vkey = native.text(t, "/audit/key", "*/*")
			return status == http.StatusOK
		}, 2*time.Minute, time.Second, "no event was sealed")
		now.stop(t)
		status, stdout, stderr := invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=" + url}, "audit", "verify", "--store",
			"--key", strings.TrimSpace(vkey))
		require.Equal(t, exitDone, status, stdout+stderr)
	})
}

// mixedWriters make users and members at several servers in turn.
type mixedWriters struct {
	tenant bootstrapped
	group  string

	mu      sync.Mutex
	servers []*process
	members map[string]bool
	by      map[*process]int
	again   int      // answers that ask for the request once more
	wrong   []string // any other that is no success
}

func (w *mixedWriters) add(server *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers = append(w.servers, server)
}

func (w *mixedWriters) server(n int) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.servers[n%len(w.servers)]
}

// start writes until stop is called.
func (w *mixedWriters) start(t *testing.T, writers int) (stop func()) {
	t.Helper()
	w.by = map[*process]int{}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for writer := range writers {
		wg.Go(func() {
			for n := writer; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				w.write(t, w.server(n), fmt.Sprintf("mixed-%d-%d", writer, n))
			}
		})
	}
	return func() { close(done); wg.Wait() }
}

// write makes one user and puts them into the group.
func (w *mixedWriters) write(t *testing.T, server *process, name string) {
	scim := scimCaller(server, w.tenant)
	defer scim.client.CloseIdleConnections()
	send := func(want int, method, path, body string) (map[string]any, bool) {
		status, doc, err := scim.send(t.Context(), method, path, body)
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil && status == want:
			return doc, true
		case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
			w.again++
		default:
			w.wrong = append(w.wrong, fmt.Sprint(method, " ", path, " ", status, " ", err, " ", doc))
		}
		return nil, false
	}
	user, ok := send(http.StatusCreated, http.MethodPost, "/Users",
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"`+name+`","active":true}`)
	if !ok {
		return
	}
	id := user["id"].(string)
	if _, ok := send(http.StatusNoContent, http.MethodPatch, "/Groups/"+w.group, memberPatch("add", id)); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.members[id] = true
		w.by[server]++
	}
}
