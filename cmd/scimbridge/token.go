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
			"a second.",
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
	cmd := createCommand(p, &o.administrationOptions, creation[withSecret[auth.Token]]{
		use:    "create --tenant ID --kind KIND --name NAME",
		short:  "Create a token",
		action: "create the token",
		check: func(now time.Time) (err error) {
			spec, err = o.spec(now)
			return err
		},
		create: func(ctx context.Context, _ *cobra.Command, a administration) (n withSecret[auth.Token], err error) {
			n.thing, n.secret, err = a.tokens.Create(ctx, a.call, spec)
			return n, err
		},
		encode: appendNewToken, show: showNewToken,
	})
	flags := cmd.Flags()
	flags.StringVar(&o.kind, "kind", "",
		"`KIND`: api, for the native API, or scim, for an identity provider (required)")
	flags.StringVar(&o.name, "name", "", "a `NAME` to tell it from others (required)")
	flags.StringVar(&o.connection, "connection", "", "scim: the `ID` of its connection")
	flags.StringSliceVar(&o.scopes, "scope", nil, "scim: a `SCOPE`, scim or scim:read; repeatable (default scim)")
	flags.StringSliceVar(&o.permissions, "permission", nil,
		"api: a `PERMISSION` such as GROUPS:READ, or * for every one; repeatable")
	flags.StringVar(&o.principal, "principal", "", "api: the `TYPE` of whom it stands for, USER, AGENT or SERVICE "+
		"(default USER)")
	flags.StringSliceVar(&o.roles, "role", nil,
		"api: a `ROLE` for policies to look at; org_owner is every permission; "+
			"repeatable")
	flags.StringSliceVar(&o.networks, "network", nil, "a CIDR `BLOCK` that it may be used from; repeatable (default: "+
		"from anywhere)")
	flags.StringVar(&o.expires, "expires", "", "`WHEN` it ends: a time such as 2027-08-01T12:00:00Z, or a number of "+
		"days such as 365d (default: never)")
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
	if s.ExpiresAt, err = readExpires(o.expires, now); err != nil {
		return s, err
	}
	s.Networks, err = auth.ParseNetworks(o.networks)
	return s, err
}

// parseWhen reads a time of RFC 3339, or a span from now on.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if span, err := parseSpan(s); err == nil {
		return now.Add(span), nil
	}
	return membership.ParseTime("it", s)
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
	return listCommand(p, new(administrationOptions), listing[auth.Token]{
		use:   "list --tenant ID",
		short: "List the tokens of a tenant",
		long: "List the tokens of a tenant, without their secrets: those that expired as well, but\n" +
			"not those that were revoked. When a token was used last can be two minutes late.",
		read: func(ctx context.Context, a administration) ([]auth.Token, error) {
			return pages(func(after membership.ID, limit int) ([]auth.Token, error) {
				return a.tokens.List(ctx, a.call, after, limit)
			}, func(t auth.Token) membership.ID { return t.ID })
		},
		encode: api.AppendToken,
		show: table("ID\tKIND\tNAME\tMAY\tEXPIRES\tLAST USED", func(t auth.Token) []string {
			return []string{
				t.ID.String(), string(t.Kind), t.Name, mayDo(t), timeOr(t.ExpiresAt, "never"),
				timeOr(t.LastUsedAt, "never"),
			}
		}),
	})
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
				return usageError(fmt.Sprintf("rotate needs --overlap with a span from 0 to 90d, such as 7d or 12h, "+
					"not %q",
					overlap))
			}
			return nil
		},
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			t, text, err := a.tokens.Rotate(ctx, a.call, id, span)
			if err != nil {
				return fmt.Errorf("cannot rotate the token: %w", err)
			}
			n := withSecret[auth.Token]{t, text}
			return p.print(o.asJSON, appendNewToken(nil, n), func(w io.Writer) { showNewToken(w, n) })
		}),
	}
	cmd.Flags().StringVar(&overlap, "overlap", "",
		"the `SPAN` for which the old token still works, such as 7d or 12h; "+
			"at most 90d (required)")
	o.flags(cmd.Flags(), true)
	return cmd
}

func (p *program) tokenRevokeCommand() *cobra.Command {
	return p.endCommand(new(administrationOptions), new(membership.ID), ending{
		use:   "revoke --tenant ID TOKEN_ID",
		short: "End a token for good",
		verb:  "revoke", past: "revoked", thing: "token", suggest: []string{"delete", "remove"},
		end: func(ctx context.Context, a administration, id membership.ID) error {
			return a.tokens.Revoke(ctx, a.call, id)
		},
	})
}

func appendNewToken(b []byte, n withSecret[auth.Token]) []byte {
	return api.AppendNewToken(b, n.thing, n.secret)
}

func showNewToken(w io.Writer, n withSecret[auth.Token]) {
	shownOnce(w, "token")
	printFields(w, [][2]string{
		{"id", n.thing.ID.String()}, {"expires", timeOr(n.thing.ExpiresAt, "never")}, {"token", n.secret},
	})
}
