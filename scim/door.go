package scim

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
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
	endpoints    map[string]methods
	large        *semaphore.Weighted // bytes of large bodies
	ignored      ignoredLog
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
	}
	d.debug = c.Logger.Core().Enabled(zap.DebugLevel)
	d.endpoints = d.newEndpoints()
	d.large = semaphore.NewWeighted(largeAtOnce * max(d.maxGroupBody, largeStep))
	return d
}

// exchange is one request whose sender is known, and its answer.
type exchange struct {
	w      *answer
	r      *http.Request
	call   membership.Call
	pathID string // what stands for {id} in the path

	ignored  ignoredNames // attributes that no schema has
	searched int          // members that paths looked into

	large   *semaphore.Weighted // nil: bodies are held already
	counted *largeBody          // nil: it is not large

	directory *membership.Directory
	held      *membership.HeldAnswer // nil: the answer is small
}

// heldAnswer is the largest answer whose memory is not counted.
const heldAnswer = 32 << 10

// hold counts an answer that is in memory as a whole, until the exchange is done. An
// answer to a change is given in any case, since the change was made.
func (x *exchange) hold(size int64) error {
	if size <= heldAnswer || x.directory == nil {
		return nil
	}
	if x.held == nil {
		x.held = x.directory.HoldAnswer(x.call.Tenant)
	}
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		x.held.Force(size)
		return nil
	}
	return x.held.Reserve(size)
}

// done gives back what the request held, and lets the next large body in.
func (x *exchange) done() {
	if x.held != nil {
		x.held.End()
	}
	if x.counted != nil {
		x.counted.done()
	}
}

func (x *exchange) ctx() context.Context { return x.r.Context() }

// answer knows whether the answer has begun: from then on an error can only
// cut it off.
type answer struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// ServeHTTP implements http.Handler: it authenticates, routes, and is the one
// place that answers errors and panics.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{ResponseWriter: w}
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: // an answer is cut off on purpose
			panic(p)
		default:
			d.logPanic(r, p)
			d.end(a, errInternal)
		}
	}()
	if err := d.serve(a, normalised(r)); err != nil {
		d.fail(a, r, err)
	}
}

// serve authenticates before anything else, discovery included:
// providers send it with every request.
func (d *door) serve(a *answer, r *http.Request) error {
	call, err := d.authenticate(r)
	if err != nil {
		return err
	}
	x := &exchange{w: a, r: r, call: call, large: d.large, directory: d.directory}
	defer x.done()
	err = d.route(x)
	d.logIgnored(r, call, x.ignored)
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

func (d *door) logPanic(r *http.Request, p any) {
	d.log.Error("panic in a handler", append(about(r), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))...)
}

func (d *door) fail(a *answer, r *http.Request, err error) {
	auth.NoteOf(r.Context()).Refuse(reason(err))
	d.end(a, d.shown(a, r, err))
}

// shown logs what the caller does not get to see of an error, and returns what
// they do.
func (d *door) shown(a *answer, r *http.Request, err error) *scimError {
	e := errorOf(err)
	switch {
	case e.status == http.StatusRequestTimeout: // net/http ends the context, but the caller may still read
	case membership.KindOf(err) == membership.KindBusy: // anybody's doing, and counted
	case r.Context().Err() != nil: // the client has gone
		e = errUnavailable
	case e.status == http.StatusServiceUnavailable || a.begun:
		d.log.Warn("request not finished", append(about(r), zap.NamedError("error", cause(err)))...)
	case e.status == http.StatusInternalServerError:
		d.log.Error("request failed", append(about(r), zap.NamedError("error", cause(err)))...)
	}
	return e
}

func (d *door) end(a *answer, e *scimError) {
	if a.begun {
		// A success was announced: only a broken transfer tells the caller that
		// what arrived is not all.
		panic(http.ErrAbortHandler)
	}
	e.write(a)
}

// about names a request in the log, without its query: that holds addresses.
func about(r *http.Request) []zap.Field {
	return []zap.Field{
		zap.String("request_id", r.Header.Get("X-Request-Id")), zap.String("method", r.Method),
		zap.String("path", r.URL.Path),
	}
}
