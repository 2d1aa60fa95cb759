package server

import (
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/scim"
)

// Where the doors are. Each sees whole paths.
const (
	SCIMPrefix   = "/scim/v2"
	NativePrefix = "/v1"
	tokenPath    = auth.TokenPath
)

// otherPrefixes are those of the native door's other APIs.
var otherPrefixes = []string{"/tenant-auth/v1", "/api/v1/organizations", "/csp/gateway/am/api/orgs"}

// The doors, as metrics and the log name them.
const (
	doorSCIM   = "scim"
	doorNative = "native"
	doorOAuth  = "oauth"  // the token endpoint and what is said of it
	doorSystem = "system" // health and metrics
	doorNone   = "none"   // no such path
)

// handler is everything that the server answers.
func (s *Server) handler() http.Handler { return s.outermost(s.router()) }

// outermost is what every request goes through before its path matters.
func (s *Server) outermost(next http.Handler) http.Handler {
	counted := s.concurrency.Track(s.paced(next), s.connections.shown)
	return identified(s.hardened(s.warnOfProxy(auth.Addressed(counted, s.config.TrustedProxies...))))
}

// router wires everything together: the doors over one directory, and what
// tells how the server is.
func (s *Server) router() *prefixMux {
	m := s.metrics
	policy := auth.NewPolicy(s.store, time.Now, s.log.Named("policy"))
	directory := membership.NewDirectory(measured(s.store, m), policy, membership.Options{
		Observer: m, Guard: membership.RemovalGuard(s.config.RemovalGuard), Refusals: s.refusals,
	})
	verifier := auth.NewVerifier(s.store, time.Now)
	verifier.Report(s.usage)
	verifier.Refuse(s.refusals)
	limits := auth.NewLimits(time.Now, s.config.RateLimit, s.config.FailedAuthLimit)
	limits.LimitIssuers(s.config.IssuerRateLimit)
	verifier.Limit(limits)
	jwts := auth.NewJWTs(s.store, s.keys, time.Now)
	jwts.Limit(limits)

	page := func(h http.Handler) http.Handler { return anonymous(s.concurrency, kindPage, h) }
	root := &prefixMux{none: s.observed(doorNone, m, page(http.HandlerFunc(notFound)))}
	below := func(prefix, door string, h http.Handler) {
		root.all = append(root.all, route{prefix, true, s.observed(door, m, h)})
	}
	below(SCIMPrefix, doorSCIM, scim.New(directory, verifier, scim.Config{
		PublicURL: s.publicURL, MaxGroupBody: s.config.MaxBody, Logger: s.log.Named(doorSCIM),
	}))
	native := api.New(api.Services{
		Directory:   directory,
		Tokens:      auth.NewTokens(s.store, directory, time.Now, verifier.Forget),
		Connections: auth.NewConnections(s.store, directory, time.Now, verifier.ForgetConnection),
		Clients:     auth.NewClients(s.store, directory, s.keys, time.Now, verifier.Forget),
		Policies:    auth.NewPolicies(directory, s.store, time.Now, policy),
		Issuers:     auth.NewIssuers(directory, s.store, s.keys, time.Now, jwts.Forget),
		Verifier:    auth.Native{Tokens: verifier, JWTs: jwts},
	}, api.Config{PublicURL: s.publicURL, Logger: s.log.Named(doorNative)})
	for _, path := range api.OpenPaths {
		root.all = append(root.all, route{path, false, s.observed(doorNative, m, page(native))})
	}
	for _, prefix := range append(otherPrefixes, NativePrefix) {
		below(prefix, doorNative, native)
	}
	tokens := auth.NewTokenEndpoint(s.store, s.keys, time.Now, auth.TokenEndpointConfig{
		PublicURL: s.publicURL, Limits: limits, FormTimeout: s.phases.form, Logger: s.log.Named(doorOAuth),
	})
	below(tokenPath, doorOAuth, anonymous(s.concurrency, kindToken, tokens))

	metadata := page(readOnly(auth.MetadataHandler(s.publicURL)))
	root.all = append(root.all, route{auth.MetadataPath, false, s.observed(doorOAuth, m, metadata)})

	for path, h := range map[string]http.Handler{
		// Probes have no budget: their answers are short, and who asks decides
		// whether this server gets requests at all.
		"/healthz": readOnly(healthz), "/readyz": readOnly(s.readyz),
		"/metrics": anonymous(s.concurrency, kindMetrics, readOnly(m.page(s.store.Ready))),
	} {
		root.all = append(root.all, route{path, false, s.observed(doorSystem, m, h)})
	}
	return root
}

// readOnly is for paths that have no methods but GET and HEAD.
func readOnly(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeJSON(w, http.StatusMethodNotAllowed, `{"code":"method_not_allowed","message":"this path can only be read"}`)
			return
		}
		h(w, r)
	})
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusNotFound,
		`{"code":"not_found","message":"there is nothing here; SCIM is under /scim/v2, the native API under /v1"}`)
}

func writeJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // a client that is gone needs no answer
}
