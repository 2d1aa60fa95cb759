package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// endpoint is one base URL with one credential.
type endpoint struct {
	address string // host:port
	path    string // of the base URL, without a slash at the end
	header  string // lines of every request, each with its end
}

func (e endpoint) known() bool { return e.address != "" }

// request renders a request once, so that sending it costs the client nothing
// but the write. body may be empty.
func (e endpoint) request(method, path, body string) []byte {
	b := make([]byte, 0, len(e.header)+len(path)+len(body)+200)
	b = fmt.Appendf(b, "%s %s%s HTTP/1.1\r\nHost: %s\r\n%s", method, e.path, path, e.address, e.header)
	if body != "" {
		b = fmt.Appendf(b, "Content-Length: %d\r\n", len(body))
	}
	return append(append(b, "\r\n"...), body...)
}

// answerTime is the longest that an answer may take.
const answerTime = 2 * time.Minute

// connection is one client: one TCP connection that is kept. It reads just as
// much HTTP/1.1 as servers answer, because the client's own work is taken from
// the same processors as the server's.
type connection struct {
	conn    net.Conn
	in      *bufio.Reader
	refusal bytes.Buffer // the body of the last answer that was no success
}

func dial(address string) (*connection, error) {
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return newConnection(c), nil
}

func newConnection(c net.Conn) *connection {
	return &connection{conn: c, in: bufio.NewReaderSize(c, 64<<10)}
}

func (c *connection) close() { _ = c.conn.Close() }

// answer is what came back, and when: both times from before the request was
// written.
type answer struct {
	status       int
	first, total time.Duration // to the first byte, to the last
}

// do sends a rendered request and reads the whole answer. The body of a success
// goes into body, or nowhere if that is nil; of anything else, into refusal. After
// an error the connection is of no use.
func (c *connection) do(request []byte, body *bytes.Buffer) (a answer, err error) {
	begin := time.Now()
	if err := c.conn.SetDeadline(begin.Add(answerTime)); err != nil {
		return a, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return a, err
	}
	if _, err := c.in.Peek(1); err != nil {
		return a, err
	}
	a.first = time.Since(begin)
	to := io.Discard
	if body != nil {
		body.Reset()
		to = body
	}
	a.status, err = c.read(to)
	a.total = time.Since(begin)
	return a, err
}

func (c *connection) read(to io.Writer) (status int, err error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, fmt.Errorf("no answer of HTTP/1.1: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("no status: %q", line)
	}
	if status >= 300 {
		c.refusal.Reset()
		to = &c.refusal
	}
	length, chunked, err := c.headers()
	switch {
	case err != nil:
		return status, err
	case chunked:
		return status, c.chunks(to)
	case length > 0:
		_, err = io.CopyN(to, c.in, length)
	case length < 0 && status != 204 && status != 304:
		return status, errors.New("the answer has neither a length nor chunks")
	}
	return status, err
}

// headers reads up to the empty line. length is -1 if there is none.
func (c *connection) headers() (length int64, chunked bool, err error) {
	length = -1
	for {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return length, chunked, err
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return 0, false, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		}
	}
}

func (c *connection) chunks(to io.Writer) error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(line), 16, 64)
		if err != nil {
			return fmt.Errorf("no size of a chunk: %q", line)
		}
		if _, err := io.CopyN(to, c.in, size); err != nil {
			return err
		}
		if end, err := c.line(); err != nil {
			return err
		} else if len(end) > 0 {
			return errors.New("a chunk is longer than it said")
		}
		if size == 0 {
			return nil
		}
	}
}

// line is good until the next read.
func (c *connection) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}
