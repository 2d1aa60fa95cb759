package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) requestRoutes() []route {
	return []route{
		{http.MethodGet, "/v1/requests",
			d.private(d.listRequests, "limit", "cursor", "from", "to", "connection_id", "outcome",
				"status", "scim_type", "operation", "user_id", "user_name", "external_id", "group_id", "request_id")},
		{http.MethodGet, "/v1/requests/{id}", d.private(d.getRequest)},
	}
}

func (d *door) listRequests(w http.ResponseWriter, r request) error {
	q, err := r.query.requests()
	if err != nil {
		return err
	}
	p, dropped, err := d.Directory.Requests(r.Context(), r.call, q)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendRequestPage(nil, p, dropped))
}

func (d *door) getRequest(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "request")
	if err != nil {
		return err
	}
	one, err := d.Directory.Request(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendRequest(nil, one, true))
}

func (q query) requests() (rq membership.RequestQuery, err error) {
	f := &rq.RequestFilter
	if f.Before, f.Limit, err = q.page(); err != nil {
		return rq, err
	}
	for name, to := range map[string]*time.Time{"from": &f.From, "to": &f.To} {
		if *to, err = q.time(name); err != nil {
			return rq, err
		}
	}
	for name, to := range map[string]*membership.ID{
		"connection_id": &f.Connection, "user_id": &f.User, "group_id": &f.Group,
	} {
		if *to, err = q.id(name); err != nil {
			return rq, err
		}
	}
	if s, given := q["status"]; given {
		if f.Status, err = strconv.Atoi(s); err != nil || f.Status < 100 || f.Status > 599 {
			return rq, membership.Invalidf("status must be a number from 100 to 599")
		}
	}
	if f.Outcome = membership.RequestOutcome(q["outcome"]); f.Outcome != "" && !f.Outcome.Known() {
		return rq, membership.Invalidf("outcome must be one of %v", membership.RequestOutcomes)
	}
	f.ScimType, f.Operation, f.RequestID = q["scim_type"], q["operation"], q["request_id"]
	rq.UserName, rq.ExternalID = q["user_name"], q["external_id"]
	return rq, nil
}

// AppendRequestPage appends a page of the request log as JSON.
func AppendRequestPage(b []byte, p membership.RequestPage, dropped int64) []byte {
	b = append(b, `{"data":[`...)
	for i, r := range p.Requests {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendRequest(b, r, false)
	}
	b = append(b, ']')
	if p.More {
		b = append(appendCursor(append(b, `,"next_cursor":"`...), p.Last), '"')
	}
	return append(appendNumberField(append(b, ','), "dropped", dropped), '}')
}

// AppendRequest appends a request of the log as JSON; whole: with its body and the
// operations of a Bulk.
func AppendRequest(b []byte, r membership.Request, whole bool) []byte {
	b = appendIDField(append(b, '{'), "id", r.ID)
	text := func(name, s string) {
		if s != "" {
			b = appendField(append(b, ','), name, s)
		}
	}
	id := func(name string, id membership.ID) {
		if !id.IsZero() {
			b = appendIDField(append(b, ','), name, id)
		}
	}
	number := func(name string, n int64) { b = appendNumberField(append(b, ','), name, n) }
	text("request_id", r.RequestID)
	b = appendTimeField(append(b, ','), "at", r.At)
	id("connection_id", r.Connection)
	id("credential_id", r.Credential)
	text("credential_hint", r.Hint)
	text("method", r.Method)
	text("operation", r.Operation)
	text("path", r.Path)
	text("query", r.Query)
	number("status", int64(r.Status))
	text("scim_type", r.ScimType)
	text("detail", r.Detail)
	text("outcome", string(r.Outcome))
	text("why", r.Why)
	b = appendList(appendName(append(b, ','), "ignored"), r.Ignored, appendString)
	b = appendEventNumbers(append(b, ','), r.Events, r.Numbers)
	b = appendMillisecondsField(append(b, ','), "duration_ms", r.Duration)
	number("bytes_in", r.BytesIn)
	number("bytes_out", r.BytesOut)
	text("client", r.Client)
	text("user_agent", r.UserAgent)
	number("count", int64(max(r.Count, 1)))
	if whole {
		b = appendRequestRest(b, r)
	}
	return append(b, '}')
}

func appendRequestRest(b []byte, r membership.Request) []byte {
	ids := func(name string, ids []membership.ID) {
		b = appendList(appendName(append(b, ','), name), ids, func(b []byte, id membership.ID) []byte {
			return appendString(b, id.String())
		})
	}
	ids("user_ids", r.Users)
	ids("group_ids", r.Groups)
	if r.Body != "" {
		b = appendField(append(b, ','), "body", r.Body)
	}
	if r.Captured != membership.NotCaptured {
		b = appendField(append(b, ','), "captured", string(r.Captured))
	}
	if len(r.Operations) == 0 {
		return b
	}
	return appendList(appendName(append(b, ','), "operations"), r.Operations,
		func(b []byte, o membership.RequestOperation) []byte {
			b = append(appendOperation(append(b, '{'), o), ',')
			return append(appendEventNumbers(b, o.Events, o.Numbers), '}')
		})
}

// appendOperation appends the fields of an operation of a Bulk, without its events.
func appendOperation(b []byte, o membership.RequestOperation) []byte {
	b = appendField(b, "method", o.Method)
	b = appendField(append(b, ','), "path", o.Path)
	b = appendNumberField(append(b, ','), "status", int64(o.Status))
	for _, f := range [][2]string{
		{"scim_type", o.ScimType}, {"detail", o.Detail}, {"outcome", string(o.Outcome)}, {"why", o.Why},
	} {
		if f[1] != "" {
			b = appendField(append(b, ','), f[0], f[1])
		}
	}
	return b
}

// appendEventNumbers appends the numbers of events, and how many have none here: no
// list of events is shorter than it should be without a word.
func appendEventNumbers(b []byte, events []membership.ID, numbers []int64) []byte {
	b = appendList(appendName(b, "events"), numbers, appendNumber)
	if more := len(events) - len(numbers); more > 0 {
		b = appendNumberField(append(b, ','), "more_events", int64(more))
	}
	return b
}

func appendNumber(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
