package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
)

var shortPhases = phases{
	header: 200 * time.Millisecond, stall: 400 * time.Millisecond, form: 300 * time.Millisecond,
	stream: 10 * time.Second, idle: 200 * time.Millisecond,
}

// trickled sends a request whose body comes in a piece at a time until all of it
// is sent or the server has closed, and returns the answer.
func (s testServer) trickled(t *testing.T, head, body string, piece int, every time.Duration) *http.Response {
	t.Helper()
	conn := s.dialed(t, fmt.Sprintf("%s\r\nHost: x\r\nContent-Length: %d\r\n\r\n", head, len(body)))
	go func() {
		for body != "" {
			n := min(piece, len(body))
			if _, err := io.WriteString(conn, body[:n]); err != nil {
				return
			}
			body = body[n:]
			time.Sleep(every)
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	return res
}

// A body that trickles in is answered 408 by every door, however often a byte of
// it comes; one that only takes long is taken.
func TestSlowBodies(t *testing.T) {
	s := newTestServerOf(t, shortPhases)
	b := s.bootstrap(t)
	s.serving(t)
	const slow = "came in too slowly"
	as := "\r\nContent-Type: application/json\r\nAuthorization: Bearer "
	native := as + b.APIToken + "\r\nX-Tenant-Id: " + b.TenantID.String()
	user := `{"userName":"ann","title":"` + strings.Repeat("x", 100<<10) + `"}`
	for name, head := range map[string]string{
		"scim":      "POST /scim/v2/Users HTTP/1.1" + as + b.SCIMToken,
		"scim list": "POST /scim/v2/Groups HTTP/1.1" + as + b.SCIMToken,
		"native":    "POST /v1/users HTTP/1.1" + native,
		"oauth":     "POST /oauth2/token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded",
	} {
		begun := time.Now()
		res := s.trickled(t, head, user, 1, 20*time.Millisecond)
		assert.Equal(t, http.StatusRequestTimeout, res.StatusCode, name)
		assert.Contains(t, body(t, res), slow, name)
		assert.True(t, res.Close, name)
		assert.Less(t, time.Since(begun), 10*time.Second, name)
	}
	begun := time.Now()
	res := s.trickled(t, "POST /scim/v2/Users HTTP/1.1"+as+b.SCIMToken, user, 4<<10, 30*time.Millisecond)
	assert.Equal(t, http.StatusCreated, res.StatusCode, body(t, res))
	assert.Greater(t, time.Since(begun), shortPhases.stall)
}

// pacedServer serves a handler with the server's deadlines, over HTTP/1.1 or
// HTTP/2.
func pacedServer(t *testing.T, http2 bool, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := newTestServerOf(t, shortPhases)
	of := httptest.NewUnstartedServer(s.outermost(h))
	of.Config.ReadTimeout, of.Config.WriteTimeout = s.phases.stall, s.phases.stall
	if of.EnableHTTP2 = http2; http2 {
		of.StartTLS()
	} else {
		of.Start()
	}
	t.Cleanup(of.Close)
	return of
}

// A handler may take its time before it reads, between, and before it answers.
func TestDeadlinesAreThePeersOnly(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		pause := 2 * shortPhases.stall
		of := pacedServer(t, http2, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(pause)
			first := make([]byte, 1)
			_, err := io.ReadFull(r.Body, first)
			assert.NoError(t, err)
			time.Sleep(pause)
			rest, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			time.Sleep(pause)
			_, _ = w.Write(first)
			time.Sleep(pause)
			_, _ = w.Write(rest)
			assert.NoError(t, r.Context().Err())
		})
		sent := bytes.Repeat([]byte("x"), 1<<20)
		res, err := of.Client().Post(of.URL, "text/plain", bytes.NewReader(sent))
		require.NoError(t, err)
		got, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Equal(t, http2, res.ProtoMajor == 2)
		assert.Equal(t, len(sent), len(got))
	}
}

// Who reads no answer before the body is sent sees that it was too long;
// of one that is far too long nothing more is read.
func TestBodiesThatAreTooLong(t *testing.T) {
	limit := config.Default().MaxBody
	of := pacedServer(t, false, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 1)
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})
	send := func(size int64) (sent int64, res *http.Response, err error) {
		c, err := net.Dial("tcp", of.Listener.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		_, err = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
		require.NoError(t, err)
		sent, err = io.CopyN(c, zeros{}, size)
		if err == nil {
			res, err = http.ReadResponse(bufio.NewReader(c), nil)
		}
		return sent, res, err
	}
	_, res, err := send(limit + limit/2)
	require.NoError(t, err)
	assert.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
	assert.False(t, res.Close, "the connection can be used again")
	sent, _, err := send(64 * limit)
	require.Error(t, err)
	assert.Less(t, sent, 2*limit)
}

// Who sends what its handler does not read sees the answer, also when that is the last of
// the connection, and the end of it.
func TestBodiesThatAreNotRead(t *testing.T) {
	of := pacedServer(t, false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, head := range []string{"Connection: close", "Connection: keep-alive, close"} {
		for _, size := range []int64{2, 100 << 10} {
			c, err := net.Dial("tcp", of.Listener.Addr().String())
			require.NoError(t, err)
			_, err = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n", head, size)
			require.NoError(t, err)
			_, err = io.CopyN(c, zeros{}, size)
			require.NoError(t, err)
			from := bufio.NewReader(c)
			res, err := http.ReadResponse(from, nil)
			require.NoError(t, err)
			assert.Equal(t, http.StatusTeapot, res.StatusCode)
			_, err = from.ReadByte()
			assert.Equal(t, io.EOF, err, "%s %d", head, size)
			require.NoError(t, c.Close())
		}
	}
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// An answer that is not read ends seconds later, whatever of it is in buffers
// by then; one that is taken slowly does not.
func TestAnswersThatAreNotRead(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		ended := make(chan error, 1)
		const size = 64 << 20
		of := pacedServer(t, http2, func(w http.ResponseWriter, _ *http.Request) {
			_, err := w.Write(make([]byte, size))
			ended <- err
		})
		get := func() io.Reader {
			res, err := of.Client().Get(of.URL)
			require.NoError(t, err)
			t.Cleanup(func() { res.Body.Close() })
			return res.Body
		}
		get()
		select {
		case err := <-ended:
			assert.Error(t, err)
		case <-time.After(20 * time.Second):
			t.Fatal("it is still being written")
		}

		slowly, got := get(), 0
		for piece, err := make([]byte, 4<<20), error(nil); err == nil; {
			var n int
			n, err = io.ReadFull(slowly, piece)
			got += n
			time.Sleep(50 * time.Millisecond)
		}
		assert.NoError(t, <-ended)
		assert.Equal(t, size, got)
	}
}

// What moves slower than minRate is cut off once that has added up.
func TestPace(t *testing.T) {
	var set time.Time
	now := time.Now()
	sets := 0
	p := pace{stall: 10 * time.Second, set: func(at time.Time) error { set, sets = at, sets+1; return nil }}
	move := func(n int, took time.Duration) {
		p.begin(now)
		now = now.Add(took)
		p.waited += took
		p.moved += int64(n)
	}
	for range 1000 {
		move(32<<10, time.Second)
	}
	p.begin(now)
	assert.InDelta(t, 10, set.Sub(now).Seconds(), 2.5, "fast enough for as long as it takes")
	assert.Less(t, sets, 500, "and not set each time")
	for range 10_000 {
		move(1<<10, time.Second)
	}
	assert.Negative(t, set.Sub(now), "too slow for too long")

	p = pace{stall: 10 * time.Second, set: p.set, limit: now.Add(time.Second)}
	p.begin(now)
	assert.Equal(t, now.Add(time.Second), set)
}

// The final bytes of an answer have a deadline as well: those that net/http
// writes once the handler has returned.
func TestSmallAnswersThatAreNotRead(t *testing.T) {
	of := pacedServer(t, false, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(2 * time.Millisecond)
		_, _ = w.Write(make([]byte, 1<<10))
	})
	conn, err := net.Dial("tcp", of.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4<<10))
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	for err == nil { // until the server has closed
		_, err = io.WriteString(conn, strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1000))
	}
	assert.NotErrorIs(t, err, net.ErrClosed)
	var timeout net.Error
	if assert.ErrorAs(t, err, &timeout) {
		assert.False(t, timeout.Timeout(), "it is cut off")
	}
}
