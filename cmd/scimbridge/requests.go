package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	// followEvery is how often --follow looks for what is new, followOverlap how late a
	// request may come into the log and still be shown.
	followEvery   = 2 * time.Second
	followOverlap = 30 * time.Second
)

func (p *program) requestsCommand() *cobra.Command {
	var o administrationOptions
	var q membership.RequestQuery
	var outcome string
	var follow bool
	cmd := &cobra.Command{
		Use:   "requests --tenant ID",
		Short: "Show what identity providers sent, and what was answered",
		Long: "Show the requests of a tenant's identity providers, the oldest of the last ones first,\n" +
			"with what became of each and why. Values of personal data are not kept.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		PreRunE: func(*cobra.Command, []string) error {
			if q.Outcome = membership.RequestOutcome(outcome); outcome != "" && !q.Outcome.Known() {
				return usageError(fmt.Sprintf("--outcome must be one of %v", membership.RequestOutcomes))
			}
			if q.Limit < 1 || q.Limit > 1000 {
				return usageError("--limit must be a number from 1 to 1000")
			}
			return nil
		},
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			shown, from := map[membership.ID]time.Time{}, q.From
			var first membership.ID // those before were not asked for
			for {
				page, dropped, err := a.directory.Requests(ctx, a.call, q)
				if ctx.Err() != nil && follow {
					return nil
				}
				if err != nil {
					return err
				}
				if o.asJSON && !follow {
					return p.printJSON(json.RawMessage(api.AppendRequestPage(nil, page, dropped)))
				}
				if err := p.printRequests(page.Requests, first, shown, o.asJSON); err != nil || !follow {
					return err
				}
				if first.IsZero() && page.More {
					first = page.Last
				}
				if q.From, q.Limit = nextFrom(shown), 1000; q.From.Before(from) {
					q.From = from
				}
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(followEvery):
				}
			}
		}),
	}
	f := cmd.Flags()
	f.Var(timeFlag{&q.From}, "from", "only requests at this time or after it")
	f.Var(timeFlag{&q.To}, "to", "only requests before this time")
	f.StringVar(&outcome, "outcome", "", "only requests of this `OUTCOME`, such as refused")
	f.IntVar(&q.Status, "status", 0, "only requests that were answered with this `STATUS`")
	f.StringVar(&q.ScimType, "scim-type", "",
		"only requests that were answered with this `SCIMTYPE`, such as invalidValue")
	f.StringVar(&q.Operation, "operation", "", "only requests of this `OPERATION`, such as \"PATCH /Groups/{id}\"")
	f.StringVar(&q.UserName, "user-name", "", "only requests that have this userName: `TEXT`")
	f.StringVar(&q.ExternalID, "external-id", "", "only requests that have this externalId: `TEXT`")
	f.StringVar(&q.RequestID, "request-id", "", "only requests with this `ID` (X-Request-Id)")
	f.IntVar(&q.Limit, "limit", 100, "the last `NUMBER` of them")
	f.BoolVar(&follow, "follow", false, "go on and show new ones as they come; --json: one object a line")
	concerning(f, &q.User, &q.Group, &q.Connection)
	o.flags(f, false)
	cmd.AddCommand(p.captureCommand())
	return cmd
}

// printRequests prints those that were not shown yet, the oldest first; none from before
// first.
func (p *program) printRequests(
	rs []membership.Request, first membership.ID, shown map[membership.ID]time.Time, asJSON bool,
) error {
	out := bufio.NewWriter(p.stdout)
	for _, r := range slices.Backward(rs) {
		if _, known := shown[r.ID]; known || r.ID.Compare(first) < 0 {
			continue
		}
		shown[r.ID] = r.At
		if asJSON {
			_, _ = fmt.Fprintf(out, "%s\n", api.AppendRequest(nil, r, true)) // its error comes with the flush
		} else {
			_, _ = fmt.Fprintln(out, requestLine(r))
		}
	}
	return out.Flush()
}

// nextFrom is where to look for new requests, and forgets those from before.
func nextFrom(shown map[membership.ID]time.Time) (from time.Time) {
	for _, at := range shown {
		if at.After(from) {
			from = at
		}
	}
	if from.IsZero() {
		return from
	}
	from = from.Add(-followOverlap)
	for id, at := range shown {
		if at.Before(from) {
			delete(shown, id)
		}
	}
	return from
}

// requestLine is a request for people, and for grep.
func requestLine(r membership.Request) string {
	parts := []string{membership.Timestamp(r.At), fmt.Sprint(r.Status), string(r.Outcome), r.Method + " " + r.Path}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	add("query", r.Query)
	add("type", r.ScimType)
	add("why", r.Why)
	if r.Detail != r.Why {
		add("detail", r.Detail)
	}
	add("ignored", strings.Join(r.Ignored, ","))
	if len(r.Numbers) > 0 {
		add("events", strings.Trim(fmt.Sprint(r.Numbers), "[]"))
	}
	if more := len(r.Events) - len(r.Numbers); more > 0 { // they have no number yet
		add("more_events", fmt.Sprint(more))
	}
	if !r.Connection.IsZero() {
		add("connection", r.Connection.String())
	}
	if r.Count > 1 {
		add("times", fmt.Sprint(r.Count))
	}
	if r.Captured != membership.NotCaptured {
		add("captured", r.ID.String())
	}
	add("request", r.RequestID)
	return strings.Join(parts, "  ")
}
