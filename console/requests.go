package console

import (
	"net/http"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const requestsPath = Prefix + "/requests"

func (d *door) requestRoutes() []route {
	const one = "/requests/{id}"
	return []route{
		d.get("/requests", d.requests, "connection", "outcome", "status", "user_name", "group", "request_id", "from",
			"to", "external_id", "user", "operation", "scim_type", "cursor"),
		d.get("/requests/problems", d.problems, "connection", "from", "to"),
		d.get(one, d.request),
		d.post(one+"/dry-run", d.tryRequest),
		d.post(one+"/body", d.requestBody),
	}
}

type requestsView struct {
	Form        *form
	Requests    []membership.Request
	Connections connectionList
	Pages       pager
	Asked       bool  // for some of them
	More        bool  // filters that are seldom used are asked for
	Dropped     int64 // were not kept
	Off         string
}

// Outcomes are those that a request can have.
func (requestsView) Outcomes() []membership.RequestOutcome { return membership.RequestOutcomes[:] }

func (d *door) requests(w http.ResponseWriter, r *request) error {
	if err := d.Directory.MayReadRequests(r.Context(), r.call); err != nil {
		return err
	}
	v := requestsView{Form: newForm(r.query)}
	for name, value := range r.query {
		v.Asked = v.Asked || name != "cursor" && value != ""
	}
	for _, name := range []string{"external_id", "user", "operation", "scim_type"} {
		v.More = v.More || r.query[name] != ""
	}
	var err error
	if v.Connections, err = d.connectionNames(r); err != nil {
		return err
	}
	status := http.StatusOK
	q, err := d.requestQuery(r, v.Form)
	if err == nil && v.Form.OK() {
		err = d.listRequests(r, q, &v)
	}
	if refused, taken := v.Form.refused(err, ""); taken || !v.Form.OK() {
		err, status = nil, max(refused, http.StatusBadRequest)
	}
	if err != nil {
		return err
	}
	return d.show(w, r, view{template: "requests", title: "Requests", section: requestsPath, status: status, data: v})
}

func (d *door) listRequests(r *request, q membership.RequestQuery, v *requestsView) error {
	p, dropped, err := d.Directory.Requests(r.Context(), r.call, q)
	if membership.KindOf(err) == membership.KindNotFound { // none are kept
		v.Off = sentence(err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	v.Requests, v.Dropped = p.Requests, dropped
	if p.More {
		v.Pages = r.pages(p.Last)
	} else {
		v.Pages = r.pages(membership.ID{})
	}
	return nil
}

// requestQuery reads the filters. What is wrong with one is noted in the form.
func (d *door) requestQuery(r *request, f *form) (q membership.RequestQuery, err error) {
	q.Limit = pageSize
	if q.Before, err = r.query.after(); err != nil {
		return q, err
	}
	noted := func(field string, err error) {
		if err != nil {
			f.fail(field, err.Error())
		}
	}
	q.Connection, err = r.query.id("connection")
	noted("connection", err)
	q.User, err = r.query.id("user")
	noted("user", err)
	q.From, err = r.query.time("from")
	noted("from", err)
	q.To, err = r.query.time("to")
	noted("to", err)
	q.Outcome, err = oneOf(r.query, "outcome", membership.RequestOutcomes[:]...)
	noted("outcome", err)
	if s := r.query["status"]; s != "" {
		if q.Status, err = strconv.Atoi(s); err != nil || q.Status < 100 || q.Status > 599 {
			f.fail("status", "the status is a number from 100 to 599")
		}
	}
	q.ScimType, q.Operation, q.RequestID = r.query["scim_type"], r.query["operation"], r.query["request_id"]
	q.UserName, q.ExternalID = r.query["user_name"], r.query["external_id"]
	q.Group, err = d.groupCalled(r, f, "group")
	return q, err
}

// groupCalled finds the group that a field names, or whose id it is.
func (d *door) groupCalled(r *request, f *form, field string) (membership.ID, error) {
	name := r.query[field]
	if id, err := membership.ParseID(name); name == "" || err == nil {
		return id, nil
	}
	gs, err := d.Directory.Groups(r.Context(), r.call, membership.NativeQuery{Name: name, Limit: 2})
	switch {
	case err != nil:
		return membership.ID{}, err
	case len(gs) == 0:
		f.fail(field, "no group is called so: write the whole name, or the id that requests have")
		return membership.ID{}, nil
	case len(gs) > 1:
		f.fail(field, "more than one group is called so: write the id")
		return membership.ID{}, nil
	}
	return gs[0].ID, nil
}

// connectionList is what connections are called, and those to choose from.
type connectionList struct {
	All   []membership.Connection
	Known bool // All are all of them, else an id has to be written
}

// maxConnections bounds the connections to choose from.
const maxConnections = 200

// connectionNames lists those of the tenant for who may see them.
func (d *door) connectionNames(r *request) (l connectionList, err error) {
	why, err := d.why(r, membership.OpAdminister, membership.ID{}, membership.ID{})
	if err != nil || why != "" {
		return l, err
	}
	l.All, err = d.Directory.Connections(r.Context(), r.call, membership.ID{}, maxConnections+1, true)
	l.Known = len(l.All) <= maxConnections
	return l, err
}

// Of returns the connection with an id, or one that has no name.
func (l connectionList) Of(id membership.ID) membership.Connection {
	for _, c := range l.All {
		if c.ID == id {
			return c
		}
	}
	return membership.Connection{ID: id}
}

// asField writes a time as a field for date and time has it.
func asField(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }
