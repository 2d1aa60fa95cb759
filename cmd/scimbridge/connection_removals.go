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
	connectionOptions
	group, allowance, life string
}

// connectionOptions are those of commands about what a connection has.
type connectionOptions struct {
	administrationOptions
	connection string
}

func (o *connectionOptions) connectionFlag(cmd *cobra.Command) {
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
	cmd := createCommand(p, &o.administrationOptions, creation[membership.RemovalAllowance]{
		use:   "allow-removals --tenant ID --connection ID",
		short: "Let one request pass the removal guard",
		long: "Let the next request of a connection pass that the removal guard would hold, because\n" +
			"it removes many members at once. It passes once: a request that the guard does not\n" +
			"hold leaves the allowance, the first that it would hold uses it up.",
		action: "allow the removal",
		check: func(time.Time) (err error) {
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
		create: func(ctx context.Context, _ *cobra.Command, a administration) (membership.RemovalAllowance, error) {
			return a.directory.AllowRemovals(ctx, a.call, connection, spec)
		},
		encode: api.AppendRemovalAllowance,
		show: func(w io.Writer, allowed membership.RemovalAllowance) {
			printFields(w, [][2]string{
				{"allowance", allowed.ID.String()}, {"group", groupOr(allowed)},
				{"expires", timeOr(allowed.ExpiresAt, "")},
			})
		},
	})
	o.connectionFlag(cmd)
	cmd.Flags().StringVar(&o.group, "group", "", "only a request on the group with this `ID` (default: on any)")
	cmd.Flags().StringVar(&o.life, "expires-in", "24h", "the `SPAN` for which it waits for the request; at most 7d")
	return cmd
}

func (p *program) removalAllowancesCommand() *cobra.Command {
	var o removalOptions
	var connection membership.ID
	cmd := listCommand(p, &o.administrationOptions, listing[membership.RemovalAllowance]{
		use:   "removal-allowances --tenant ID --connection ID",
		short: "List what may pass the removal guard",
		long:  "List the removal allowances of a connection that are neither used nor expired.",
		check: func(time.Time) error { return parse(&connection, "connection", o.connection) },
		read: func(ctx context.Context, a administration) ([]membership.RemovalAllowance, error) {
			return a.directory.RemovalAllowances(ctx, a.call, connection)
		},
		encode: api.AppendRemovalAllowance,
		show: table("ID\tGROUP\tEXPIRES\tALLOWED BY", func(a membership.RemovalAllowance) []string {
			return []string{a.ID.String(), groupOr(a), timeOr(a.ExpiresAt, ""), a.AllowedBy}
		}),
	})
	o.connectionFlag(cmd)
	return cmd
}

func (p *program) withdrawRemovalsCommand() *cobra.Command {
	var o removalOptions
	var connection, id membership.ID
	cmd := p.endCommand(&o.administrationOptions, &id, ending{
		use:   "withdraw-removals --tenant ID --connection ID --allowance ID",
		short: "Take a removal allowance back that was not used",
		verb:  "withdraw", past: "withdrawn", thing: "allowance", byFlag: true,
		check: func(time.Time) error {
			if err := parse(&connection, "connection", o.connection); err != nil {
				return err
			}
			return parse(&id, "allowance", o.allowance)
		},
		end: func(ctx context.Context, a administration, id membership.ID) error {
			return a.directory.WithdrawRemovals(ctx, a.call, connection, id)
		},
	})
	o.connectionFlag(cmd)
	cmd.Flags().StringVar(&o.allowance, "allowance", "", "the allowance's `ID` (required)")
	return cmd
}

func groupOr(a membership.RemovalAllowance) string {
	if a.Group.IsZero() {
		return "any"
	}
	return a.Group.String()
}
