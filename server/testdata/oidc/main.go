// Command oidc is an OpenID Provider for tests: the example server of zitadel/oidc, with
// claims that say a tenant and permissions. It prints nothing and serves until it is killed.
package main

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// claiming is the example's storage with claims of ours in each ID token.
type claiming struct{ *storage.Storage }

// SetUserinfoFromRequest implements op.CanSetUserinfoFromRequest.
func (s claiming) SetUserinfoFromRequest(
	ctx context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string,
) error {
	if tenant := os.Getenv("TENANT"); tenant != "" {
		info.AppendClaims("tenant_id", tenant)
	}
	info.AppendClaims("permissions", strings.Fields(os.Getenv("PERMISSIONS")))
	return s.Storage.SetUserinfoFromRequest(ctx, info, r, scopes)
}

func main() {
	listen := os.Getenv("LISTEN")
	issuer := "http://" + listen
	storage.RegisterClients(storage.WebClient("console", "secret", os.Getenv("REDIRECT")))
	s := claiming{storage.NewStorage(storage.NewUserStore(issuer))}
	quiet := slog.New(slog.DiscardHandler)
	slog.SetDefault(quiet)
	log.Fatal(http.ListenAndServe(listen, exampleop.SetupServer(issuer, s, quiet, false)))
}
