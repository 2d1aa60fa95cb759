package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) captureCommand() *cobra.Command {
	return group("capture", "Keep the whole bodies of a connection's requests for some hours",
		"Keep the whole bodies of a connection's requests for some hours, encrypted, without secrets.",
		p.captureOpenCommand(), p.captureListCommand(), p.captureCloseCommand(), p.captureShowCommand())
}

func (p *program) captureOpenCommand() *cobra.Command {
	var o connectionOptions
	var connection membership.ID
	var hours int64
	cmd := createCommand(p, &o.administrationOptions, creation[membership.Capture]{
		use:   "open --tenant ID --connection ID --hours NUMBER",
		short: "Open a window in which whole bodies are kept",
		long: "Open a window in which the whole bodies of a connection's requests are kept, or\n" +
			"change the end of the one that is open. That is an event, as each reading of a body\n" +
			"is. Bodies are encrypted with a key outside the database, without secrets, and go\n" +
			"24 hours after the end.",
		action: "open the window",
		check: func(time.Time) error {
			if hours < 1 || hours > membership.MaxCaptureHours {
				return usageError(fmt.Sprintf("--hours must be a number from 1 to %d", membership.MaxCaptureHours))
			}
			return parse(&connection, "connection", o.connection)
		},
		create: func(ctx context.Context, _ *cobra.Command, a administration) (membership.Capture, error) {
			return a.connections.OpenCapture(ctx, a.call, connection, hours)
		},
		encode: api.AppendCapture,
		show: func(w io.Writer, c membership.Capture) {
			printFields(w, [][2]string{{"capture", c.ID.String()}, {"ends", timeOr(c.EndsAt, "")}})
		},
	})
	o.connectionFlag(cmd)
	cmd.Flags().Int64Var(&hours, "hours", 1,
		"how many hours from now it is open: `NUMBER`, at most "+strconv.Itoa(membership.MaxCaptureHours))
	return cmd
}

func (p *program) captureListCommand() *cobra.Command {
	var o connectionOptions
	var connection membership.ID
	cmd := listCommand(p, &o.administrationOptions, listing[membership.Capture]{
		use:   "list --tenant ID --connection ID",
		short: "Show the window of a connection that is open",
		long:  "Show the window of a connection that is open, if there is one.",
		check: func(time.Time) error { return parse(&connection, "connection", o.connection) },
		read: func(ctx context.Context, a administration) ([]membership.Capture, error) {
			return a.directory.Captures(ctx, a.call, connection)
		},
		encode: api.AppendCapture,
		show: table("ID\tOPENED\tENDS\tOPENED BY", func(c membership.Capture) []string {
			return []string{c.ID.String(), timeOr(c.OpenedAt, ""), timeOr(c.EndsAt, ""), c.OpenedBy}
		}),
	})
	o.connectionFlag(cmd)
	return cmd
}

func (p *program) captureCloseCommand() *cobra.Command {
	var o connectionOptions
	var connection, id membership.ID
	cmd := p.endCommand(&o.administrationOptions, &id, ending{
		use:   "close --tenant ID --connection ID ID",
		short: "Close a window before its time",
		long: "Close the last window of a connection before its time, and remove every body that was\n" +
			"captured of the connection. It can be repeated.",
		verb: "close", past: "closed", thing: "capture",
		check: func(time.Time) error { return parse(&connection, "connection", o.connection) },
		end: func(ctx context.Context, a administration, id membership.ID) error {
			return a.connections.CloseCapture(ctx, a.call, connection, id)
		},
	})
	o.connectionFlag(cmd)
	return cmd
}

func (p *program) captureShowCommand() *cobra.Command {
	var o administrationOptions
	var flag string
	var id membership.ID
	cmd := &cobra.Command{
		Use:   "show --tenant ID --request ID",
		Short: "Show the captured body of a request",
		Long:  "Show the body of a request as it was captured. That it was read is an event.",
		Args:  noArguments,
		PreRunE: func(*cobra.Command, []string) error {
			return parse(&id, "request", flag)
		},
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			body, err := a.directory.RequestBody(ctx, a.call, id)
			if err != nil {
				return cannot("show the body", err)
			}
			if body.Cut && !o.asJSON {
				_, _ = fmt.Fprintln(p.stderr, "scimbridge: this is not all that was sent")
			}
			return p.print(o.asJSON, api.AppendCapturedBody(nil, body), func(w io.Writer) {
				_, _ = fmt.Fprintln(w, body.Text)
			})
		}),
	}
	cmd.Flags().StringVar(&flag, "request", "", "the request's `ID` in the log: scimbridge requests --json (required)")
	o.flags(cmd.Flags(), true)
	return cmd
}
