package console

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// Prefix is where the door is: paths that are this, or below it.
const Prefix = "/console"

// Config of the door; the zero value of each field has a default.
type Config struct {
	PublicURL string      // of the server, as browsers see it; unknown
	Logger    *zap.Logger // default: logs nothing
	OIDC      OIDC
	// Open is put around the routes that ask for no session; default: nothing.
	Open func(http.Handler) http.Handler
}

// Services are what the pages show and do.
type Services struct {
	Directory *membership.Directory
	Tokens    *auth.Tokens
	Sessions  *auth.Sessions
	Evidence  Evidence
	Clients   *auth.Clients
	// SetupLinks are what the customer's IT comes in by.
	SetupLinks *auth.SetupLinks
	DryRuns    DryRuns
	Reports    Reports
	Issuers    *auth.Issuers
	Policies   *auth.Policies
}

// Reports sends reports as downloads, in the formats of the native API.
type Reports interface {
	Register(ctx context.Context, w http.ResponseWriter, call membership.Call, q membership.RegisterQuery,
		format string) error
	// Exceptions sends those of a kind, "": of all.
	Exceptions(ctx context.Context, w http.ResponseWriter, call membership.Call, kind membership.ExceptionKind,
		format string) error
}

// Evidence answers what proves the events of a tenant.
type Evidence interface {
	// Checkpoint is the signed checkpoint of a size; 0: the newest. KindUnavailable
	// where there is no key.
	Checkpoint(ctx context.Context, tenant membership.ID, size int64) (string, error)
	// VerifierKeys are the keys that verify checkpoints, one a line.
	VerifierKeys(ctx context.Context, tenant membership.ID) (string, error)
	// Proof proves that the newest checkpoint has the event with a number.
	Proof(ctx context.Context, tenant membership.ID, number int64) ([]byte, error)
}

type door struct {
	Services
	publicURL string
	origins   *auth.Origins
	cookies   cookies
	provider  *provider // nil: none
	log       *zap.Logger
}

func newDoor(s Services, c Config) *door {
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return &door{
		Services: s, publicURL: c.PublicURL, origins: auth.NewOrigins(c.PublicURL), cookies: cookiesFor(c.PublicURL),
		provider: newProvider(c.OIDC, c.PublicURL), log: c.Logger,
	}
}

// cookiesFor decides by the server's public address. A session over http would be
// everybody's on the way, so there is none but on this machine itself.
func cookiesFor(publicURL string) cookies {
	u, err := url.Parse(publicURL)
	switch {
	case err != nil || publicURL == "":
		return cookies{}
	case u.Scheme == "https":
		return cookies{prefix: "__Host-", path: "/", secure: true, usable: true}
	}
	return cookies{path: Prefix, usable: loopback(u.Hostname())}
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
