package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// Requests that the server has begun when it is told to stop get their answer,
// and what they change stays.
func TestStopFinishesWhatItBegan(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		tenant := tenancy(t, url)
		server := start(t, url)
		scim := scimCaller(server, tenant)
		group := scim.group(t, "drain")

		begun := make([]*begunRequest, 8)
		for i := range begun {
			user := scim.user(t, fmt.Sprintf("user-%d@example.test", i))
			begun[i] = begin(t, server, tenant.SCIMToken, "/scim/v2/Groups/"+group, memberPatch("add", user))
		}
		require.NoError(t, server.cmd.Process.Signal(syscall.SIGTERM))
		require.Eventually(t, func() bool {
			c, err := net.Dial("tcp", server.address)
			if err == nil {
				_ = c.Close()
			}
			return err != nil
		}, 10*time.Second, 10*time.Millisecond, "it still takes connections")
		for _, r := range begun {
			assert.Equal(t, http.StatusNoContent, r.finish(t))
		}
		assert.NoError(t, server.wait(t), "exit status 0")
		assert.Contains(t, server.logged(), `"msg":"stopped"`)
		assert.Equal(t, 1+2*len(begun), strings.Count(server.logged(), `"msg":"request"`), "no line is lost")

		members := nativeCaller(start(t, url), tenant).
			must(t, http.StatusOK, http.MethodGet, "/groups/"+group+"/members", "")
		assert.Len(t, members["data"], len(begun))
	})
}

// A request that does not end is cut off after the timeout, and said so.
func TestStopDoesNotWaitForever(t *testing.T) {
	url := dbtest.URL(t, dbtest.Engines()[0])
	tenant := tenancy(t, url)
	server := start(t, url, "--shutdown-timeout=100ms")
	group := scimCaller(server, tenant).group(t, "stall")
	begin(t, server, tenant.SCIMToken, "/scim/v2/Groups/"+group, memberPatch("remove"))

	require.NoError(t, server.cmd.Process.Signal(syscall.SIGTERM))
	var exit *exec.ExitError
	require.ErrorAs(t, server.wait(t), &exit)
	assert.Equal(t, exitFailed, exit.ExitCode())
	assert.True(t, strings.HasSuffix(server.logged(), "scimbridge: requests still ran after 100ms and were cut off\n"),
		server.logged())
}

// begunRequest is a request whose body is held back.
type begunRequest struct {
	conn   net.Conn
	answer *bufio.Reader
	body   string
}

// begin sends a PATCH up to its body and waits until the server asks for that.
func begin(t *testing.T, p *process, token, path, body string) *begunRequest {
	t.Helper()
	conn, err := net.Dial("tcp", p.address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/scim+json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", path, token,
		len(body))
	require.NoError(t, err)
	r := &begunRequest{conn: conn, answer: bufio.NewReader(conn), body: body}
	line, err := r.answer.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line)
	_, err = r.answer.ReadString('\n') // the empty line
	require.NoError(t, err)
	return r
}

// finish sends the body and returns the status of the answer.
func (r *begunRequest) finish(t *testing.T) int {
	t.Helper()
	_, err := io.WriteString(r.conn, r.body)
	require.NoError(t, err)
	res, err := http.ReadResponse(r.answer, nil)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

// Processes that start at once on an empty database all come up.
func TestStartingAtOnce(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		const servers = 4
		var wg sync.WaitGroup
		var processes [servers]*process
		var listening [servers]<-chan string
		for i := range servers {
			processes[i], listening[i] = launch(t, url)
		}
		migrations := make([]error, 2)
		for i := range migrations {
			cmd := command(t, url, "migrate")
			wg.Go(func() { migrations[i] = cmd.Run() })
		}
		for i, p := range processes {
			p.await(t, listening[i])
			status, doc, err := caller{base: p.base, client: newClient()}.send(t.Context(), http.MethodGet,
				"/readyz", "")
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, status, doc)
		}
		wg.Wait()
		for _, err := range migrations {
			assert.NoError(t, err)
		}
		for _, p := range processes {
			p.stop(t)
		}
	})
}
