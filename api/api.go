package api

import (
	"context"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/router"
)

// Verifier turns an Authorization header into a principal. named is the tenant
// that the request is about; zero: it does not say. Its errors are
// auth.ErrUnauthenticated, with a text that is safe to show, or of
// membership.KindForbidden, or mean that it cannot answer now.
type Verifier interface {
	Verify(ctx context.Context, authorization string, named membership.ID) (auth.Principal, error)
}

// Config of the door; the zero value of each field has a default.
type Config struct {
	MaxBody   int64       // bytes of a request's body; 1 MiB
	PublicURL string      // of the server, as browsers see it; unknown
	Logger    *zap.Logger // default: logs nothing
	// Open is put around the routes that ask for no credential; default: nothing.
	Open func(http.Handler) http.Handler
}

// Services are what the door offers to callers.
type Services struct {
	Directory   *membership.Directory
	Tokens      *auth.Tokens
	Connections *auth.Connections
	Clients     *auth.Clients
	SetupLinks  *auth.SetupLinks
	Policies    *auth.Policies
	Issuers     *auth.Issuers
	Evidence    Evidence
	DryRuns     DryRuns
	EventTokens EventTokens // nil: there are no streams
	Verifier    Verifier
}

type door struct {
	Services
	maxBody   int64
	publicURL string // without a slash at its end
	origins   *auth.Origins
	log       *zap.Logger
}

// New returns the handler of everything under Prefixes; it sees whole paths. It
// takes the request's id from the header X-Request-Id, which the server sets.
func New(s Services, c Config) http.Handler {
	r := router.New()
	Mount(r, s, c)
	return router.Handler(r)
}

func newDoor(s Services, c Config) *door {
	if c.MaxBody <= 0 {
		c.MaxBody = 1 << 20
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return &door{
		Services: s, maxBody: c.MaxBody, publicURL: strings.TrimRight(c.PublicURL, "/"),
		origins: auth.NewOrigins(c.PublicURL), log: c.Logger,
	}
}
