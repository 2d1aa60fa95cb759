package console

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) overviewRoutes() []route {
	return []route{d.get("", d.overview)}
}

// How much the overview looks at.
const (
	overviewConnections = 50
	overviewExceptions  = 100 // of a kind
	overviewTokens      = 1000
	overviewHeld        = 10
	overviewEnding      = 10
	heldFor             = 7 * 24 * time.Hour
	expiringWithin      = 30 * 24 * time.Hour
)

// overviewView has what the caller may see; a nil part is one that they may not.
type overviewView struct {
	Connections *connectionsPart
	Held        *heldPart
	Exceptions  *exceptionsPart
	Expiring    *expiringPart
	Ending      *endingPart
	Webhooks    *webhooksPart
	Log         *proofView
	Missing     []string // why parts are not there

	head int64 // the number of the last event; 0: it is not known
}

type connectionsPart struct {
	List []connectionRow
	More bool
}

type connectionRow struct {
	membership.Connection
	Health *membership.Health // nil: requests are not kept
}

type heldPart struct{ List []heldRow }

type eventRow struct {
	membership.Event
	Names membership.Names
}

type exceptionsPart struct {
	Counts []exceptionCount
	Total  int
}

type exceptionCount struct {
	Kind membership.ExceptionKind
	N    int
	More bool // there are more than are counted
}

type expiringPart struct {
	List []expiringRow // the next first
	More bool          // there are more than are looked at
}

// expiringRow is a token, or a secret of an OAuth client.
type expiringRow struct {
	Path, Name, Kind string
	Ends             time.Time
}

// endingPart are local memberships of whose end notice was given, and that is still to come.
type endingPart struct {
	List []endingRow // the newest notice first
	More bool        // there are more than are shown
}

type endingRow struct {
	eventRow
	Ends time.Time
}

type webhooksPart struct {
	All, Disabled, Failing int
	FailingFrom            time.Time // the earliest
	Behind                 int64     // events that the slowest has still to be told of; -1: not known
}

func (d *door) overview(w http.ResponseWriter, r *request) error {
	var v overviewView
	parts := []struct {
		op   membership.Operation
		what string
		fill func(*request, *overviewView) error
	}{
		{membership.OpAdminister, "connections and tokens", d.overviewConnections},
		{membership.OpReadAudit, "exceptions, held removals, memberships that end soon and the log", d.overviewAudit},
		{membership.OpAdministerWebhooks, "webhooks", d.overviewWebhooks},
	}
	for _, p := range parts {
		err := d.Directory.May(r.Context(), r.call, p.op, membership.ID{}, membership.ID{})
		if membership.KindOf(err) == membership.KindForbidden {
			v.Missing = append(v.Missing, sentence("not shown: "+p.what+" ("+err.Error()+")"))
			continue
		}
		if err == nil {
			err = p.fill(r, &v)
		}
		if err != nil {
			return err
		}
	}
	return d.show(w, r, view{template: "overview", title: "Overview", section: Prefix, data: v})
}

func (d *door) overviewConnections(r *request, v *overviewView) error {
	cs, err := d.Directory.Connections(r.Context(), r.call, membership.ID{}, overviewConnections+1, false)
	if err != nil {
		return err
	}
	part := &connectionsPart{More: len(cs) > overviewConnections}
	cs = cs[:min(len(cs), overviewConnections)]
	health, err := d.Directory.Health(r.Context(), r.call, cs)
	if err != nil {
		return err
	}
	for i, c := range cs {
		row := connectionRow{Connection: c}
		if health != nil {
			row.Health = &health[i]
		}
		part.List = append(part.List, row)
	}
	v.Connections = part

	v.Expiring, err = d.expiring(r)
	return err
}

// expiring are the tokens and the secrets of clients that end soon.
func (d *door) expiring(r *request) (*expiringPart, error) {
	ts, err := d.Tokens.List(r.Context(), r.call, membership.ID{}, overviewTokens+1)
	if err != nil {
		return nil, err
	}
	cs, err := d.Clients.List(r.Context(), r.call, membership.ID{}, membership.ID{}, overviewTokens+1)
	if err != nil {
		return nil, err
	}
	part := &expiringPart{More: len(ts) > overviewTokens || len(cs) > overviewTokens}
	now := time.Now()
	add := func(path, name, kind string, ends time.Time) {
		if ends.After(now) && ends.Before(now.Add(expiringWithin)) {
			part.List = append(part.List, expiringRow{path, name, kind, ends})
		}
	}
	for _, t := range ts {
		add("/console/access/tokens/"+t.ID.String(), t.Name, "token, "+string(t.Kind), t.ExpiresAt)
	}
	for _, c := range cs {
		for _, secret := range c.Secrets {
			add("/console/access/clients/"+c.ID.String(), "OAuth client", "secret", secret.ExpiresAt)
		}
	}
	slices.SortFunc(part.List, func(a, b expiringRow) int { return a.Ends.Compare(b.Ends) })
	return part, nil
}

func (d *door) overviewAudit(r *request, v *overviewView) error {
	counts, err := d.exceptionCounts(r)
	if err != nil {
		return err
	}
	v.Exceptions = &exceptionsPart{}
	for _, c := range counts {
		if c.N > 0 {
			v.Exceptions.Total += c.N
			v.Exceptions.Counts = append(v.Exceptions.Counts, c)
		}
	}
	held, _, err := d.held(r, membership.ID{}, membership.ID{})
	if err != nil {
		return err
	}
	v.Held = &heldPart{List: held[:min(len(held), overviewHeld)]}
	if v.Ending, err = d.ending(r); err != nil {
		return err
	}
	// No event is of later, but the page says where the log ends.
	later, err := d.Directory.NumberedEvents(r.Context(), r.call,
		membership.EventFilter{From: time.Now().Add(time.Hour), Limit: 1})
	if err != nil {
		return err
	}
	v.head = later.Follow.Number
	log, err := d.sealed(r)
	v.Log = &log
	return err
}

// ending are the grants of whose end an event has given notice, as long before as it does.
func (d *door) ending(r *request) (*endingPart, error) {
	now := time.Now()
	notices, err := newestEvents(r.Context(), d.Directory, r.call, membership.EventFilter{
		Action: membership.ActionGrantExpiring, From: now.Add(-membership.NoticeBeforeEnd),
	}, 0)
	if err != nil {
		return nil, err
	}
	part := &endingPart{More: notices.more > 0}
	for _, e := range notices.events {
		var after struct {
			ExpiresAt time.Time `json:"expires_at"`
		}
		if err := json.Unmarshal(e.After, &after); err != nil {
			return nil, err
		}
		if !after.ExpiresAt.After(now) {
			continue
		}
		if len(part.List) == overviewEnding {
			part.More = true
			break
		}
		if ends, err := d.stillEnds(r, e.Event, after.ExpiresAt); err != nil {
			return nil, err
		} else if ends {
			part.List = append(part.List, endingRow{e, after.ExpiresAt})
		}
	}
	return part, nil
}

// stillEnds reports whether one of the first members of a notice has this end: it may have
// got another since, or be over. It has where the caller may not see who is in the group.
func (d *door) stillEnds(r *request, notice membership.Event, ends time.Time) (bool, error) {
	users := []membership.ID{notice.User}
	if notice.User.IsZero() {
		users = nil
		for _, m := range notice.Members[:min(len(notice.Members), overviewEnding)] {
			users = append(users, m.User)
		}
	}
	for _, user := range users {
		m, err := d.Directory.Member(r.Context(), r.call, notice.Group, user)
		switch membership.KindOf(err) {
		case membership.KindNotFound:
			continue
		case membership.KindForbidden:
			return true, nil
		}
		if err != nil || slices.ContainsFunc(m.Sources, func(s membership.MemberSource) bool {
			return s.Grant.Source() == membership.SourceLocal && s.Grant.ExpiresAt.Equal(ends)
		}) {
			return true, err
		}
	}
	return false, nil
}

func (d *door) overviewWebhooks(r *request, v *overviewView) error {
	ws, err := d.Directory.Webhooks(r.Context(), r.call)
	if err != nil {
		return err
	}
	v.Webhooks = &webhooksPart{All: len(ws), Behind: -1}
	for _, w := range ws {
		if w.State == membership.WebhookDisabled {
			v.Webhooks.Disabled++
			continue
		}
		if v.head > 0 {
			v.Webhooks.Behind = max(v.Webhooks.Behind, v.head-w.Position, 0)
		}
		if w.FailingFrom.IsZero() {
			continue
		}
		v.Webhooks.Failing++
		if v.Webhooks.FailingFrom.IsZero() || w.FailingFrom.Before(v.Webhooks.FailingFrom) {
			v.Webhooks.FailingFrom = w.FailingFrom
		}
	}
	return nil
}

// Count is how many there are, with a plus where that is not all.
func (c exceptionCount) Count() string {
	if c.More {
		return strconv.Itoa(c.N) + "+"
	}
	return strconv.Itoa(c.N)
}
