package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) clientSecretCommand() *cobra.Command {
	return group("secret", "Create and revoke secrets of an OAuth client",
		"Create and revoke secrets of an OAuth client. Several work at once, so that one can\n"+
			"take another's place without a gap: docs/oauth.md has every step.",
		p.secretCreateCommand(), p.secretRevokeCommand())
}

// secretOptions are the flags of the commands for secrets.
type secretOptions struct {
	administrationOptions
	clientText string
	client     membership.ID
}

// read reads the client, for the command verb.
func (o *secretOptions) read(verb string) (err error) {
	if o.client, err = membership.ParseID(o.clientText); err != nil {
		return usageError(fmt.Sprintf("%s needs --client with the ID of a client, a UUID, not %q", verb, o.clientText))
	}
	return nil
}

func (p *program) secretCreateCommand() *cobra.Command {
	var o secretOptions
	var expires string
	var end time.Time
	cmd := createCommand(p, &o.administrationOptions, creation[withSecret[auth.ClientSecret]]{
		use:    "create --tenant ID --client ID",
		short:  "Create one more secret, beside the others",
		action: "create the secret",
		check: func(now time.Time) (err error) {
			if err = o.read("create"); err == nil {
				end, err = readExpires(expires, now)
			}
			return err
		},
		create: func(
			ctx context.Context, _ *cobra.Command, a administration,
		) (n withSecret[auth.ClientSecret], err error) {
			n.thing, n.secret, err = a.clients.CreateSecret(ctx, a.call, membership.ID{}, o.client, end)
			return n, err
		},
		encode: func(b []byte, n withSecret[auth.ClientSecret]) []byte {
			return api.AppendNewSecret(b, n.thing, n.secret)
		},
		show: func(w io.Writer, n withSecret[auth.ClientSecret]) {
			shownOnce(w, "secret")
			printFields(w, [][2]string{
				{"secret id", n.thing.ID.String()}, {"expires", timeOr(n.thing.ExpiresAt, "")},
				{"client_secret", n.secret},
			})
		},
	})
	cmd.Flags().StringVar(&o.clientText, "client", "", "the client's `ID` (required)")
	cmd.Flags().StringVar(&expires, "expires", "",
		"`WHEN` it ends: a time, or a number of days such as 365d, at most three years (default: two years)")
	return cmd
}

func (p *program) secretRevokeCommand() *cobra.Command {
	var o secretOptions
	var endTokens bool
	cmd := p.endCommand(&o.administrationOptions, new(membership.ID), ending{
		use:   "revoke --tenant ID --client ID SECRET_ID",
		short: "End a secret for good",
		long: "End a secret for good. Access tokens that were got with it work until their own end,\n" +
			"unless it was the last secret that worked, or with --end-access-tokens.",
		verb: "revoke", past: "revoked", thing: "secret", suggest: []string{"delete", "remove"},
		check: func(time.Time) error { return o.read("revoke") },
		end: func(ctx context.Context, a administration, id membership.ID) error {
			return a.clients.RevokeSecret(ctx, a.call, membership.ID{}, o.client, id, endTokens)
		},
	})
	cmd.Flags().StringVar(&o.clientText, "client", "", "the client's `ID` (required)")
	cmd.Flags().BoolVar(&endTokens, "end-access-tokens", false,
		"end all access tokens of the client as well: for a secret that leaked")
	return cmd
}
