package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) connectionRemoveCommand() *cobra.Command {
	var o administrationOptions
	var id membership.ID
	var how string
	var yes bool
	cmd := &cobra.Command{
		SuggestFor: []string{"delete", "revoke"},
		Use:        "remove --tenant ID CONNECTION_ID --members release|convert|freeze [--yes]",
		Short:      "Remove a connection; without --yes, show what that would do",
		Long: "Remove a connection. Its credentials end first; then what it granted is closed\n" +
			"(release), made local (convert), or left as it is for nobody to change (freeze). A\n" +
			"frozen connection can be removed again with release or convert. No user is deleted.\n" +
			"Without --yes it prints what would be done, and does nothing.",
		Args: oneID(&id),
		PreRunE: func(*cobra.Command, []string) error {
			if membership.Removal(how).Check() != nil {
				return usageError(fmt.Sprintf("remove needs --members with release, convert or freeze, not %q", how))
			}
			return nil
		},
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			n, err := a.connections.PreviewRemoval(ctx, a.call, id, membership.Removal(how))
			if err != nil {
				return fmt.Errorf("cannot remove the connection: %w", err)
			}
			if !yes {
				return p.printRemoval(o.asJSON, membership.Removal(how), n)
			}
			if err := a.connections.Remove(ctx, a.call, id, membership.Removal(how)); err != nil {
				return fmt.Errorf("cannot remove the connection: %w", err)
			}
			if o.asJSON {
				return p.printJSON(map[string]membership.ID{"removed": id})
			}
			_, err = fmt.Fprintf(p.stdout, "The connection %s is removed (%s).\n", id, how)
			return err
		}),
	}
	cmd.Flags().StringVar(&how, "members", "", "`WHAT` becomes of the members that it granted: release, convert or "+
		"freeze (required)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	o.flags(cmd.Flags(), true)
	return cmd
}

func (p *program) printRemoval(asJSON bool, how membership.Removal, n auth.Removal) error {
	return p.print(asJSON, api.AppendRemoval(nil, how, n), func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "With --members %s:\n\n", how)
		var fields [][2]string
		for _, f := range []struct {
			name string
			n    int
		}{
			{"users that it provisions", n.Users}, {"groups that it provisions", n.Groups},
			{"grants that it has open", n.Grants},
			{"credentials that end", n.Credentials}, {"memberships that end", n.MembershipsEnded},
			{"local grants that open", n.LocalGrantsOpened}, {"of them that end", n.LocalGrantsEnding},
			{"users left without groups", n.UsersLeftWithoutGroups},
			{"users who become inactive", n.UsersDeactivated}, {"users without a provider", n.UsersWithoutProvider},
			{"groups that are deleted", n.GroupsDeleted},
		} {
			fields = append(fields, [2]string{f.name, strconv.Itoa(f.n)})
		}
		printFields(w, fields)
		_, _ = fmt.Fprint(w, "\nNothing was done: --yes does it.\n")
	})
}
