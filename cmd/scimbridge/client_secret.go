package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
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

func (o *secretOptions) read(cmd *cobra.Command) (err error) {
	if o.client, err = membership.ParseID(o.clientText); err != nil {
		return usageError(fmt.Sprintf("%s needs --client with the ID of a client, a UUID, not %q", cmd.Name(), o.clientText))
	}
	return nil
}

func (p *program) secretCreateCommand() *cobra.Command {
	var o secretOptions
	var expires string
	var end time.Time
	cmd := &cobra.Command{
		Use:   "create --tenant ID --client ID",
		Short: "Create one more secret, beside the others",
		Args:  noArguments,
		PreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err = o.read(cmd); err == nil {
				end, err = readExpires(expires, time.Now())
			}
			return err
		},
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			s, text, err := a.clients.CreateSecret(ctx, a.call, membership.ID{}, o.client, end)
			if err != nil {
				return fmt.Errorf("cannot create the secret: %w", err)
			}
			return p.print(o.asJSON, api.AppendNewSecret(nil, s, text), func(w io.Writer) {
				_, _ = fmt.Fprint(w, "Keep the secret: it is shown this once.\n\n")
				printFields(w, [][2]string{{"secret id", s.ID.String()}, {"expires", timeOr(s.ExpiresAt, "")},
					{"client_secret", text}})
			})
		}),
	}
	cmd.Flags().StringVar(&o.clientText, "client", "", "the client's `ID` (required)")
	cmd.Flags().StringVar(&expires, "expires", "", "`WHEN` it ends: a time, or a number of days such as 365d, at most "+
		"three years (default: two years)")
	o.flags(cmd.Flags(), true)
	return cmd
}

func (p *program) secretRevokeCommand() *cobra.Command {
	var o secretOptions
	var id membership.ID
	var endTokens bool
	cmd := &cobra.Command{
		SuggestFor: []string{"delete", "remove"},
		Use:        "revoke --tenant ID --client ID SECRET_ID",
		Short:      "End a secret for good",
		Long: "End a secret for good. Access tokens that were got with it work until their own end,\n" +
			"unless it was the last secret that worked, or with --end-access-tokens.",
		Args:    oneID(&id),
		PreRunE: func(cmd *cobra.Command, _ []string) error { return o.read(cmd) },
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			if err := a.clients.RevokeSecret(ctx, a.call, membership.ID{}, o.client, id, endTokens); err != nil {
				return fmt.Errorf("cannot revoke the secret: %w", err)
			}
			if o.asJSON {
				return p.printJSON(map[string]membership.ID{"revoked": id})
			}
			_, err := fmt.Fprintf(p.stdout, "The secret %s is revoked.\n", id)
			return err
		}),
	}
	cmd.Flags().StringVar(&o.clientText, "client", "", "the client's `ID` (required)")
	cmd.Flags().BoolVar(&endTokens, "end-access-tokens", false,
		"end all access tokens of the client as well: for a secret that leaked")
	o.flags(cmd.Flags(), true)
	return cmd
}
