package console

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const auditPath = Prefix + "/audit"

func (d *door) auditRoutes() []route {
	return slices.Concat([]route{
		d.get("/audit", d.events, "action", "actor", "user", "group", "connection", "from", "to", "cursor"),
		d.get("/audit/events/{number}", d.event),
	}, d.registerRoutes(), d.exceptionRoutes(), d.proofRoutes())
}

type eventsView struct {
	Form    *form
	Actions []actionGroup
	Events  []eventRow // the newest first
	Pages   pager
	Asked   bool // for some of them
}

// actionGroup are the actions of one kind of object.
type actionGroup struct {
	Object  string
	Actions []membership.Action
}

// actionGroups are all actions, by what they are done to.
func actionGroups() (groups []actionGroup) {
	sorted := slices.Sorted(slices.Values(membership.Actions))
	for _, a := range sorted {
		object, _, _ := strings.Cut(string(a), ".")
		object = sentence(strings.ReplaceAll(object, "_", " "))
		object = strings.TrimSuffix(object, ".")
		if n := len(groups); n == 0 || groups[n-1].Object != object {
			groups = append(groups, actionGroup{Object: object})
		}
		last := &groups[len(groups)-1]
		last.Actions = append(last.Actions, a)
	}
	return groups
}

func (d *door) events(w http.ResponseWriter, r *request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	v := eventsView{Form: newForm(r.query), Actions: actionGroups()}
	for name := range r.query {
		v.Asked = v.Asked || name != "cursor"
	}
	f, err := d.eventFilter(r, v.Form)
	if err != nil {
		return err
	}
	below := int64(0)
	if s := r.query["cursor"]; s != "" {
		if below, err = strconv.ParseInt(s, 10, 64); err != nil || below < 1 {
			return membership.Invalidf("cursor is none that this console gave out")
		}
	}
	status := http.StatusBadRequest
	if v.Form.OK() {
		p, err := newestEvents(r.Context(), d.Directory, r.call, f, below)
		if err != nil {
			return err
		}
		status, v.Events = http.StatusOK, p.events
		next := ""
		if p.more > 0 {
			next = strconv.FormatInt(p.more, 10)
		}
		v.Pages = r.pagesAt(next)
	}
	return d.show(w, r, view{template: "audit", title: "Audit", section: auditPath, status: status, data: v})
}

// eventFilter reads the filters of the page. What is wrong with them is noted in the form.
func (d *door) eventFilter(r *request, f *form) (ef membership.EventFilter, err error) {
	ef.Action = membership.Action(r.query["action"])
	if ef.Action != "" && !slices.Contains(membership.Actions, ef.Action) {
		f.fail("action", "no event has this action: choose one")
	}
	for _, t := range []struct {
		name string
		to   *time.Time
	}{{"from", &ef.From}, {"to", &ef.To}} {
		if *t.to, err = r.query.time(t.name); err != nil {
			f.fail(t.name, err.Error())
		}
	}
	if s := r.query["actor"]; s != "" {
		kind, id, ok := strings.Cut(s, ":")
		if !ok || kind == "" || id == "" {
			f.fail("actor", "an actor is written as kind:id, such as user:ID: follow the name of one in the list")
		}
		ef.Actor = membership.Actor{Kind: membership.ActorKind(kind), ID: id}
	}
	return ef, d.found(r, f, &ef.User, &ef.Group, &ef.Connection)
}

type eventView struct {
	eventRow
	Before, After string // JSON, one field a line
	Previous      int64  // the number of the event before; 0: there is none
	Next          int64
}

func (d *door) event(w http.ResponseWriter, r *request) error {
	e, next, err := d.oneEvent(r, false)
	if err != nil {
		return err
	}
	v := eventView{
		eventRow: e, Before: indented(e.Before), After: indented(e.After), Previous: e.Number - 1, Next: next,
	}
	title := "Event " + strconv.FormatInt(e.Number, 10)
	return d.show(w, r, view{template: "event", title: title, section: auditPath, data: v})
}

// oneEvent reads the event that the path names, with the number of the next; 0: there is
// none yet.
func (d *door) oneEvent(r *request, stored bool) (e eventRow, next int64, err error) {
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil || number < 1 {
		return e, 0, cmp.Or(d.Directory.MayReadAudit(r.Context(), r.call), membership.NotFound("event"))
	}
	p, err := d.Directory.NumberedEvents(r.Context(), r.call, membership.EventFilter{
		Cursor: membership.EventCursor{Number: number - 1}, Limit: 2, Stored: stored, MemberNames: true,
	})
	switch {
	case membership.KindOf(err) == membership.KindInvalid: // ahead of the log
		return e, 0, membership.NotFound("event")
	case err != nil:
		return e, 0, err
	case len(p.Events) == 0 || p.Events[0].Number != number:
		return e, 0, membership.NotFound("event")
	}
	if len(p.Events) > 1 {
		next = p.Events[1].Number
	}
	return eventRow{p.Events[0], p.Names}, next, nil
}

func indented(text []byte) string {
	var b bytes.Buffer
	if len(text) == 0 || json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}

// UserName is what a user of the event is called.
func (e eventRow) UserName(id membership.ID) string { return cmp.Or(e.Names.Users[id], shortID(id)) }

// GroupName is the same of its group.
func (e eventRow) GroupName() string { return cmp.Or(e.Names.Groups[e.Group], shortID(e.Group)) }

// ConnectionName is the same of its connection.
func (e eventRow) ConnectionName() string {
	return cmp.Or(e.Names.Connections[e.Connection], shortID(e.Connection))
}

// CredentialName is what acted, with its name if it has one.
func (e eventRow) CredentialName() string {
	c := e.Credential
	kind := strings.ReplaceAll(string(c.Kind), "_", " ")
	if name := e.Names.Tokens[c.ID]; c.Kind == membership.CredentialToken && name != "" {
		return kind + " " + name
	}
	if issuer := e.Names.Issuers[c.Owner]; c.Kind == membership.CredentialJWT && issuer != "" {
		return kind + " of " + issuer + ", subject " + c.Subject
	}
	return kind
}

// Provided reports whether a request of a provider caused the event, which is kept for
// some days.
func (e eventRow) Provided() bool {
	return e.Source == membership.SourceSCIM && e.RequestID != "" && !e.Connection.IsZero()
}

// SaltText is the salt of a text, as the API writes it.
func (eventRow) SaltText(t membership.DisclosedText) string { return hex.EncodeToString(t.Salt) }
