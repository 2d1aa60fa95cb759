package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) connectionUpdateCommand() *cobra.Command {
	var o administrationOptions
	var id membership.ID
	var name, idp, kind string
	var link bool
	var change membership.ConnectionChange
	cmd := &cobra.Command{
		Use:   "update --tenant ID CONNECTION_ID [flags]",
		Short: "Change the settings of a connection",
		Long: "Change the settings of a connection; those that are left out stay. The kind counts\n" +
			"for groups that it makes from now on.",
		Args: oneID(&id),
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			for flag, set := range map[string]func(){
				"name":                func() { change.Name = &name },
				"idp":                 func() { change.IDP = &idp },
				"link-existing-users": func() { change.LinkExistingUsers = &link },
				"group-kind":          func() { k := membership.GroupKind(kind); change.GroupKind = &k },
			} {
				if cmd.Flags().Changed(flag) {
					set()
				}
			}
			if change == (membership.ConnectionChange{}) {
				return usageError("update needs a setting to change, such as --name NAME")
			}
			return nil
		},
		RunE: p.changeConnection(&o, &id, &change, "change"),
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "the connection's `NAME`")
	flags.StringVar(&idp, "idp", "", "the identity `PROVIDER`: "+strings.Join(membership.IDPs, ", "))
	flags.BoolVar(&link, "link-existing-users", true, "let it take up users of the tenant who have the userName that "+
		"it sends")
	flags.StringVar(&kind, "group-kind", "", "the `KIND` of the groups that it makes: custom or enterprise")
	o.flags(flags, true)
	return cmd
}

func (p *program) connectionPauseCommand() *cobra.Command {
	return p.pauseCommand("pause", true, "Pause a connection: its provider is told to try again later",
		"Pause a connection. Every request of its provider is answered 503, with a time to\n"+
			"wait; whoever it put into a group stays there.")
}

func (p *program) connectionResumeCommand() *cobra.Command {
	return p.pauseCommand("resume", false, "Let a paused connection go on",
		"Let a paused connection go on. What its provider did not get through is its own to\n"+
			"send again.")
}

func (p *program) pauseCommand(verb string, paused bool, short, long string) *cobra.Command {
	var o administrationOptions
	var id membership.ID
	cmd := &cobra.Command{
		Use: verb + " --tenant ID CONNECTION_ID", Short: short, Long: long,
		Args: oneID(&id),
		RunE: p.changeConnection(&o, &id, &membership.ConnectionChange{Paused: &paused}, verb),
	}
	o.flags(cmd.Flags(), true)
	return cmd
}

func (p *program) changeConnection(
	o *administrationOptions, id *membership.ID, change *membership.ConnectionChange, verb string,
) func(*cobra.Command, []string) error {
	return p.administer(o, func(ctx context.Context, a administration) error {
		c, err := a.connections.Change(ctx, a.call, *id, *change)
		if err != nil {
			return fmt.Errorf("cannot %s the connection: %w", verb, err)
		}
		return p.printConnection(o.asJSON, c)
	})
}

func (p *program) printConnection(asJSON bool, c membership.Connection) error {
	return p.print(asJSON, api.AppendConnection(nil, c), func(w io.Writer) { showConnection(w, c) })
}

func showConnection(w io.Writer, c membership.Connection) {
	printFields(w, [][2]string{
		{"connection", c.ID.String()}, {"name", c.Name}, {"provider", c.IDP}, {"state", string(c.State())},
		{"links existing users", strconv.FormatBool(c.LinkExistingUsers)}, {"kind of its groups", string(c.GroupKind)},
		{"created", timeOr(c.CreatedAt, "")},
	})
}
