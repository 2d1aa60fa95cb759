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

// removalOptions are the flags of the commands about removal allowances.
type removalOptions struct {
	administrationOptions
	connection, group, allowance, life string
}

func (o *removalOptions) connectionFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.connection, "connection", "", "the connection's `ID` (required)")
}

// parse reads an id that a flag gave.
func parse(id *membership.ID, flag, value string) (err error) {
	if value == "" {
		return usageError("--" + flag + " ID is required")
	}
	if *id, err = membership.ParseID(value); err != nil {
		return usageError(fmt.Sprintf("--%s must be a UUID, not %q", flag, value))
	}
	return nil
}

func (p *program) allowRemovalsCommand() *cobra.Command {
	var o removalOptions
	var connection membership.ID
	var spec membership.RemovalAllowanceSpec
	cmd := &cobra.Command{
		Use:   "allow-removals --tenant ID --connection ID",
		Short: "Let one request pass the removal guard",
		Long: "Let the next request of a connection pass that the removal guard would hold, because\n" +
			"it removes many members at once. It passes once: a request that the guard does not\n" +
			"hold leaves the allowance, the first that it would hold uses it up.",
		Args: noArguments,
		PreRunE: func(*cobra.Command, []string) (err error) {
			if err := parse(&connection, "connection", o.connection); err != nil {
				return err
			}
			if o.group != "" {
				if err := parse(&spec.Group, "group", o.group); err != nil {
					return err
				}
				if spec.Group.IsZero() { // to the domain that means any
					return usageError("--group must be the ID of a group")
				}
			}
			spec.Life, err = parseSpan(o.life)
			if err != nil || spec.Life < time.Second || spec.Life > membership.MaxAllowanceLife {
				return usageError(fmt.Sprintf("--expires-in must be a span from 1s to 7d, such as 12h, not %q", o.life))
			}
			return nil
		},
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			allowed, err := a.directory.AllowRemovals(ctx, a.call, connection, spec)
			if err != nil {
				return fmt.Errorf("cannot allow the removal: %w", err)
			}
			return p.print(o.asJSON, api.AppendRemovalAllowance(nil, allowed), func(w io.Writer) {
				printFields(w, [][2]string{
					{"allowance", allowed.ID.String()}, {"group", groupOr(allowed)}, {"expires", timeOr(allowed.ExpiresAt, "")},
				})
			})
		}),
	}
	o.connectionFlag(cmd)
	cmd.Flags().StringVar(&o.group, "group", "", "only a request on the group with this `ID` (default: on any)")
	cmd.Flags().StringVar(&o.life, "expires-in", "24h", "the `SPAN` for which it waits for the request; at most 7d")
	o.flags(cmd.Flags(), true)
	return cmd
}

func (p *program) removalAllowancesCommand() *cobra.Command {
	var o removalOptions
	var connection membership.ID
	cmd := &cobra.Command{
		Use:     "removal-allowances --tenant ID --connection ID",
		Short:   "List what may pass the removal guard",
		Long:    "List the removal allowances of a connection that are neither used nor expired.",
		Args:    noArguments,
		PreRunE: func(*cobra.Command, []string) error { return parse(&connection, "connection", o.connection) },
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			all, err := a.directory.RemovalAllowances(ctx, a.call, connection)
			if err != nil {
				return err
			}
			return printList(p, o.asJSON, all, api.AppendRemovalAllowance, "ID\tGROUP\tEXPIRES\tALLOWED BY",
				func(a membership.RemovalAllowance) []string {
					return []string{a.ID.String(), groupOr(a), timeOr(a.ExpiresAt, ""), a.AllowedBy}
				})
		}),
	}
	o.connectionFlag(cmd)
	o.flags(cmd.Flags(), false)
	return cmd
}

func (p *program) withdrawRemovalsCommand() *cobra.Command {
	var o removalOptions
	var connection, id membership.ID
	cmd := &cobra.Command{
		Use:   "withdraw-removals --tenant ID --connection ID --allowance ID",
		Short: "Take a removal allowance back that was not used",
		Args:  noArguments,
		PreRunE: func(*cobra.Command, []string) error {
			if err := parse(&connection, "connection", o.connection); err != nil {
				return err
			}
			return parse(&id, "allowance", o.allowance)
		},
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			if err := a.directory.WithdrawRemovals(ctx, a.call, connection, id); err != nil {
				return fmt.Errorf("cannot withdraw the allowance: %w", err)
			}
			if o.asJSON {
				return p.printJSON(map[string]membership.ID{"withdrawn": id})
			}
			_, err := fmt.Fprintf(p.stdout, "The allowance %s is withdrawn.\n", id)
			return err
		}),
	}
	o.connectionFlag(cmd)
	cmd.Flags().StringVar(&o.allowance, "allowance", "", "the allowance's `ID` (required)")
	o.flags(cmd.Flags(), true)
	return cmd
}

func groupOr(a membership.RemovalAllowance) string {
	if a.Group.IsZero() {
		return "any"
	}
	return a.Group.String()
}
