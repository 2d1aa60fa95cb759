package scim

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"

	"github.com/scimbridge/scimbridge/auth"
)

// bulkAnswer is the answer to one operation, in memory. The body of a
// success is dropped: a response may leave it out (RFC 7644 section 3.7).
type bulkAnswer struct {
	header http.Header
	status int
	body   []byte
}

// Header implements http.ResponseWriter.
func (a *bulkAnswer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *bulkAnswer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *bulkAnswer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if !a.succeeded() {
		a.body = append(a.body, b...)
	}
	return len(b), nil
}

func (a *bulkAnswer) succeeded() bool { return a.status < 300 }

func (a *bulkAnswer) statusText() string { return strconv.Itoa(a.status) }

// madeID is the id of what was made.
func (a *bulkAnswer) madeID() string { return path.Base(a.header.Get("Location")) }

func newBulkAnswer() *bulkAnswer { return &bulkAnswer{header: http.Header{}} }

// refuse is the answer to what cannot even be sent, or has failed.
func (j *bulkJob) refuse(o *bulkOperation, err error) *bulkAnswer {
	o.failed = err
	a := newBulkAnswer()
	errorOf(err).Write(a)
	return a
}

// send sends a request through the door's own routes, on behalf of the caller of
// the bulk request and as a part of it.
func (j *bulkJob) send(o *bulkOperation, method, endpoint, id, version string, body []byte) (a *bulkAnswer) {
	address := &url.URL{Path: root + endpoint}
	if id != "" {
		address.Path += "/" + id
	}
	if method != http.MethodPatch {
		// The resource is not part of the answer, so it need not be read. A PATCH of a
		// group shows nothing only if it is not asked to.
		address.RawQuery = "attributes=id"
	}
	r := (&http.Request{
		Method: method, URL: address, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		Header: http.Header{"X-Request-Id": j.x.r.Header["X-Request-Id"]},
	}).WithContext(j.x.ctx())
	if version != "" {
		r.Header.Set("If-Match", version)
	}
	a = newBulkAnswer()
	call := j.x.call
	call.Effect = &o.effect
	x := &exchange{w: auth.NewAnswer(a), r: r, call: call, searched: j.x.searched}
	defer func() { j.x.ignored.addAll(x.ignored); j.x.searched = x.searched }()
	defer func() {
		if p := recover(); p != nil {
			j.edge.LogPanic(r, p)
			a = j.refuse(o, errInternal)
		}
	}()
	if err := j.route(x); err != nil {
		a = j.refuse(o, j.edge.Shown(x.w, r, err))
		o.failed = err
	}
	return a
}
