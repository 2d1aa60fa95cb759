package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) connectionCommand() *cobra.Command {
	return group("connection", "Manage the connections of a tenant",
		"Manage the connections of a tenant: each is one identity provider's\n"+
			"provisioning into it, with its own view and its own tokens. A running server\n"+
			"notices a change within a second.",
		p.connectionCreateCommand(), p.connectionListCommand(), p.connectionShowCommand(), p.connectionUpdateCommand(),
		p.connectionPauseCommand(), p.connectionResumeCommand(), p.connectionRemoveCommand(),
		p.connectionLinkCommand(), p.connectionUnlinkCommand(), p.setupLinkCommand(),
		p.allowRemovalsCommand(), p.removalAllowancesCommand(), p.withdrawRemovalsCommand())
}

func (p *program) connectionCreateCommand() *cobra.Command {
	var o administrationOptions
	var spec membership.ConnectionSpec
	var link bool
	var kind string
	cmd := createCommand(p, &o, creation[membership.Connection]{
		use:   "create --tenant ID --name NAME",
		short: "Create a connection",
		long: "Create a connection. Its identity provider needs a token besides:\n" +
			"scimbridge token create --kind scim --connection ID",
		action: "create the connection",
		check: func(time.Time) error {
			if strings.TrimSpace(spec.Name) == "" {
				return usageError("create needs --name NAME")
			}
			if !slices.Contains(membership.IDPs, spec.IDP) {
				return usageError(fmt.Sprintf("--idp must be one of %s, not %q", strings.Join(membership.IDPs, ", "),
					spec.IDP))
			}
			return nil
		},
		create: func(ctx context.Context, _ *cobra.Command, a administration) (membership.Connection, error) {
			spec.LinkExistingUsers, spec.GroupKind = &link, membership.GroupKind(kind)
			return a.directory.CreateConnection(ctx, a.call, spec)
		},
		encode: api.AppendConnection, show: showConnection,
	})
	flags := cmd.Flags()
	flags.StringVar(&spec.Name, "name", "", "the connection's `NAME` (required)")
	flags.StringVar(&spec.IDP, "idp", "generic", "the identity `PROVIDER`: "+strings.Join(membership.IDPs, ", "))
	flags.BoolVar(&link, "link-existing-users", true, "let it take up users of the tenant who have the userName that "+
		"it sends")
	flags.StringVar(&kind, "group-kind", string(membership.GroupCustom),
		"the `KIND` of the groups that it makes: custom or enterprise")
	return cmd
}

func (p *program) connectionShowCommand() *cobra.Command {
	var o administrationOptions
	var id membership.ID
	cmd := &cobra.Command{
		Use:        "show --tenant ID CONNECTION_ID",
		Short:      "Show a connection",
		SuggestFor: []string{"get"},
		Args:       oneID(&id),
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			c, err := a.directory.Connection(ctx, a.call, id)
			if err != nil {
				return err
			}
			return p.printConnection(o.asJSON, c)
		}),
	}
	o.flags(cmd.Flags(), false)
	return cmd
}

func (p *program) connectionListCommand() *cobra.Command {
	var removed bool
	cmd := listCommand(p, new(administrationOptions), listing[membership.Connection]{
		use:   "list --tenant ID",
		short: "List the connections of a tenant",
		read: func(ctx context.Context, a administration) ([]membership.Connection, error) {
			return pages(func(after membership.ID, limit int) ([]membership.Connection, error) {
				return a.directory.Connections(ctx, a.call, after, limit, removed)
			}, func(c membership.Connection) membership.ID { return c.ID })
		},
		encode: api.AppendConnection,
		show: table("ID\tNAME\tPROVIDER\tSTATE\tCREATED", func(c membership.Connection) []string {
			return []string{c.ID.String(), c.Name, c.IDP, string(c.State()), timeOr(c.CreatedAt, "")}
		}),
	})
	cmd.Flags().BoolVar(&removed, "removed", false, "list those that are removed as well")
	return cmd
}
