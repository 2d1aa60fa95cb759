package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/mux"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/console"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/router"
	"github.com/scimbridge/scimbridge/scim"
)

// Where the doors are. Each sees whole paths.
const (
	SCIMPrefix    = "/scim/v2"
	NativePrefix  = "/v1"
	ConsolePrefix = console.Prefix
	tokenPath     = auth.TokenPath
)

// The doors, as metrics and the log name them.
const (
	doorSCIM    = "scim"
	doorNative  = "native"
	doorConsole = "console"
	doorOAuth   = "oauth"  // the token endpoint and what is said of it
	doorSystem  = "system" // health and metrics
	doorNone    = "none"   // no such path
)

// wiring is the parts of a server put together: what answers, and what runs beside it.
type wiring struct {
	root   *mux.Router
	access *auth.AccessWatch
	ends   *grantEnds
}

// handler is everything that the server answers.
func (s *Server) handler(w wiring) http.Handler { return s.outermost(router.Handler(w.root)) }

// outermost is what every request goes through before its path matters.
func (s *Server) outermost(next http.Handler) http.Handler {
	counted := s.concurrency.Track(s.paced(next), s.connections.shown)
	return identified(s.hardened(s.warnOfProxy(auth.Addressed(counted, s.config.TrustedProxies...))))
}

// wire puts the doors over one directory, and health and metrics beside them. It leaves
// the server as it is.
func (s *Server) wire() wiring {
	m := s.metrics
	credentials := measuredCredentials{s.store, m, s.tracing}
	policy := auth.NewPolicy(credentials, time.Now, s.log.Named("policy"))
	directory := membership.NewDirectory(measured(s.store, m, s.tracing), s.tracing.policy(policy), membership.Options{
		Observer: m, Signer: s.sealer, Guard: membership.RemovalGuard(s.config.RemovalGuard), Refusals: s.refusals,
		Watch:    s.watch,
		Requests: s.keptRequests(),
		Eraser:   requestEraser{s.config, s.store, s.requests},
		CheckURL: s.guard.CheckURL, Webhooks: s.webhooks,
	})
	verifier := auth.NewVerifier(credentials, time.Now)
	verifier.Report(s.usage)
	verifier.Refuse(s.refusals)
	limits := auth.NewLimits(time.Now, s.config.RateLimit, s.config.FailedAuthLimit)
	limits.LimitIssuers(s.config.IssuerRateLimit)
	verifier.Limit(limits)
	jwts := auth.NewJWTs(credentials, s.keys, time.Now)
	jwts.Limit(limits)

	page := func(h http.Handler) http.Handler { return anonymous(s.concurrency, kindPage, h) }
	root := router.New()
	root.NotFoundHandler = s.observed(doorNone, "", m, page(http.HandlerFunc(notFound)))

	provisioning := scim.Config{PublicURL: s.publicURL, MaxGroupBody: s.config.MaxBody, Logger: s.log.Named(doorSCIM)}
	if s.tokens != nil {
		provisioning.SecurityEvents = membership.SCIMSignals
	}
	root.MatcherFunc(router.Below(SCIMPrefix)).Handler(s.observed(doorSCIM, "", m,
		scim.New(directory, verifier, provisioning)))
	setupLinks := auth.NewSetupLinks(s.store, directory, s.keys, time.Now, verifier.Forget)
	setupLinks.Limit(limits)
	if !s.config.Console {
		setupLinks.WithoutPage()
	}
	services := api.Services{
		Directory:   directory,
		Tokens:      auth.NewTokens(s.store, directory, time.Now, verifier.Forget),
		Connections: auth.NewConnections(s.store, directory, time.Now, verifier.ForgetConnection),
		Clients:     auth.NewClients(s.store, directory, s.keys, time.Now, verifier.Forget),
		SetupLinks:  setupLinks,
		Policies:    auth.NewPolicies(directory, s.store, time.Now, policy),
		Issuers:     auth.NewIssuers(directory, s.store, s.keys, time.Now, jwts.Forget),
		Evidence:    s.sealer,
		EventTokens: s.tokens,
		DryRuns:     s.newDryRuns(directory, policy, provisioning),
		Verifier:    auth.Native{Tokens: verifier, JWTs: jwts},
	}
	native := root.MatcherFunc(belowAny(api.Prefixes)).Subrouter()
	api.Mount(native, services, api.Config{PublicURL: s.publicURL, Open: page, Logger: s.log.Named(doorNative)})
	router.Wrap(native, func(path string, h http.Handler) http.Handler { return s.observed(doorNative, path, m, h) })

	if s.config.Console {
		sessions := auth.NewSessions(s.store, verifier, jwts, limits, time.Now)
		sessions.Links(s.logins)
		pages := root.MatcherFunc(router.Below(console.Prefix)).Subrouter()
		console.Mount(pages, console.Services{
			Directory: directory, Tokens: services.Tokens, Sessions: sessions, Evidence: s.sealer,
			Clients: services.Clients, SetupLinks: setupLinks,
			DryRuns: services.DryRuns,
			Reports: api.Reports{Directory: directory}, Issuers: services.Issuers,
			Policies: services.Policies,
		}, console.Config{PublicURL: s.publicURL, Open: page, Logger: s.log.Named(doorConsole), OIDC: console.OIDC{
			Issuer: s.config.OIDC.Issuer, ClientID: s.config.OIDC.ClientID,
			ClientSecret: string(s.config.OIDC.ClientSecret), Outbound: s.guard,
		}})
		router.Wrap(pages, func(path string, h http.Handler) http.Handler {
			return s.observed(doorConsole, path, m, h)
		})
	}

	tokens := auth.NewTokenEndpoint(s.store, s.keys, time.Now, auth.TokenEndpointConfig{
		PublicURL: s.publicURL, Limits: limits, FormTimeout: s.phases.form, Logger: s.log.Named(doorOAuth),
	})
	token := root.MatcherFunc(router.Below(tokenPath)).Subrouter()
	token.Methods(http.MethodPost).Handler(tokens)
	router.Otherwise(token, http.HandlerFunc(notFound), http.HandlerFunc(auth.TokenNotAllowed))
	router.Wrap(token, func(_ string, h http.Handler) http.Handler {
		return s.observed(doorOAuth, tokenPath, m, anonymous(s.concurrency, kindToken, h))
	})
	s.readOnly(root, doorOAuth, auth.MetadataPath, page, auth.MetadataHandler(s.publicURL))

	s.systemPaths(root, s.readyz, s.store.Ready)
	return wiring{
		root:   root,
		access: auth.NewAccessWatch(s.store, verifier, jwts, policy),
		ends:   &grantEnds{store: s.store, directory: directory, log: s.log.Named("ends")},
	}
}

// systemPaths adds health and metrics. Probes have no budget: their answers are short, and
// whether this server gets requests at all depends on them.
func (s *Server) systemPaths(root *mux.Router, readyz http.HandlerFunc, ready func(context.Context) error) {
	none := func(h http.Handler) http.Handler { return h }
	s.readOnly(root, doorSystem, "/healthz", none, healthz)
	s.readOnly(root, doorSystem, "/readyz", none, readyz)
	s.readOnly(root, doorSystem, "/metrics", func(h http.Handler) http.Handler {
		return anonymous(s.concurrency, kindMetrics, h)
	}, s.metrics.page(ready))
}

func belowAny(prefixes []string) mux.MatcherFunc {
	return func(r *http.Request, m *mux.RouteMatch) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return router.Below(prefix)(r, m) })
	}
}

// readOnly adds a path that has no methods but GET and HEAD, within a budget.
func (s *Server) readOnly(
	root *mux.Router, door, path string, budget func(http.Handler) http.Handler, h http.HandlerFunc,
) {
	r := root.Path(path).Subrouter()
	r.Methods(router.Methods(http.MethodGet)...).Handler(budget(h))
	router.Otherwise(r, http.HandlerFunc(notFound), budget(http.HandlerFunc(cannotBeWritten)))
	router.Wrap(r, func(_ string, h http.Handler) http.Handler { return s.observed(door, path, s.metrics, h) })
}

func cannotBeWritten(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusMethodNotAllowed, `{"code":"method_not_allowed","message":"this path can only be read"}`)
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
