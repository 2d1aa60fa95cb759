package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/membership"
)

// linkOptions are the flags of the commands about links of groups.
type linkOptions struct {
	administrationOptions
	connection, group string
	yes               bool

	connectionID, groupID membership.ID
}

func (o *linkOptions) linkFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.connection, "connection", "", "the connection's `ID` (required)")
	cmd.Flags().StringVar(&o.group, "group", "", "the group's `ID` (required)")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do it")
	o.flags(cmd.Flags(), true)
}

func (o *linkOptions) parse() error {
	if err := parse(&o.connectionID, "connection", o.connection); err != nil {
		return err
	}
	return parse(&o.groupID, "group", o.group)
}

func (p *program) connectionLinkCommand() *cobra.Command {
	var o linkOptions
	var externalID string
	cmd := &cobra.Command{
		Use:   "link --tenant ID --connection ID --group ID [--yes]",
		Short: "Make a group visible to a connection; without --yes, show what that would mean",
		Long: "Make a group visible to a connection, without members: it adds its own, and can take\n" +
			"nobody else away. The link itself gives nobody a membership and ends none.\n" +
			"Without --yes it prints who could gain and who stays, and does nothing.",
		Args:    noArguments,
		PreRunE: func(*cobra.Command, []string) error { return o.parse() },
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			if !o.yes {
				n, err := a.directory.PreviewGroupLink(ctx, a.call, o.groupID, o.connectionID, externalID)
				if err != nil {
					return fmt.Errorf("cannot link the group: %w", err)
				}
				return p.printLinkPreview(o.asJSON, n)
			}
			l, err := a.directory.LinkGroup(ctx, a.call, o.groupID, o.connectionID, externalID)
			if err != nil {
				return fmt.Errorf("cannot link the group: %w", err)
			}
			return p.print(o.asJSON, api.AppendGroupLink(nil, l), func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "The connection %s sees the group %s as %q.\n", l.Connection, l.Group,
					l.DisplayName)
			})
		}),
	}
	cmd.Flags().StringVar(&externalID, "external-id", "",
		"the `ID` under which the provider looks for the group, where it does")
	o.linkFlags(cmd)
	return cmd
}

func (p *program) printLinkPreview(asJSON bool, n membership.LinkPreview) error {
	return p.print(asJSON, api.AppendLinkPreview(nil, n), func(w io.Writer) {
		printFields(w, [][2]string{
			{"members, who all stay", strconv.Itoa(n.Members)},
			{"of them with a local grant", strconv.Itoa(n.Local)},
			{"of them by other connections", strconv.Itoa(n.OtherConnections)},
			{"of them not provisioned by this one", strconv.Itoa(n.Unseen)},
			{"users whom it could add", strconv.Itoa(n.CouldGain)},
		})
		_, _ = fmt.Fprint(w, "\nNothing was done: --yes does it.\n")
	})
}

func (p *program) connectionUnlinkCommand() *cobra.Command {
	var o linkOptions
	var how string
	cmd := &cobra.Command{
		Use:   "unlink --tenant ID --connection ID --group ID --members release|convert [--yes]",
		Short: "End the link of a connection to a group; without --yes, show what that would do",
		Long: "End the link of a connection to a group. What it granted there is closed (release),\n" +
			"or made local (convert). The group stays for the others; one that came from a\n" +
			"provider, with nobody and nothing left in it, is deleted.\n" +
			"Without --yes it prints what would be done, and does nothing.",
		Args: noArguments,
		PreRunE: func(*cobra.Command, []string) error {
			if h := membership.Removal(how); h != membership.RemovalRelease && h != membership.RemovalConvert {
				return usageError(fmt.Sprintf("unlink needs --members with release or convert, not %q", how))
			}
			return o.parse()
		},
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			if !o.yes {
				n, err := a.directory.PreviewGroupUnlink(ctx, a.call, o.groupID, o.connectionID,
					membership.Removal(how))
				if err != nil {
					return fmt.Errorf("cannot end the link: %w", err)
				}
				return p.printUnlinkPreview(o.asJSON, membership.Removal(how), n)
			}
			if err := a.directory.UnlinkGroup(ctx, a.call, o.groupID, o.connectionID,
				membership.Removal(how)); err != nil {
				return fmt.Errorf("cannot end the link: %w", err)
			}
			if o.asJSON {
				return p.printJSON(map[string]membership.ID{"unlinked": o.groupID})
			}
			_, err := fmt.Fprintf(p.stdout, "The group %s is unlinked (%s).\n", o.groupID, how)
			return err
		}),
	}
	cmd.Flags().StringVar(&how, "members", "", "`WHAT` becomes of the members that it granted: release or convert "+
		"(required)")
	o.linkFlags(cmd)
	return cmd
}

func (p *program) printUnlinkPreview(asJSON bool, how membership.Removal, n membership.UnlinkPreview) error {
	return p.print(asJSON, api.AppendUnlinkPreview(nil, how, n), func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "With --members %s:\n\n", how)
		deleted := "no"
		if n.GroupDeleted {
			deleted = "yes"
		}
		printFields(w, [][2]string{
			{"grants that it has open", strconv.Itoa(n.Grants)},
			{"memberships that end", strconv.Itoa(n.MembershipsEnded)},
			{"local grants that open", strconv.Itoa(n.LocalGrantsOpened)},
			{"of them that end", strconv.Itoa(n.LocalGrantsEnding)}, {"the group is deleted", deleted},
		})
		_, _ = fmt.Fprint(w, "\nNothing was done: --yes does it.\n")
	})
}
