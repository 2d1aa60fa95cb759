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

func (p *program) clientCommand() *cobra.Command {
	return group("client", "Create, list and revoke OAuth clients, and their secrets",
		"Create, list and revoke the OAuth clients of a tenant: identity providers that fetch\n"+
			"short-lived access tokens at /oauth2/token instead of keeping a token. A secret is\n"+
			"shown once, when it is made. A running server notices a change within a second.",
		p.clientCreateCommand(), p.clientListCommand(), p.clientRevokeCommand(), p.clientSecretCommand())
}

// clientOptions are the flags of client create.
type clientOptions struct {
	administrationOptions
	connection, method, jwksFile, expires, lifetime string
	spec                                            auth.ClientSpec
}

func (p *program) clientCreateCommand() *cobra.Command {
	var o clientOptions
	cmd := createCommand(p, &o.administrationOptions, creation[withSecret[auth.OAuthClient]]{
		use:   "create --tenant ID --connection ID",
		short: "Create an OAuth client for a connection",
		long: "Create an OAuth client for a connection. Without more it gets a secret. With\n" +
			"--auth-method private_key_jwt it signs assertions with a key of its own, or, with\n" +
			"--issuer and --subject, sends those that an issuer gives it.",
		action: "create the client",
		check:  o.read,
		create: func(
			ctx context.Context, _ *cobra.Command, a administration,
		) (n withSecret[auth.OAuthClient], err error) {
			if o.jwksFile != "" {
				if o.spec.Keys.Set, err = os.ReadFile(o.jwksFile); err != nil {
					return n, err
				}
			}
			n.thing, n.secret, err = a.clients.Create(ctx, a.call, o.spec)
			return n, err
		},
		encode: func(b []byte, n withSecret[auth.OAuthClient]) []byte {
			return api.AppendNewClient(b, n.thing, n.secret)
		},
		show: showNewClient,
	})
	flags := cmd.Flags()
	flags.StringVar(&o.connection, "connection", "", "the `ID` of its connection (required)")
	flags.StringVar(&o.method, "auth-method", string(auth.MethodSecret),
		"the `METHOD`: client_secret or private_key_jwt")
	flags.StringSliceVar(&o.spec.Scopes, "scope", nil, "a `SCOPE`, scim or scim:read; repeatable (default scim)")
	flags.StringVar(&o.lifetime, "token-lifetime", "1h", "the `SPAN` for which an access token works: 1h to 6h")
	flags.StringVar(&o.expires, "expires", "", "`WHEN` its secret ends: a time, or a number of days such as 365d, at "+
		"most three years (default: two years)")
	flags.StringVar(&o.jwksFile, "jwks", "", "private_key_jwt: the `FILE` with the keys, a JSON Web Key Set")
	flags.StringVar(&o.spec.Keys.URI, "jwks-uri", "", "private_key_jwt: the `URL` where the keys are")
	flags.StringVar(&o.spec.Issuer, "issuer", "", "private_key_jwt: the `ISSUER` of its assertions (default: the "+
		"client itself)")
	flags.StringVar(&o.spec.Subject, "subject", "", "private_key_jwt: the `SUBJECT` of its assertions, with an issuer")
	flags.StringVar(&o.spec.Audience, "audience", "", "private_key_jwt: the `AUDIENCE` of its assertions (default: "+
		"this server)")
	flags.BoolVar(&o.spec.ReuseAssertions, "reuse-assertions", false,
		"private_key_jwt: take an issuer's assertion until it expires, not once, though it has a jti")
	return cmd
}

func (o *clientOptions) read(now time.Time) (err error) {
	if o.spec.Connection, err = membership.ParseID(o.connection); err != nil || o.spec.Connection.IsZero() {
		return usageError(fmt.Sprintf("create needs --connection with the ID of a connection, a UUID, not %q",
			o.connection))
	}
	if o.spec.TokenLifetime, err = time.ParseDuration(o.lifetime); err != nil || o.spec.TokenLifetime <= 0 {
		return usageError(fmt.Sprintf("--token-lifetime must be a span from 1h to 6h, not %q", o.lifetime))
	}
	if o.spec.SecretExpiresAt, err = readExpires(o.expires, now); err != nil {
		return err
	}
	o.spec.Method = auth.AuthMethod(o.method)
	return nil
}

func readExpires(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := parseWhen(s, now)
	if err != nil {
		return t,
			usageError(fmt.Sprintf("--expires must be a time such as 2027-08-01T12:00:00Z or days such as 365d, not "+
				"%q", s))
	}
	return t, nil
}

func (p *program) clientListCommand() *cobra.Command {
	var connection string
	var of membership.ID
	cmd := listCommand(p, new(administrationOptions), listing[auth.OAuthClient]{
		use:   "list --tenant ID",
		short: "List the OAuth clients of a tenant",
		read: func(ctx context.Context, a administration) ([]auth.OAuthClient, error) {
			if connection != "" {
				var err error
				if of, err = membership.ParseID(connection); err != nil {
					return nil, usageError(fmt.Sprintf("--connection must be a UUID, not %q", connection))
				}
			}
			return pages(func(after membership.ID, limit int) ([]auth.OAuthClient, error) {
				return a.clients.List(ctx, a.call, of, after, limit)
			}, func(c auth.OAuthClient) membership.ID { return c.ID })
		},
		encode: api.AppendClient,
		show: table("ID\tCONNECTION\tMETHOD\tSCOPES\tSECRETS UNTIL\tLAST USED", func(c auth.OAuthClient) []string {
			var ends []string
			for _, s := range c.Secrets {
				ends = append(ends, timeOr(s.ExpiresAt, ""))
			}
			return []string{
				c.ID.String(), c.Connection.String(), string(c.Method), strings.Join(c.Scopes, ","),
				strings.Join(ends, ","), timeOr(c.LastUsedAt, "never"),
			}
		}),
	})
	cmd.Flags().StringVar(&connection, "connection", "", "only those of the connection with this `ID`")
	return cmd
}

func (p *program) clientRevokeCommand() *cobra.Command {
	return p.endCommand(new(administrationOptions), new(membership.ID), ending{
		use:   "revoke --tenant ID CLIENT_ID",
		short: "End a client, its secrets and its access tokens for good",
		verb:  "revoke", past: "revoked", thing: "client", suggest: []string{"delete", "remove"},
		end: func(ctx context.Context, a administration, id membership.ID) error {
			return a.clients.Revoke(ctx, a.call, membership.ID{}, id)
		},
	})
}

func showNewClient(w io.Writer, n withSecret[auth.OAuthClient]) {
	c := n.thing
	rows := [][2]string{{"id", c.ID.String()}, {"client_id", c.ClientID()}}
	if n.secret != "" {
		shownOnce(w, "secret")
		rows = append(rows, [2]string{"secret id", c.Secrets[0].ID.String()},
			[2]string{"expires", timeOr(c.Secrets[0].ExpiresAt, "")}, [2]string{"client_secret", n.secret})
	}
	printFields(w, rows)
}
