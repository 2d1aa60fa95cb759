package server

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	// maxKeptBody is how much of a body is kept until it is redacted, maxCapturedBody
	// while whole bodies are captured.
	maxKeptBody     = 8 << 10
	maxCapturedBody = 256 << 10
)

// requestEntry is a request that waits for the request log, as it was sent. It never
// has the Authorization header, nor the body of the token endpoint.
type requestEntry struct {
	at        time.Time
	took      time.Duration
	requestID string
	method    string
	path      string
	query     string
	agent     string
	hint      string
	location  string // of what was made
	status    int
	in, out   int64
	body      []byte
	client    netip.Addr
	tenant    membership.ID
	proven    bool // the tenant is that of a credential that was verified
	rejected  bool // the credential itself was refused
	captures  bool // the whole body, in a window of the connection
	unread    bool // a part of the body, by the door
	note      requestFacts
	count     int
}

// requestFacts are those of its auth.Note.
type requestFacts struct {
	connection, credential membership.ID
	refused                string
	ended                  time.Time
	answer                 membership.RequestAnswer
}

// clipped is a text that waits, or the beginning of a long one.
func clipped(s string) string {
	const longest = 2 << 10
	if len(s) <= longest {
		return s
	}
	return strings.Clone(s[:longest])
}

// size is about what an entry takes in memory.
func (e *requestEntry) size() int64 {
	const fixed = 600
	return fixed + int64(len(e.body)+len(e.path)+len(e.query)+len(e.agent)+16*len(e.note.answer.Events)+
		16*len(e.note.answer.Users)+200*len(e.note.answer.Operations))
}

// kept is the body of a request, of which the beginning is kept.
type keptBody struct {
	io.ReadCloser
	note  *auth.Note
	begin []byte
	size  int64
	most  int  // how much is kept; 0: nothing was read yet
	ended bool // it was read to its end
}

func (b *keptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.most == 0 { // a door verifies the credential before it reads
		b.most = maxKeptBody
		if b.captures() {
			b.most = maxCapturedBody
		}
	}
	if b.size += int64(n); len(b.begin) < b.most {
		b.begin = append(b.begin, p[:min(n, b.most-len(b.begin))]...)
	}
	b.ended = b.ended || errors.Is(err, io.EOF)
	return n, err
}

// captures reports whether the whole body is captured.
func (b *keptBody) captures() bool {
	return !b.note.CaptureUntil.IsZero() && time.Now().Before(b.note.CaptureUntil)
}

// keepBody lets the beginning of a body be kept while a door reads it.
func keepBody(r *http.Request) *keptBody {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	b := &keptBody{ReadCloser: r.Body, note: auth.NoteOf(r.Context())}
	if r.ContentLength > 0 {
		b.begin = make([]byte, 0, min(r.ContentLength, maxKeptBody))
	}
	r.Body = b
	return b
}

// newEntry makes the entry of a request that was answered; ok: it is of a tenant.
func newEntry(
	rec *recorder, r *http.Request, body *keptBody, began time.Time, took time.Duration,
) (e requestEntry, ok bool) {
	note := auth.NoteOf(r.Context())
	e = requestEntry{
		at: began, took: took, requestID: r.Header.Get(requestIDHeader), method: methodLabel(r.Method),
		path:  clipped(r.URL.Path),
		query: clipped(r.URL.RawQuery), agent: clipped(r.UserAgent()), status: rec.status, out: rec.bytes,
		client: auth.ClientAddress(r.Context()),
		tenant: note.Tenant, proven: !note.Tenant.IsZero(), rejected: note.Rejected, count: 1,
		note: requestFacts{
			connection: note.Connection, credential: note.Credential.ID, refused: note.Refused, ended: note.Ended,
			answer: note.Answer,
		},
	}
	if !e.proven {
		e.tenant, e.note.connection, e.note.credential = note.Named.Tenant, note.Named.Connection, note.Named.ID
	}
	if e.tenant.IsZero() {
		return e, false
	}
	e.hint = auth.TokenHint(r.Header.Get("Authorization"))
	if e.status == http.StatusCreated {
		e.location = rec.Header().Get("Location")
	}
	if body != nil {
		e.body, e.in, e.captures = body.begin, body.size, body.most > 0 && e.proven && body.captures()
		e.unread = r.ContentLength > body.size || r.ContentLength < 0 && !body.ended
	}
	return e, true
}

// request is the row of an entry, redacted.
func (e *requestEntry) request(key requestKey) membership.Request {
	q := membership.Request{
		ID: membership.NewIDAt(e.at), RequestID: e.requestID, At: e.at.UTC().Truncate(time.Microsecond),
		Tenant:     e.tenant,
		Connection: e.note.connection, Credential: e.note.credential, Hint: e.hint, Method: e.method, Status: e.status,
		RequestAnswer: e.note.answer, Duration: e.took, BytesIn: e.in, BytesOut: e.out,
		UserAgent: redactedAgent(e.agent),
		Count:     e.count,
	}
	if e.client.IsValid() {
		q.Client = e.client.String()
	}
	named := func(attribute, value string) {
		const most = 100
		switch {
		case attribute == "username" && len(q.UserNames) < most:
			if h := key.UserName(value); h != nil {
				q.UserNames = append(q.UserNames, *h)
			}
		case attribute == "externalid" && len(q.ExternalIDs) < most:
			if h := key.ExternalID(value); h != nil {
				q.ExternalIDs = append(q.ExternalIDs, *h)
			}
		}
	}
	path, operation, users, groups := redactedPath(e.path)
	q.Path, q.Operation = path, e.method+" "+operation
	q.Query = redactedQuery(e.query, named)
	seen := e.body[:min(len(e.body), maxKeptBody)]
	body := redactBody(seen, e.in > int64(len(seen)), named)
	q.Body, q.Whole = string(body.out), !body.less && !e.unread && e.in == int64(len(seen))
	_, _, made, madeGroups := redactedPath(madePath(e.location))
	q.Users = union(q.Users, users, made, body.users)
	q.Groups = union(q.Groups, groups, madeGroups)
	e.derive(&q.RequestAnswer)
	return q
}

// madePath is the path of a Location.
func madePath(location string) string {
	if i := strings.Index(location, SCIMPrefix+"/"); i >= 0 {
		return location[i:]
	}
	return ""
}

// derive says what became of a request of which its door said nothing: it was refused
// before.
func (e *requestEntry) derive(a *membership.RequestAnswer) {
	if a.Outcome == "" {
		switch {
		case e.status == http.StatusTooManyRequests:
			a.Outcome = membership.RequestLimited
		case e.status == 0 || e.status >= http.StatusInternalServerError && e.status != http.StatusServiceUnavailable:
			a.Outcome = membership.RequestFailed
		case e.status >= http.StatusBadRequest:
			a.Outcome = membership.RequestRefused
		default:
			a.Outcome = membership.RequestNothing
		}
	}
	if a.Why == "" {
		a.Why = e.note.refused
	}
	a.Why = strings.TrimPrefix(a.Why, "unauthenticated: ")
	if !e.note.ended.IsZero() {
		a.Why += " since " + e.note.ended.UTC().Format(time.RFC3339)
	}
}

func union(list []membership.ID, others ...[]membership.ID) []membership.ID {
	seen := make(map[membership.ID]bool, len(list))
	var all []membership.ID
	for _, ids := range append([][]membership.ID{list}, others...) {
		for _, id := range ids {
			if !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		}
	}
	return all
}
