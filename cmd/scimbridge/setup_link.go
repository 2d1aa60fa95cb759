package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/server"
)

func (p *program) setupLinkCommand() *cobra.Command {
	return group("setup-link", "Create, list and revoke links by which a customer sets up a connection",
		"Create, list and revoke set-up links. One is sent to the administrator of the\n"+
			"customer's identity provider: it opens a page of the console about one connection,\n"+
			"where they make its token and see its requests come in, and nothing else.",
		p.setupLinkCreateCommand(), p.setupLinkListCommand(), p.setupLinkRevokeCommand())
}

// newSetupLink is a link with its address, which is shown once.
type newSetupLink struct {
	auth.SetupLink
	url string
}

func (p *program) setupLinkCreateCommand() *cobra.Command {
	var o administrationOptions
	var connection, lifetime string
	var abilities []string
	var spec auth.SetupSpec
	cmd := &cobra.Command{
		Use:   "create --tenant ID --connection ID",
		Short: "Create a set-up link for a connection",
		Long: "Create a set-up link for a connection, and print its address once. Send it to the\n" +
			"person who sets up the identity provider. It ends when they say that they are done,\n" +
			"when it is revoked, and after --expires-in at the latest.",
		Args: noArguments,
		PreRunE: func(*cobra.Command, []string) (err error) {
			spec, err = readSetupSpec(connection, lifetime, abilities)
			return err
		},
		RunE: p.administerWith(&o, func(ctx context.Context, s settings, a administration) error {
			if !s.Console {
				a.setupLinks.WithoutPage()
			}
			l, text, err := a.setupLinks.Create(ctx, a.call, spec)
			if err != nil {
				return fmt.Errorf("cannot create the set-up link: %w", err)
			}
			n := newSetupLink{l, auth.SetupURL(server.PublicURL(s.Config, s.Listen), text)}
			return p.print(o.asJSON, api.AppendNewSetupLink(nil, n.SetupLink, n.url), func(w io.Writer) {
				shownOnce(w, "link")
				printFields(w, [][2]string{
					{"id", l.ID.String()}, {"expires", timeOr(l.ExpiresAt, "")},
					{"may", abilityList(l)}, {"url", n.url},
				})
			})
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&connection, "connection", "", "the connection's `ID` (required)")
	flags.StringVar(&lifetime, "expires-in", "7d", "the `SPAN` for which it works, such as 12h or 7d; at most 30d")
	flags.StringSliceVar(&abilities, "ability", nil,
		"what its holder may do besides seeing what to enter: an `ABILITY`, requests (see what comes in), token or "+
			"client (make those); repeatable; \"\" for none (default: all)")
	o.flags(flags, true)
	return cmd
}

func readSetupSpec(connection, lifetime string, abilities []string) (s auth.SetupSpec, err error) {
	if s.Connection, err = membership.ParseID(connection); err != nil || s.Connection.IsZero() {
		return s, usageError(fmt.Sprintf("create needs --connection with the ID of a connection, a UUID, not %q",
			connection))
	}
	if s.Lifetime, err = parseSpan(lifetime); err != nil || s.Lifetime < auth.MinSetupLifetime ||
		s.Lifetime > auth.MaxSetupLifetime {
		return s, usageError(fmt.Sprintf("--expires-in must be a span from 1m to 30d, not %q", lifetime))
	}
	if abilities == nil {
		return s, nil
	}
	s.Abilities = []auth.Ability{}
	for _, a := range abilities {
		if a == "" {
			continue
		}
		if !slices.Contains(auth.Abilities, auth.Ability(a)) {
			return s, usageError(fmt.Sprintf("--ability must be some of %v, not %q", auth.Abilities, a))
		}
		s.Abilities = append(s.Abilities, auth.Ability(a))
	}
	return s, nil
}

func (p *program) setupLinkListCommand() *cobra.Command {
	var connection string
	cmd := listCommand(p, new(administrationOptions), listing[auth.SetupLink]{
		use:   "list --tenant ID",
		short: "List the set-up links of a tenant: those that are open, and the newest that have ended",
		read: func(ctx context.Context, a administration) (ls []auth.SetupLink, err error) {
			var of membership.ID
			if connection != "" {
				if of, err = membership.ParseID(connection); err != nil {
					return nil, usageError(fmt.Sprintf("--connection must be a UUID, not %q", connection))
				}
			}
			return a.setupLinks.List(ctx, a.call, of)
		},
		encode: api.AppendSetupLink,
		show: table("ID\tCONNECTION\tMAY\tSTATE\tEXPIRES\tLAST USED", func(l auth.SetupLink) []string {
			return []string{
				l.ID.String(), l.Connection.String(), abilityList(l), string(l.State(time.Now())),
				timeOr(l.ExpiresAt, ""), timeOr(l.LastUsedAt, "never"),
			}
		}),
	})
	cmd.Flags().StringVar(&connection, "connection", "", "only those of the connection with this `ID`")
	return cmd
}

func abilityList(l auth.SetupLink) string {
	words := make([]string, len(l.Abilities))
	for i, a := range l.Abilities {
		words[i] = string(a)
	}
	return strings.Join(words, ",")
}

func (p *program) setupLinkRevokeCommand() *cobra.Command {
	return p.endCommand(new(administrationOptions), new(membership.ID), ending{
		use:   "revoke --tenant ID SETUP_LINK_ID",
		short: "End a set-up link for good; what was made by it stays",
		verb:  "revoke", past: "revoked", thing: "set-up link", suggest: []string{"delete", "remove"},
		end: func(ctx context.Context, a administration, id membership.ID) error {
			return a.setupLinks.Revoke(ctx, a.call, membership.ID{}, id)
		},
	})
}
