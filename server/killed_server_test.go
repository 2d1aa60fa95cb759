package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
)

// A server in a process of its own, which can be killed: this program again, with the
// URL of a store in its environment. Its webhooks live by a clock that runs hurry times
// as fast: the pauses between attempts are hours.
const (
	killedURL   = "SCIMBRIDGE_TEST_SERVER_URL"
	killedClock = "SCIMBRIDGE_TEST_SERVER_CLOCK" // when it was right
	killedKeys  = "SCIMBRIDGE_TEST_SERVER_KEYS"  // of security event tokens
	hurry       = 300
)

// TestMain is where such a process begins.
func TestMain(m *testing.M) {
	if url := os.Getenv(killedURL); url != "" {
		fmt.Fprintln(os.Stderr, serveUntilKilled(url))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serveUntilKilled(url string) error {
	right, err := time.Parse(time.RFC3339Nano, os.Getenv(killedClock))
	if err != nil {
		return err
	}
	c := config.Default()
	c.Listen, c.DatabaseURL, c.RateLimit, c.AllowedNetworks = "127.0.0.1:0", config.DatabaseURL(url), 0, loopback
	c.SSFKeys, c.PublicURL = os.Getenv(killedKeys), bridge
	logger, err := zap.NewDevelopment(zap.IncreaseLevel(zap.ErrorLevel))
	if err != nil {
		return err
	}
	s, err := Open(context.Background(), c, "test", logger)
	if err != nil {
		return err
	}
	s.webhooks.now = func() time.Time { return right.Add(hurry * time.Since(right)) }
	s.webhooks.every, s.webhooks.lease = 20*time.Millisecond, time.Minute
	go func() { // it ends with the test
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	go fmt.Println(s.BaseURL())
	return s.Run(context.Background())
}

// killedServer is one that runs, until it is killed.
type killedServer struct {
	t     *testing.T
	mine  auth.Bootstrapped
	cmd   *exec.Cmd
	base  string
	clock time.Time
	keys  string
}

func (k *killedServer) start(url string) {
	k.t.Helper()
	k.cmd = exec.Command(os.Args[0]) //nolint:gosec // this program
	k.cmd.Env = append(os.Environ(), killedURL+"="+url, killedClock+"="+k.clock.Format(time.RFC3339Nano),
		killedKeys+"="+k.keys)
	k.cmd.Stderr = os.Stderr
	_, err := k.cmd.StdinPipe()
	require.NoError(k.t, err)
	out, err := k.cmd.StdoutPipe()
	require.NoError(k.t, err)
	require.NoError(k.t, k.cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(k.t, err)
	k.base = strings.TrimSpace(line)
}

func (k *killedServer) kill() {
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait()
}

// call sends a request to a server that may be killed meanwhile. A path without a slash
// is behind /v1/.
func (k *killedServer) call(
	ctx context.Context, base, method, path, body string,
) (status int, answer []byte, err error) {
	if !strings.HasPrefix(path, "/") {
		path = "/v1/" + path
	}
	r, err := http.NewRequestWithContext(ctx, method, base+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+k.mine.APIToken)
	r.Header.Set("X-Tenant-ID", k.mine.TenantID.String())
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}
