package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) issuerCommand() *cobra.Command {
	return group("issuer", "Create, list and delete the issuers whose JWTs a tenant trusts",
		"Create, list and delete the issuers of JWTs that a tenant takes as credentials of\n"+
			"its native API, beside its tokens. A running server notices a change within five\n"+
			"seconds.",
		p.issuerCreateCommand(), p.issuerListCommand(), p.issuerDeleteCommand())
}

// issuerOptions are the flags of issuer create.
type issuerOptions struct {
	administrationOptions
	issuer, jwksFile, jwksURI, tenantClaim, tenantValue        string
	principalClaim, permissionsClaim, rolesClaim, maxAge, kind string
	audiences, permissions                                     []string
}

func (p *program) issuerCreateCommand() *cobra.Command {
	var o issuerOptions
	var spec auth.IssuerSpec
	cmd := createCommand(p, &o.administrationOptions, creation[auth.Issuer]{
		use:    "create --tenant ID --issuer ISS --audience AUD --jwks-uri URL",
		short:  "Trust an issuer",
		action: "create the issuer",
		check: func(time.Time) (err error) {
			spec, err = o.spec()
			return err
		},
		create: func(ctx context.Context, cmd *cobra.Command, a administration) (i auth.Issuer, err error) {
			if o.jwksFile != "" {
				text, err := readUpTo(o.jwksFile, cmd.InOrStdin(), auth.MaxJWKS)
				if err != nil {
					return i, err
				}
				spec.JWKS = &text
			}
			return a.issuers.Create(ctx, a.call, spec)
		},
		encode: api.AppendIssuer,
		show: func(w io.Writer, i auth.Issuer) {
			printFields(w, [][2]string{
				{"id", i.ID.String()}, {"issuer", i.Issuer}, {"audiences", strings.Join(i.Audiences, ", ")},
				{"claim of the tenant", i.Claims.Tenant}, {"may give", strings.Join(i.Permissions, ", ")},
			})
		},
	})
	flags := cmd.Flags()
	flags.StringVar(&o.issuer, "issuer", "", "`ISS`: the claim iss of its JWTs (required)")
	flags.StringSliceVar(&o.audiences, "audience", nil,
		"`AUD`: what the claim aud of its JWTs has for this API; repeatable (required)")
	flags.StringVar(&o.jwksURI, "jwks-uri", "", "`URL` of its JSON Web Key Set")
	flags.StringVar(&o.jwksFile, "jwks", "", "`FILE` with its JSON Web Key Set, instead; - is standard input")
	flags.StringVar(&o.tenantClaim, "tenant-claim", "",
		"`CLAIM` that names the tenant (default "+auth.DefaultTenantClaim+")")
	flags.StringVar(&o.tenantValue, "tenant-value", "",
		"`VALUE` that it has for this tenant (default: the tenant's id)")
	flags.StringVar(&o.principalClaim, "principal-claim", "",
		"`CLAIM` that is USER, AGENT or SERVICE (default principal_type, else type)")
	flags.StringVar(&o.kind, "default-principal", "", "`TYPE` of principal of a JWT without that claim (default USER)")
	flags.StringVar(&o.permissionsClaim, "permissions-claim", "",
		"`CLAIM` with the permissions (default permissions, else scope)")
	flags.StringVar(&o.rolesClaim, "roles-claim", "", "`CLAIM` with the roles (default roles)")
	flags.StringSliceVar(&o.permissions, "permission", nil,
		"a `PERMISSION` that its JWTs can carry, or * for every one; repeatable (default every one but TENANT:ADMIN)")
	flags.StringVar(&o.maxAge, "max-age", "", "`SPAN` for which a JWT can be used at most, such as 12h or 7d (default "+
		"24h)")
	return cmd
}

func (o issuerOptions) spec() (s auth.IssuerSpec, err error) {
	switch {
	case o.issuer == "" || len(o.audiences) == 0:
		return s, usageError("create needs --issuer ISS and --audience AUD")
	case (o.jwksURI == "") == (o.jwksFile == ""):
		return s, usageError("create needs --jwks-uri URL or --jwks FILE, one of them")
	}
	s = auth.IssuerSpec{Issuer: &o.issuer, Audiences: o.audiences, Permissions: o.permissions}
	for _, f := range []struct {
		from string
		to   **string
	}{
		{o.jwksURI, &s.JWKSURI}, {o.tenantClaim, &s.TenantClaim}, {o.tenantValue, &s.TenantValue},
		{o.principalClaim, &s.PrincipalClaim}, {o.permissionsClaim, &s.PermissionsClaim}, {o.rolesClaim, &s.RolesClaim},
		{o.kind, &s.DefaultPrincipal},
	} {
		if f.from != "" {
			*f.to = &f.from
		}
	}
	if o.maxAge != "" {
		span, err := parseSpan(o.maxAge)
		if err != nil {
			return s, usageError(fmt.Sprintf("--max-age must be a span such as 12h or 7d, not %q", o.maxAge))
		}
		seconds := int64(span / time.Second)
		s.MaxAgeSeconds = &seconds
	}
	return s, nil
}

func (p *program) issuerListCommand() *cobra.Command {
	return listCommand(p, new(administrationOptions), listing[auth.Issuer]{
		use:   "list --tenant ID",
		short: "List the issuers that a tenant trusts",
		read: func(ctx context.Context, a administration) ([]auth.Issuer, error) {
			return a.issuers.List(ctx, a.call)
		},
		encode: api.AppendIssuer,
		show: table("ID\tISSUER\tAUDIENCES\tMAY GIVE\tCREATED", func(i auth.Issuer) []string {
			return []string{
				i.ID.String(), i.Issuer, strings.Join(i.Audiences, ","), strings.Join(i.Permissions, ","),
				timeOr(i.CreatedAt, ""),
			}
		}),
	})
}

func (p *program) issuerDeleteCommand() *cobra.Command {
	return p.endCommand(new(administrationOptions), new(membership.ID), ending{
		use:   "delete --tenant ID ISSUER_ID",
		short: "Trust an issuer no longer",
		verb:  "delete", past: "deleted", thing: "issuer", suggest: []string{"revoke", "remove"},
		end: func(ctx context.Context, a administration, id membership.ID) error {
			return a.issuers.Delete(ctx, a.call, id)
		},
	})
}

// readUpTo reads a file, or standard input for -, and one byte more than what
// could be taken at most.
func readUpTo(file string, stdin io.Reader, most int64) (string, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	return string(text), err
}
