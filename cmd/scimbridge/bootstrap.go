package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/server"
)

// bootstrapOptions are the flags of bootstrap.
type bootstrapOptions struct {
	tenant, idp string
	asJSON      bool
}

// bootstrapped is what bootstrap prints with --json.
type bootstrapped struct {
	TenantID     membership.ID `json:"tenant_id"`
	ConnectionID membership.ID `json:"connection_id"`
	SCIMBaseURL  string        `json:"scim_base_url"`
	SCIMToken    string        `json:"scim_token"`
	APIToken     string        `json:"api_token"`
}

func (p *program) bootstrapCommand() *cobra.Command {
	var o bootstrapOptions
	cmd := &cobra.Command{
		Use:   "bootstrap --tenant NAME",
		Short: "Create a tenant with a connection, a SCIM token and an API token",
		Long: "Create a tenant, a connection for its identity provider, a SCIM token for that\n" +
			"connection and an API token with every permission in the tenant. The tokens are\n" +
			"shown this once and stored only as hashes. A server may run on the same store. What it\n" +
			"prints is for a shell: eval \"$(scimbridge bootstrap --tenant Acme)\" sets TENANT_ID,\n" +
			"API_TOKEN and so on.",
		Args: noArguments,
		RunE: p.configured(func(ctx context.Context, s settings) error { return p.bootstrap(ctx, s, o) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.tenant, "tenant", "", "the tenant's `NAME` (required)")
	flags.StringVar(&o.idp, "idp", "generic", "the identity `PROVIDER`: "+strings.Join(membership.IDPs, ", "))
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON object")
	return cmd
}

func (p *program) bootstrap(ctx context.Context, s settings, o bootstrapOptions) error {
	if strings.TrimSpace(o.tenant) == "" {
		return usageError("bootstrap needs --tenant NAME")
	}
	if !slices.Contains(membership.IDPs, o.idp) {
		return usageError(fmt.Sprintf("--idp must be one of %s, not %q", strings.Join(membership.IDPs, ", "), o.idp))
	}
	store, err := p.makeStore(ctx, s, db.Options{})
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // everything is committed, or there is an error to return
	b, err := auth.Bootstrap(ctx, store, time.Now, auth.BootstrapSpec{
		TenantName: o.tenant, IDP: o.idp, ConnectionName: connectionNames[o.idp],
	})
	if err != nil {
		return fmt.Errorf("cannot create the tenant: %w", err)
	}
	base := server.PublicURL(s.Config, s.Listen)
	out := bootstrapped{
		TenantID: b.TenantID, ConnectionID: b.ConnectionID, SCIMToken: b.SCIMToken, APIToken: b.APIToken,
		SCIMBaseURL: base + server.SCIMPrefix,
	}
	if o.asJSON {
		return p.printJSON(out)
	}
	return p.printBootstrapped(o.tenant, o.idp, base, out)
}

// connectionNames are what people call the providers.
var connectionNames = map[string]string{"okta": "Okta", "entra": "Entra", "generic": "SCIM"}

// guides are where each provider's set-up is described.
var guides = map[string]string{"okta": "docs/okta.md", "entra": "docs/entra.md", "generic": "docs/providers.md"}

// printBootstrapped writes lines for a shell: all but the exports are comments.
// It fails if anything of it could not be written: a token that was not shown is
// lost.
func (p *program) printBootstrapped(tenant, idp, base string, b bootstrapped) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# The tenant %q is ready. Keep the two tokens: they are shown this once.\n\n", tenant)
	for _, v := range [][2]string{
		{"TENANT_ID", b.TenantID.String()},
		{"CONNECTION_ID", b.ConnectionID.String()},
		{"SCIM_BASE_URL", b.SCIMBaseURL},
		{"SCIM_TOKEN", b.SCIMToken},
		{"API_TOKEN", b.APIToken},
		{"BASE_URL", base},
	} {
		fmt.Fprintf(&text, "export %s=%s\n", v[0], shellQuoted(v[1]))
	}
	fmt.Fprintf(&text, `
# Next, in the shell into which you pasted these lines:
#   scimbridge serve                                 unless it runs already
#   curl -H "Authorization: Bearer $API_TOKEN" -H "X-Tenant-ID: $TENANT_ID" $BASE_URL/v1/users
# The provider gets SCIM_BASE_URL and SCIM_TOKEN: %s
# The native API is described at $BASE_URL/v1/docs. Another token: scimbridge token create --help
`, guides[idp])
	_, err := io.WriteString(p.stdout, text.String())
	return err
}

// shellQuoted is one word for every POSIX shell.
func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
