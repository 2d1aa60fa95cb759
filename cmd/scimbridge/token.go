package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) tokenCommand() *cobra.Command {
	return group("token", "Create, list, rotate and revoke tokens",
		"Create, list, rotate and revoke the tokens of a tenant. A token is shown once, when\n"+
			"it is made, and stored only as a hash. A running server notices a change within\n"+
			"five seconds.",
		p.tokenCreateCommand(), p.tokenListCommand(), p.tokenRotateCommand(), p.tokenRevokeCommand())
}

// tokenOptions are the flags of token create.
type tokenOptions struct {
	administrationOptions
	name, kind, connection, expires, principal string
	permissions, roles, scopes, networks       []string
}

func (p *program) tokenCreateCommand() *cobra.Command {
	var o tokenOptions
	var spec auth.TokenSpec
	cmd := &cobra.Command{
		Use:   "create --tenant ID --kind KIND --name NAME",
		Short: "Create a token",
		Args:  noArguments,
		PreRunE: func(*cobra.Command, []string) (err error) {
			spec, err = o.spec(time.Now())
			return err
		},
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			t, text, err := a.tokens.Create(ctx, a.call, spec)
			if err != nil {
				return fmt.Errorf("cannot create the token: %w", err)
			}
			return p.printNewToken(t, text, o.asJSON)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.kind, "kind", "", "`KIND`: api, for the native API, or scim, for an identity provider (required)")
	flags.StringVar(&o.name, "name", "", "a `NAME` to tell it from others (required)")
	flags.StringVar(&o.connection, "connection", "", "scim: the `ID` of its connection")
	flags.StringSliceVar(&o.scopes, "scope", nil, "scim: a `SCOPE`, scim or scim:read; repeatable (default scim)")
	flags.StringSliceVar(&o.permissions, "permission", nil,
		"api: a `PERMISSION` such as GROUPS:READ, or * for every one; repeatable")
	flags.StringVar(&o.principal, "principal", "", "api: the `TYPE` of whom it stands for, USER, AGENT or SERVICE "+
		"(default USER)")
	flags.StringSliceVar(&o.roles, "role", nil, "api: a `ROLE` for policies to look at; org_owner is every permission; "+
		"repeatable")
	flags.StringSliceVar(&o.networks, "network", nil, "a CIDR `BLOCK` that it may be used from; repeatable (default: "+
		"from anywhere)")
	flags.StringVar(&o.expires, "expires", "", "`WHEN` it ends: a time such as 2027-08-01T12:00:00Z, or a number of "+
		"days such as 365d (default: never)")
	o.flags(flags, true)
	return cmd
}

func (o tokenOptions) spec(now time.Time) (s auth.TokenSpec, err error) {
	if o.kind == "" || o.name == "" {
		return s, usageError("create needs --kind KIND and --name NAME")
	}
	s = auth.TokenSpec{Kind: auth.TokenKind(o.kind), Name: o.name, Permissions: o.permissions, Roles: o.roles,
		Scopes: o.scopes}
	if o.principal != "" {
		if s.Principal = auth.PrincipalTypes[strings.ToUpper(o.principal)]; s.Principal == "" {
			return s, usageError(fmt.Sprintf("--principal must be USER, AGENT or SERVICE, not %q", o.principal))
		}
	}
	if o.connection != "" {
		if s.Connection, err = membership.ParseID(o.connection); err != nil {
			return s, usageError(fmt.Sprintf("--connection must be a UUID, not %q", o.connection))
		}
	}
	if o.expires != "" {
		if s.ExpiresAt, err = parseWhen(o.expires, now); err != nil {
			return s, usageError(fmt.Sprintf("--expires must be a time such as 2027-08-01T12:00:00Z or days such as 365d, "+
				"not %q", o.expires))
		}
	}
	s.Networks, err = auth.ParseNetworks(o.networks)
	return s, err
}

// parseWhen reads a time of RFC 3339, or a span from now on.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if span, err := parseSpan(s); err == nil {
		return now.Add(span), nil
	}
	return time.Parse(time.RFC3339, s)
}

const maxDays = 100 * 365

// parseSpan is time.ParseDuration with days.
func parseSpan(s string) (time.Duration, error) {
	if text, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.ParseFloat(text, 64)
		if err != nil || !(math.Abs(days) <= maxDays) { // also when it is no number
			return 0, errors.New("no number of days")
		}
		return time.Duration(days * 24 * float64(time.Hour)), nil
	}
	return time.ParseDuration(s)
}

func (p *program) tokenListCommand() *cobra.Command {
	var o administrationOptions
	cmd := &cobra.Command{
		Use:   "list --tenant ID",
		Short: "List the tokens of a tenant",
		Long: "List the tokens of a tenant, without their secrets: those that expired as well, but\n" +
			"not those that were revoked. When a token was used last can be two minutes late.",
		Args: noArguments,
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			all, err := pages(func(after membership.ID, limit int) ([]auth.Token, error) {
				return a.tokens.List(ctx, a.call, after, limit)
			}, func(t auth.Token) membership.ID { return t.ID })
			if err != nil {
				return err
			}
			return printList(p, o.asJSON, all, api.AppendToken, "ID\tKIND\tNAME\tMAY\tEXPIRES\tLAST USED",
				func(t auth.Token) []string {
					return []string{t.ID.String(), string(t.Kind), t.Name, mayDo(t), timeOr(t.ExpiresAt, "never"),
						timeOr(t.LastUsedAt, "never")}
				})
		}),
	}
	o.flags(cmd.Flags(), false)
	return cmd
}

func mayDo(t auth.Token) string {
	if t.Kind == auth.KindSCIM {
		return strings.Join(t.Scopes, ",")
	}
	return strings.Join(t.Permissions, ",")
}

func (p *program) tokenRotateCommand() *cobra.Command {
	var o administrationOptions
	var id membership.ID
	var overlap string
	var span time.Duration
	cmd := &cobra.Command{
		Use:   "rotate --tenant ID TOKEN_ID --overlap SPAN",
		Short: "Replace a token by a new one; both work for a while",
		Long: "Make a new token that takes the place of another: it may do the same and lives as\n" +
			"long. The new one works at once, the old one for the overlap. With an overlap of 0\n" +
			"the old one ends now.",
		Args: oneID(&id),
		PreRunE: func(*cobra.Command, []string) (err error) {
			if span, err = parseSpan(overlap); err != nil || span < 0 || span > auth.MaxOverlap {
				return usageError(fmt.Sprintf("rotate needs --overlap with a span from 0 to 90d, such as 7d or 12h, not %q",
					overlap))
			}
			return nil
		},
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			t, text, err := a.tokens.Rotate(ctx, a.call, id, span)
			if err != nil {
				return fmt.Errorf("cannot rotate the token: %w", err)
			}
			return p.printNewToken(t, text, o.asJSON)
		}),
	}
	cmd.Flags().StringVar(&overlap, "overlap", "", "the `SPAN` for which the old token still works, such as 7d or 12h; "+
		"at most 90d (required)")
	o.flags(cmd.Flags(), true)
	return cmd
}

func (p *program) tokenRevokeCommand() *cobra.Command {
	var o administrationOptions
	var id membership.ID
	cmd := &cobra.Command{
		SuggestFor: []string{"delete", "remove"},
		Use:        "revoke --tenant ID TOKEN_ID",
		Short:      "End a token for good",
		Args:       oneID(&id),
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			if err := a.tokens.Revoke(ctx, a.call, id); err != nil {
				return fmt.Errorf("cannot revoke the token: %w", err)
			}
			if o.asJSON {
				return p.printJSON(map[string]membership.ID{"revoked": id})
			}
			_, err := fmt.Fprintf(p.stdout, "The token %s is revoked.\n", id)
			return err
		}),
	}
	o.flags(cmd.Flags(), true)
	return cmd
}

func (p *program) printNewToken(t auth.Token, text string, asJSON bool) error {
	return p.print(asJSON, api.AppendNewToken(nil, t, text), func(w io.Writer) {
		_, _ = fmt.Fprint(w, "Keep the token: it is shown this once.\n\n")
		printFields(w, [][2]string{{"id", t.ID.String()}, {"expires", timeOr(t.ExpiresAt, "never")}, {"token", text}})
	})
}
