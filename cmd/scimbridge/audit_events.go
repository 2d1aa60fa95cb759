package main

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) auditEventsCommand() *cobra.Command {
	var o administrationOptions
	var f membership.EventFilter
	var actor, action, cursor string
	cmd := &cobra.Command{
		Use:   "events --tenant ID",
		Short: "Show what happened in a tenant",
		Long: "Show the events of a tenant in the order of their numbers. What is printed last is\n" +
			"a cursor: with it, the same command shows what was not shown yet, each event once.",
		Args: noArguments,
		PreRunE: func(*cobra.Command, []string) (err error) {
			if actor != "" {
				if f.Actor, err = api.ParseActor(actor); err != nil {
					return usageError("--" + err.Error())
				}
			}
			if cursor != "" {
				if f.Cursor, err = api.ParseEventCursor(cursor); err != nil {
					return usageError("--cursor is none that scimbridge gave out")
				}
			}
			if f.Action = membership.Action(action); action != "" && !slices.Contains(membership.Actions, f.Action) {
				return usageError(fmt.Sprintf("--action: events have no action %q", action))
			}
			return nil
		},
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			out := bufio.NewWriter(p.stdout)
			follow, err := printEvents(out, o.asJSON, func(at membership.EventCursor) (membership.EventPage, error) {
				if at != (membership.EventCursor{}) {
					f.Cursor = at
				}
				f.Limit = 1000
				return a.directory.NumberedEvents(ctx, a.call, f)
			})
			if err != nil {
				return err
			}
			if o.asJSON {
				_, _ = fmt.Fprintf(out, "\n],\"follow_cursor\":%q}\n", follow)
			}
			if err := out.Flush(); err != nil {
				return err
			}
			if !o.asJSON {
				_, err = fmt.Fprintf(p.stderr, "scimbridge: to go on: --cursor %s\n", follow)
			}
			return err
		}),
	}
	flags := cmd.Flags()
	flags.Var(timeFlag{&f.From}, "from", "only events at this time or after it")
	flags.Var(timeFlag{&f.To}, "to", "only events before this time")
	flags.StringVar(&actor, "actor", "", "only what this `ACTOR` did: kind:id, as in granted_by")
	flags.StringVar(&action, "action", "", "only events of this `ACTION`, such as grant.opened")
	flags.StringVar(&cursor, "cursor", "", "go on behind this `CURSOR`")
	concerning(flags, &f.User, &f.Group, &f.Connection)
	o.flags(flags, false)
	return cmd
}

// printEvents prints page after page, and returns where to go on.
func printEvents(
	out *bufio.Writer, asJSON bool, read func(membership.EventCursor) (membership.EventPage, error),
) (follow string, err error) {
	if asJSON {
		_, _ = out.WriteString(`{"data":[`) // its error comes with the flush
	}
	var at membership.EventCursor
	first := true
	for {
		page, err := read(at)
		if err != nil {
			return "", err
		}
		for _, e := range page.Events {
			if asJSON {
				if !first {
					_ = out.WriteByte(',')
				}
				_, _ = out.Write(api.AppendEvent([]byte{'\n'}, e, page.Names))
			} else {
				_, _ = fmt.Fprintln(out, eventLine(e, page.Names))
			}
			first = false
		}
		if page.Next == nil {
			return api.EventCursorText(page.Follow), nil
		}
		at = *page.Next
	}
}

// eventLine is an event for people, and for grep.
func eventLine(e membership.Event, names membership.Names) string {
	called := func(what, name string) string {
		if name == "" {
			return what
		}
		return what + fmt.Sprintf(" %q", name)
	}
	parts := []string{
		fmt.Sprint(e.Number), membership.Timestamp(e.At), string(e.Action),
		called("by "+e.Actor.String(), names.Actor(e)),
	}
	if c := e.Credential; c.Kind != "" {
		parts = append(parts, "with "+c.String())
	}
	if !e.Group.IsZero() {
		parts = append(parts, called("group "+e.Group.String(), names.Groups[e.Group]))
	}
	if !e.User.IsZero() {
		parts = append(parts, called("user "+e.User.String(), names.Users[e.User]))
	}
	if n := len(e.Members); n > 1 {
		parts = append(parts, fmt.Sprint(n, " members"))
	}
	if e.RequestID != "" {
		parts = append(parts, "request "+e.RequestID)
	}
	if e.Reason != "" {
		parts = append(parts, fmt.Sprintf("reason %q", e.Reason))
	}
	return strings.Join(parts, "  ")
}
