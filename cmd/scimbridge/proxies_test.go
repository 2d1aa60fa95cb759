package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// proxyOf makes a configuration from what docs/configuration.md shows, for a server and a
// port of its own, and returns the command that runs it.
var proxyOf = map[string]func(dir, snippet, server, port string) (config string, args []string){
	"nginx": func(dir, snippet, server, port string) (string, []string) {
		snippet = strings.ReplaceAll(snippet, "http://127.0.0.1:8080", server)
		return `daemon off; worker_processes 1; pid ` + dir + `/pid; error_log stderr warn;
			events {}
			http {
				access_log off;
				client_body_temp_path ` + dir + `/body; proxy_temp_path ` + dir + `/proxy;
				fastcgi_temp_path ` + dir + `/f; uwsgi_temp_path ` + dir + `/u; scgi_temp_path ` + dir + `/s;
				server { listen 127.0.0.1:` + port + `; location = /metrics { deny all; }
				` + snippet + ` } }`, []string{"-p", dir, "-c", filepath.Join(dir, "nginx.conf")}
	},
	"caddy": func(dir, snippet, server, port string) (string, []string) {
		snippet = strings.ReplaceAll(snippet, "127.0.0.1:8080", strings.TrimPrefix(server, "http://"))
		snippet = strings.Replace(snippet, "scim.example.com", "http://127.0.0.1:"+port, 1)
		return "{\n\tadmin off\n}\n" + snippet,
			[]string{"run", "--adapter", "caddyfile", "--config", filepath.Join(dir, "caddy.conf")}
	},
}

// What docs/configuration.md says of proxies works: bodies as large as the server takes,
// its own 413 for larger ones, the address of the caller, and no metrics.
func TestProxies(t *testing.T) {
	dbtest.Wants(t, "sqlite")
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	require.NoError(t, err)
	shown := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```(nginx|caddy)(?:file)?\n(.*?)```").FindAllSubmatch(text, -1) {
		shown[string(m[1])] = string(m[2])
	}
	for name, configure := range proxyOf {
		t.Run(name, func(t *testing.T) {
			program, err := exec.LookPath(name)
			if err != nil {
				program, err = exec.LookPath("/usr/sbin/" + name)
			}
			if err != nil {
				t.Skip("NOT CHECKED: there is no " + name)
			}
			require.NotEmpty(t, shown[name])
			url := dbtest.URL(t, "sqlite")
			tenant := tenancy(t, url)
			server := start(t, url, "--trusted-proxies", "127.0.0.0/8")
			free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			address := free.Addr().String()
			require.NoError(t, free.Close())
			dir := t.TempDir()
			_, port, err := net.SplitHostPort(address)
			require.NoError(t, err)
			config, args := configure(dir, shown[name], server.base, port)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name+".conf"), []byte(config), 0o600))
			proxy := exec.Command(program, args...)
			proxy.Env = []string{"HOME=" + dir}
			var said bytes.Buffer
			proxy.Stdout, proxy.Stderr, proxy.WaitDelay = &said, &said, 5*time.Second
			require.NoError(t, proxy.Start())
			t.Cleanup(func() {
				_ = proxy.Process.Signal(syscall.SIGTERM) // its children with it
				_ = proxy.Wait()
				if t.Failed() {
					t.Log(said.String())
				}
			})
			require.Eventually(t, func() bool {
				c, err := net.Dial("tcp", address)
				if err == nil {
					_ = c.Close()
				}
				return err == nil
			}, 10*time.Second, 20*time.Millisecond)
			checkProxy(t, server, tenant, "http://"+address)
			if name == "nginx" { // Caddy believes no X-Forwarded-For unless it is told to
				assert.Contains(t, lineOf(t, server, "size-33554432"), `"client":"198.51.100.7"`)
			}
		})
	}
}

func checkProxy(t *testing.T, server *process, tenant bootstrapped, base string) {
	t.Helper()
	scim := scimCaller(server, tenant)
	scim.base = base + scimPrefix
	user, group := scim.user(t, "ann@example.test"), scim.group(t, "Kitchen")
	// send sends a PATCH of so many bytes.
	send := func(size int) (status int, kind, text string) {
		t.Helper()
		patch := memberPatch("add", user)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, scim.base+"/Groups/"+group,
			strings.NewReader(patch+strings.Repeat(" ", size-len(patch))))
		require.NoError(t, err)
		r.Header = scim.header.Clone()
		r.Header.Set("X-Forwarded-For", "198.51.100.7")
		r.Header.Set("X-Request-Id", fmt.Sprint("size-", size))
		res, err := scim.client.Do(r)
		require.NoError(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, res.Header.Get("Content-Type"), string(b)
	}
	const mib = 1 << 20
	status, _, text := send(32 * mib)
	assert.Equal(t, http.StatusNoContent, status, text)
	// Again and again: who answers depends on who is first.
	for i := range 10 {
		status, kind, text := send(32*mib + 1 + i*90_000)
		require.Equal(t, http.StatusRequestEntityTooLarge, status, text)
		require.Contains(t, kind, "scim+json", text)
		var e struct{ Status string }
		require.NoError(t, json.Unmarshal([]byte(text), &e))
		require.Equal(t, "413", e.Status)
	}
	res, err := http.Get(base + "/metrics")
	require.NoError(t, err)
	_ = res.Body.Close()
	assert.GreaterOrEqual(t, res.StatusCode, http.StatusBadRequest)
}

// lineOf is the line of a server's log that has a text.
func lineOf(t *testing.T, server *process, text string) (found string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for line := range strings.Lines(server.logged()) {
			if strings.Contains(line, text) {
				found = line
			}
		}
		return found != ""
	}, 5*time.Second, 10*time.Millisecond)
	return found
}
