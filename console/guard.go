package console

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const guardPath = Prefix + "/guard"

func (d *door) guardRoutes() []route {
	const one = "/guard/{id}"
	return []route{
		d.get("/guard", d.guard),
		d.get(one+"/allow", d.allowanceForm, "group"),
		d.post(one+"/preview", d.previewRemovals, "group"),
		d.post(one+"/allow", d.allowRemovals, "group", "hours", "reason", "typed_name"),
		d.post(one+"/allowances/{allowance_id}/withdraw", d.withdrawRemovals),
	}
}

// guardView has what the caller may see: what is held, and what is allowed.
type guardView struct {
	Held         []heldRow // those that came last first
	NoHeld       string    // why they are not shown; empty: they are
	Since        time.Time // from when on
	Allowances   []allowanceRow
	NoAllowances string
	Connections  []membership.Connection // that something can be allowed
	More         bool                    // connections, which are not looked at
}

// heldRow is what the guard holds of one connection in one group.
type heldRow struct {
	Last     eventRow
	Attempts int
	heldFacts
	Waiting bool      // an allowance, for it to pass
	Passed  time.Time // since then one was let pass; zero: none
}

// heldFacts are the numbers of an event of a held removal.
type heldFacts struct {
	Closing int    `json:"would_close"`
	Before  int    `json:"closed_lately"`
	Of      int    `json:"of"`
	Scope   string `json:"scope"`
	Members int    `json:"limit_members"`
	Percent int    `json:"limit_percent"`
	Count   int    `json:"count"` // of attempts that share the event
}

// allowanceRow is an allowance that was not used yet.
type allowanceRow struct {
	membership.RemovalAllowance
	ConnectionName string
	GroupName      string
}

// By is who made it.
func (a allowanceRow) By() string {
	kind, id, _ := strings.Cut(a.AllowedBy, ":")
	return kind + " " + shortID(id)
}

// lets reports whether it lets a removal of a group pass.
func (a allowanceRow) lets(connection, group membership.ID) bool {
	return a.Connection == connection && (a.Group.IsZero() || a.Group == group)
}

func (d *door) guard(w http.ResponseWriter, r *request) error {
	var v guardView
	var err error
	if v.NoAllowances, err = d.why(r, membership.OpAdminister, membership.ID{}, membership.ID{}); err != nil {
		return err
	}
	if v.NoHeld, err = d.why(r, membership.OpReadAudit, membership.ID{}, membership.ID{}); err != nil {
		return err
	}
	if v.NoAllowances == "" {
		if err := d.openAllowances(r, &v); err != nil {
			return err
		}
	} else if v.NoHeld != "" {
		return d.Directory.MayReadAudit(r.Context(), r.call) // there is nothing to show: refused
	}
	if v.NoHeld == "" {
		if v.Held, v.Since, err = d.held(r, membership.ID{}, membership.ID{}); err != nil {
			return err
		}
		for i := range v.Held {
			h := &v.Held[i]
			h.Waiting = slices.ContainsFunc(v.Allowances, func(a allowanceRow) bool {
				return a.lets(h.Last.Connection, h.Last.Group)
			})
		}
	}
	return d.show(w, r, view{template: "guard", title: "Removal guard", section: guardPath, data: v})
}

// openAllowances finds the allowances of the first connections.
func (d *door) openAllowances(r *request, v *guardView) error {
	cs, err := d.Directory.Connections(r.Context(), r.call, membership.ID{}, overviewConnections+1, false)
	if err != nil {
		return err
	}
	v.More = len(cs) > overviewConnections
	v.Connections = cs[:min(len(cs), overviewConnections)]
	for _, c := range v.Connections {
		rows, err := d.allowancesOf(r, c)
		if err != nil {
			return err
		}
		v.Allowances = append(v.Allowances, rows...)
	}
	return nil
}

func (d *door) allowancesOf(r *request, c membership.Connection) (rows []allowanceRow, err error) {
	as, err := d.Directory.RemovalAllowances(r.Context(), r.call, c.ID)
	if err != nil {
		return nil, err
	}
	var groups []membership.ID
	for _, a := range as {
		if !a.Group.IsZero() && !slices.Contains(groups, a.Group) {
			groups = append(groups, a.Group)
		}
	}
	names, err := d.namedGroups(r, groups, len(groups))
	if err != nil {
		return nil, err
	}
	for _, a := range as {
		row := allowanceRow{RemovalAllowance: a, ConnectionName: c.Name}
		if i := slices.Index(groups, a.Group); i >= 0 {
			row.GroupName = names[i].Name
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// heldPeriods are the periods that are looked at, the first of which has no more events
// than maxHeldEvents: events are read from the oldest on, and the newest must be there.
var heldPeriods = []time.Duration{heldFor, 24 * time.Hour, time.Hour}

const (
	heldPage      = 200
	maxHeldEvents = 2000
)

// held finds what the guard holds, and from when on: of all connections and groups, or of
// one in one group.
func (d *door) held(r *request, connection, group membership.ID) (rows []heldRow, since time.Time, err error) {
	var events []eventRow
	for _, period := range heldPeriods {
		since = time.Now().Add(-period)
		f := membership.EventFilter{
			Action: membership.ActionRemovalHeld, Connection: connection, Group: group, From: since, Limit: heldPage,
		}
		var all bool
		if events, all, err = d.eventsUpTo(r, f, maxHeldEvents); err != nil {
			return nil, since, err
		}
		if all {
			break
		}
	}
	for _, e := range events {
		i := slices.IndexFunc(rows, func(h heldRow) bool {
			return h.Last.Connection == e.Connection && h.Last.Group == e.Group
		})
		if i < 0 {
			i, rows = len(rows), append(rows, heldRow{})
		}
		h := &rows[i]
		h.Last, h.heldFacts = e, heldFacts{}
		if err := json.Unmarshal(e.After, &h.heldFacts); err != nil {
			return nil, since, err
		}
		h.Attempts += max(1, h.Count)
	}
	if len(rows) == 0 {
		return nil, since, nil
	}
	slices.SortFunc(rows, func(a, b heldRow) int { return b.Last.At.Compare(a.Last.At) })
	used, _, err := d.eventsUpTo(r, membership.EventFilter{
		Action: membership.ActionAllowanceUsed, Connection: connection, Group: group, From: since, Limit: heldPage,
	}, maxHeldEvents)
	for _, u := range used {
		for i := range rows {
			h := &rows[i]
			if u.Connection == h.Last.Connection && u.Group == h.Last.Group && u.At.After(h.Last.At) {
				h.Passed = u.At
			}
		}
	}
	return rows, since, err
}

// eventsUpTo reads the events of a filter, and says whether these are all.
func (d *door) eventsUpTo(r *request, f membership.EventFilter, most int) (rows []eventRow, all bool, err error) {
	for range 2 * most / f.Limit { // pages can be shorter than asked for
		p, err := d.Directory.NumberedEvents(r.Context(), r.call, f)
		if err != nil {
			return nil, false, err
		}
		for _, e := range p.Events {
			rows = append(rows, eventRow{e, p.Names})
		}
		if p.Next == nil {
			return rows, true, nil
		}
		f.Cursor = *p.Next
	}
	return rows, false, nil
}
