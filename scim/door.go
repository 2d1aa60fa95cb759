package scim

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// root is the path under which the door serves.
const root = "/scim/v2"

// Config configures the door.
type Config struct {
	// PublicURL is the scheme and authority under which providers reach the
	// server, such as https://bridge.example.com; locations are made of it.
	PublicURL string
	// MaxBody bounds the bodies of requests on users and searches, in bytes;
	// 0 is 1 MiB.
	MaxBody int64
	// MaxGroupBody bounds the bodies of requests on groups; 0 is 32 MiB.
	MaxGroupBody int64
	// MaxBulkBody bounds the bodies of bulk requests; 0 is 4 MiB, or what a
	// group may have if that is less.
	MaxBulkBody int64
	// SecurityEvents are those of RFC 9967 that streams can have; none: there are no
	// streams.
	SecurityEvents []membership.SignalType
	// Logger gets what callers do not get to see; nil drops it.
	Logger *zap.Logger
}

// Verifier turns an Authorization header into a principal. A credential that
// opens nothing is an error that is auth.ErrUnauthenticated; any other error
// means that it could not be decided.
type Verifier interface {
	Verify(ctx context.Context, authorization string) (auth.Principal, error)
}

type door struct {
	directory    *membership.Directory
	verifier     Verifier
	base         string // public URL and root
	maxBody      int64
	maxGroupBody int64
	maxBulkBody  int64
	log          *zap.Logger
	edge         auth.Edge
	endpoints    map[string]methods
	large        *semaphore.Weighted // bytes of large bodies
	ignored      ignoredLog
	events       []membership.SignalType
	debug        bool // the log takes that much
}

// New returns the handler of everything under /scim/v2. It expects the
// request's id in the header X-Request-Id.
func New(directory *membership.Directory, verifier Verifier, c Config) http.Handler {
	if c.MaxBody == 0 {
		c.MaxBody = 1 << 20
	}
	if c.MaxGroupBody == 0 {
		c.MaxGroupBody = 32 << 20
	}
	if c.MaxBulkBody == 0 {
		c.MaxBulkBody = min(4<<20, c.MaxGroupBody)
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	d := &door{
		directory: directory, verifier: verifier,
		base:    strings.TrimRight(c.PublicURL, "/") + root,
		maxBody: c.MaxBody, maxGroupBody: c.MaxGroupBody, maxBulkBody: c.MaxBulkBody, log: c.Logger,
		events: c.SecurityEvents,
	}
	d.debug = c.Logger.Core().Enabled(zap.DebugLevel)
	d.edge = auth.Edge{
		Log: d.log, FailureOf: func(err error) auth.Failure { return errorOf(err) }, Reason: reason,
		Internal: errInternal, Unavailable: errUnavailable,
	}
	d.endpoints = d.newEndpoints()
	d.large = semaphore.NewWeighted(largeAtOnce * max(d.maxGroupBody, largeStep))
	return d
}

// exchange is one request whose sender is known, and its answer.
type exchange struct {
	w      *auth.Answer
	r      *http.Request
	call   membership.Call
	pathID string // what stands for {id} in the path

	ignored  ignoredNames                  // attributes that no schema has
	searched int                           // members that paths looked into
	told     []membership.RequestOperation // of a Bulk

	large   *semaphore.Weighted // nil: bodies are held already
	counted *largeBody          // nil: it is not large

}

// done lets the next large body in.
func (x *exchange) done() {
	if x.counted != nil {
		x.counted.done()
	}
}

func (x *exchange) ctx() context.Context { return x.r.Context() }

// ServeHTTP implements http.Handler: it authenticates and routes.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.edge.Serve(auth.NewAnswer(w), r, func(a *auth.Answer) error { return d.serve(a, normalised(r)) })
}

// serve authenticates before anything else, discovery included:
// providers send it with every request.
func (d *door) serve(a *auth.Answer, r *http.Request) error {
	note := auth.NoteOf(r.Context())
	note.Answer.Outcome = membership.RequestFailed // as long as it does not end otherwise: it may panic
	call, err := d.authenticate(r)
	if err != nil {
		tellFailure(r, note, err)
		return err
	}
	a.Count(d.directory, r, call.Tenant)
	call.Effect = &note.Effect
	x := &exchange{w: a, r: r, call: call, large: d.large}
	defer x.done()
	err = d.route(x)
	d.logIgnored(r, call, x.ignored)
	x.tell(note, err)
	return err
}

func (d *door) authenticate(r *http.Request) (membership.Call, error) {
	p, err := d.verifier.Verify(r.Context(), r.Header.Get("Authorization"))
	switch {
	case errors.Is(err, auth.ErrUnauthenticated):
		return membership.Call{}, unauthenticated(err.Error())
	case err != nil:
		return membership.Call{}, err
	case p.Kind != auth.KindSCIM:
		return membership.Call{}, unauthenticated("this is a token of the native API: use the connection's SCIM token")
	case p.Paused:
		return membership.Call{}, auth.Paused()
	}
	return p.Call(r.Header.Get("X-Request-Id"), ""), nil
}
