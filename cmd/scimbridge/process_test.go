package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/server"
)

// Where the doors are, under names that a test's own server does not hide.
const (
	scimPrefix   = server.SCIMPrefix
	nativePrefix = server.NativePrefix
)

// These helpers run the program as real processes: only those can be killed.

// built holds the program, for all tests of the package.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	status := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(status)
}

// binary builds the program, once.
func binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "scimbridge-test-"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-buildvcs=false", "-o", built.dir, ".")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	require.NoError(t, built.err)
	return filepath.Join(built.dir, "scimbridge")
}

// command makes a process with nothing of the tests' own settings.
func command(t testing.TB, url string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binary(t), args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{
		"SCIMBRIDGE_DATABASE_URL=" + url, "SCIMBRIDGE_LISTEN=127.0.0.1:0", "TMPDIR=" + t.TempDir(),
		"SCIMBRIDGE_RATE_LIMIT=0", // tests are in a hurry
	}
	return cmd
}

// process is one running serve.
type process struct {
	cmd     *exec.Cmd
	address string
	base    string // http:// and the address
	exited  chan error

	mu  sync.Mutex
	log bytes.Buffer
}

// start runs serve and waits until it listens.
func start(t testing.TB, url string, args ...string) *process {
	t.Helper()
	p, listening := launch(t, url, args...)
	p.await(t, listening)
	return p
}

// startProgram is start with another build of the program.
func startProgram(t *testing.T, program, url string, args ...string) *process {
	t.Helper()
	p, listening := launchCommand(t, ofProgram(program, command(t, url, append([]string{"serve"}, args...)...)))
	p.await(t, listening)
	return p
}

// ofProgram has a command run another build.
func ofProgram(program string, cmd *exec.Cmd) *exec.Cmd {
	cmd.Path, cmd.Args[0] = program, program
	return cmd
}

// launch runs serve; the channel has its address once it listens, and is closed
// without one if it never does.
func launch(t testing.TB, url string, args ...string) (*process, <-chan string) {
	t.Helper()
	return launchCommand(t, command(t, url, append([]string{"serve"}, args...)...))
}

func launchCommand(t testing.TB, cmd *exec.Cmd) (*process, <-chan string) {
	t.Helper()
	p := &process{cmd: cmd, exited: make(chan error, 1)}
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	listening := make(chan string, 1)
	go func() {
		p.read(bufio.NewReader(stderr), listening)
		p.exited <- p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("log of the server:\n%s", p.logged())
		}
	})
	return p, listening
}

func (p *process) read(stderr *bufio.Reader, listening chan<- string) {
	defer close(listening)
	for {
		line, err := stderr.ReadString('\n')
		p.mu.Lock()
		p.log.WriteString(line)
		p.mu.Unlock()
		if err != nil {
			return
		}
		var entry struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" {
			listening <- entry.Address
		}
	}
}

func (p *process) await(t testing.TB, listening <-chan string) {
	t.Helper()
	select {
	case p.address = <-listening:
	case <-time.After(time.Minute):
	}
	require.NotEmpty(t, p.address, "the server does not listen:\n%s", p.logged())
	p.base = "http://" + p.address
}

func (p *process) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// kill is kill -9: no chance to finish anything.
func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGKILL))
	p.wait(t)
}

// stop asks the process to stop and waits until it has, with status 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.wait(t))
}

func (p *process) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-p.exited:
		return err
	case <-time.After(time.Minute):
		require.Fail(t, "the server does not end")
		return nil
	}
}

// tenancy runs bootstrap as a process and returns what it prints.
func tenancy(t testing.TB, url string) bootstrapped {
	t.Helper()
	return tenancyBy(t, binary(t), url)
}

// tenancyBy is tenancy by another build of the program.
func tenancyBy(t testing.TB, program, url string) bootstrapped {
	t.Helper()
	cmd := ofProgram(program, command(t, url, "bootstrap", "--tenant", "Acme", "--idp", "entra", "--json"))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	require.NoError(t, err, errs.String())
	var b bootstrapped
	require.NoError(t, json.Unmarshal(out, &b))
	return b
}

// caller sends requests with one credential.
type caller struct {
	base   string
	header http.Header
	client *http.Client
}

func scimCaller(p *process, b bootstrapped) caller {
	return caller{base: p.base + scimPrefix, client: newClient(), header: http.Header{
		"Authorization": {"Bearer " + b.SCIMToken}, "Content-Type": {"application/scim+json"},
	}}
}

func nativeCaller(p *process, b bootstrapped) caller {
	return caller{base: p.base + nativePrefix, client: newClient(), header: http.Header{
		"Authorization": {"Bearer " + b.APIToken}, "X-Tenant-Id": {b.TenantID.String()},
		"Content-Type": {"application/json"},
	}}
}

func newClient() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
}

// send returns the status and the JSON object of the answer, if it has one.
func (c caller) send(ctx context.Context, method, path, body string) (int, map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header = c.header.Clone()
	res, err := c.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusNoContent {
		return res.StatusCode, nil, nil
	}
	var doc map[string]any
	return res.StatusCode, doc, json.NewDecoder(res.Body).Decode(&doc)
}

// must sends a request that has to be answered with status.
func (c caller) must(t testing.TB, status int, method, path, body string) map[string]any {
	t.Helper()
	got, doc, err := c.send(t.Context(), method, path, body)
	require.NoError(t, err)
	require.Equal(t, status, got, "%s %s: %v", method, path, doc)
	return doc
}

// user provisions a user and returns the id.
func (c caller) user(t testing.TB, name string) string {
	t.Helper()
	doc := c.must(t, http.StatusCreated, http.MethodPost, "/Users", fmt.Sprintf(
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q,"active":true}`, name))
	return doc["id"].(string)
}

// group provisions a group and returns the id.
func (c caller) group(t testing.TB, name string) string {
	t.Helper()
	doc := c.must(t, http.StatusCreated, http.MethodPost, "/Groups", fmt.Sprintf(
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":%q}`, name))
	return doc["id"].(string)
}

// memberPatch is the body of a PATCH that adds, removes or replaces members.
func memberPatch(op string, users ...string) string {
	values := make([]string, len(users))
	for i, u := range users {
		values[i] = fmt.Sprintf(`{"value":%q}`, u)
	}
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],`+
		`"Operations":[{"op":%q,"path":"members","value":[%s]}]}`, op, strings.Join(values, ","))
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(b)
}
