package api

import (
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) problemRoutes() []route {
	return []route{
		{http.MethodGet, "/v1/requests/problems", d.private(d.listProblems, "connection_id", "from", "to")},
		{http.MethodGet, "/v1/users/{id}/explain", d.private(d.explainUser, "from", "to")},
		{http.MethodGet, "/v1/groups/{id}/explain", d.private(d.explainGroup, "from", "to")},
	}
}

// period reads from and to.
func (q query) period() (from, to time.Time, err error) {
	if from, err = q.time("from"); err == nil {
		to, err = q.time("to")
	}
	return from, to, err
}

func (d *door) listProblems(w http.ResponseWriter, r request) error {
	connection, err := r.query.id("connection_id")
	if err != nil {
		return err
	}
	from, to, err := r.query.period()
	if err != nil {
		return err
	}
	problems, complete, err := d.Directory.Problems(r.Context(), r.call, connection, from, to)
	if err != nil {
		return err
	}
	b := appendList([]byte(`{"data":`), problems, appendProblem)
	return send(w, http.StatusOK, append(appendBoolField(append(b, ','), "complete", complete), '}'))
}

func appendProblem(b []byte, p membership.Problem) []byte {
	b = append(b, '{')
	if !p.Connection.IsZero() {
		b = append(appendIDField(b, "connection_id", p.Connection), ',')
	}
	b = appendField(b, "operation", p.Operation)
	for _, f := range [][2]string{
		{"scim_type", p.ScimType}, {"why", p.Why}, {"detail", p.Detail}, {"outcome", string(p.Outcome)},
		{"remedy", p.Remedy.Remedy}, {"at_provider", p.Remedy.AtProvider},
	} {
		if f[1] != "" {
			b = appendField(append(b, ','), f[0], f[1])
		}
	}
	b = appendNumberField(append(b, ','), "status", int64(p.Status))
	b = appendNumberField(append(b, ','), "count", p.Count)
	b = appendTimeField(append(b, ','), "first_seen", p.First)
	b = appendTimeField(append(b, ','), "last_seen", p.Last)
	return append(appendIDField(append(b, ','), "last_request_id", p.LastID), '}')
}

func (d *door) explainUser(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "user")
	if err != nil {
		return err
	}
	return d.explain(w, r, "user", membership.ID{}, id)
}

func (d *door) explainGroup(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	return d.explain(w, r, "group", id, membership.ID{})
}

func (d *door) explain(w http.ResponseWriter, r request, what string, group, user membership.ID) error {
	if group.IsZero() && user.IsZero() { // to the domain that means everything
		return membership.NotFound(what)
	}
	from, to, err := r.query.period()
	if err != nil {
		return err
	}
	x, err := d.Directory.Explain(r.Context(), r.call, group, user, from, to)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendExplanation(nil, x))
}

func appendExplanation(b []byte, x membership.Explanation) []byte {
	b = append(b, '{')
	if x.User != nil {
		b = append(appendUser(appendName(b, "user"), *x.User), ',')
		b = append(appendList(appendName(b, "groups"), x.Memberships, appendMembership), ',')
	}
	if x.Group != nil {
		b = append(appendGroup(appendName(b, "group"), *x.Group), ',')
	}
	b = appendList(appendName(b, "data"), x.Moments, func(b []byte, m membership.Moment) []byte {
		b = append(appendTimeField(append(b, '{'), "at", m.At), ',')
		if m.Request != nil {
			return append(AppendRequest(appendName(b, "request"), *m.Request, false), '}')
		}
		return append(AppendEvent(appendName(b, "event"), *m.Event, membership.Names{}), '}')
	})
	return append(appendBoolField(append(b, ','), "complete", x.Complete), '}')
}

// appendHealth appends how a connection does to its object.
func appendHealth(b []byte, h membership.Health) []byte {
	b = appendName(append(b[:len(b)-1], ','), "health")
	b = appendField(append(b, '{'), "state", string(h.State))
	b = appendTimeUnlessZero(b, "last_request_at", h.LastRequestAt)
	b = appendTimeUnlessZero(b, "last_change_at", h.LastChangeAt)
	b = appendTimeUnlessZero(b, "last_error_at", h.LastErrorAt)
	if h.LastError != "" {
		b = appendField(append(b, ','), "last_error", h.LastError)
	}
	b = appendNumberField(append(b, ','), "requests_today", h.Requests)
	b = appendNumberField(append(b, ','), "errors_today", h.Errors)
	return append(b, '}', '}')
}
