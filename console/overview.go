package console

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/auth"
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
	Tokens []auth.Token
	More   bool // there are more than are looked at
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

	ts, err := d.Tokens.List(r.Context(), r.call, membership.ID{}, overviewTokens+1)
	if err != nil {
		return err
	}
	v.Expiring = &expiringPart{More: len(ts) > overviewTokens}
	now := time.Now()
	for _, t := range ts {
		if !t.ExpiresAt.IsZero() && t.ExpiresAt.After(now) && t.ExpiresAt.Before(now.Add(expiringWithin)) {
			v.Expiring.Tokens = append(v.Expiring.Tokens, t)
		}
	}
	slices.SortFunc(v.Expiring.Tokens, func(a, b auth.Token) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
	return nil
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
		if after.ExpiresAt.After(now) {
			part.List = append(part.List, endingRow{e, after.ExpiresAt})
		}
	}
	if len(part.List) > overviewEnding {
		part.List, part.More = part.List[:overviewEnding], true
	}
	return part, nil
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
