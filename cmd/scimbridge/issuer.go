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
	cmd := &cobra.Command{
		Use:   "create --tenant ID --issuer ISS --audience AUD --jwks-uri URL",
		Short: "Trust an issuer",
		Args:  noArguments,
	}
	cmd.PreRunE = func(*cobra.Command, []string) (err error) {
		spec, err = o.spec()
		return err
	}
	cmd.RunE = p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
		if o.jwksFile != "" {
			text, err := readUpTo(o.jwksFile, cmd.InOrStdin(), auth.MaxJWKS)
			if err != nil {
				return err
			}
			spec.JWKS = &text
		}
		i, err := a.issuers.Create(ctx, a.call, spec)
		if err != nil {
			return fmt.Errorf("cannot create the issuer: %w", err)
		}
		return p.print(o.asJSON, api.AppendIssuer(nil, i), func(w io.Writer) {
			printFields(w, [][2]string{
				{"id", i.ID.String()}, {"issuer", i.Issuer}, {"audiences", strings.Join(i.Audiences, ", ")},
				{"claim of the tenant", i.Claims.Tenant}, {"may give", strings.Join(i.Permissions, ", ")},
			})
		})
	})
	flags := cmd.Flags()
	flags.StringVar(&o.issuer, "issuer", "", "`ISS`: the claim iss of its JWTs (required)")
	flags.StringSliceVar(&o.audiences, "audience", nil,
		"`AUD`: what the claim aud of its JWTs has for this API; repeatable (required)")
	flags.StringVar(&o.jwksURI, "jwks-uri", "", "`URL` of its JSON Web Key Set")
	flags.StringVar(&o.jwksFile, "jwks", "", "`FILE` with its JSON Web Key Set, instead; - is standard input")
	flags.StringVar(&o.tenantClaim, "tenant-claim", "",
		"`CLAIM` that names the tenant (default "+auth.DefaultTenantClaim+")")
	flags.StringVar(&o.tenantValue, "tenant-value", "", "`VALUE` that it has for this tenant (default: the tenant's id)")
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
	o.flags(flags, true)
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
	var o administrationOptions
	cmd := &cobra.Command{
		Use:   "list --tenant ID",
		Short: "List the issuers that a tenant trusts",
		Args:  noArguments,
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			all, err := a.issuers.List(ctx, a.call)
			if err != nil {
				return err
			}
			return printList(p, o.asJSON, all, api.AppendIssuer, "ID\tISSUER\tAUDIENCES\tMAY GIVE\tCREATED",
				func(i auth.Issuer) []string {
					return []string{
						i.ID.String(), i.Issuer, strings.Join(i.Audiences, ","), strings.Join(i.Permissions, ","),
						timeOr(i.CreatedAt, ""),
					}
				})
		}),
	}
	o.flags(cmd.Flags(), false)
	return cmd
}

func (p *program) issuerDeleteCommand() *cobra.Command {
	var o administrationOptions
	var id membership.ID
	cmd := &cobra.Command{
		SuggestFor: []string{"revoke", "remove"},
		Use:        "delete --tenant ID ISSUER_ID",
		Short:      "Trust an issuer no longer",
		Args:       oneID(&id),
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			if err := a.issuers.Delete(ctx, a.call, id); err != nil {
				return fmt.Errorf("cannot delete the issuer: %w", err)
			}
			if o.asJSON {
				return p.printJSON(map[string]any{"id": id, "deleted": true})
			}
			_, err := fmt.Fprintf(p.stdout, "The issuer %s is deleted.\n", id)
			return err
		}),
	}
	o.flags(cmd.Flags(), true)
	return cmd
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
