package console

import (
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) explainRoutes() []route {
	return []route{
		d.get("/groups/{id}/explain", d.explainGroup, "from", "to"),
		d.get("/people/{id}/explain", d.explainPerson, "from", "to"),
	}
}

// explainView tells how a group or a person came to be what they are.
type explainView struct {
	Form       *form
	Name, Path string // of the group or the person
	Person     bool
	Moments    []momentRow // the newest first
	Asked      bool        // for a part of them
	Complete   bool
}

// momentRow is a request or an event.
type momentRow struct {
	At      time.Time
	Request *membership.Request
	Event   *eventRow
	From    membership.Connection // of a request
}

func (d *door) explainGroup(w http.ResponseWriter, r *request) error { return d.explain(w, r, "group") }

func (d *door) explainPerson(w http.ResponseWriter, r *request) error { return d.explain(w, r, "user") }

func (d *door) explain(w http.ResponseWriter, r *request, what string) error {
	id, err := r.pathID("id", what)
	if err != nil {
		return err
	}
	v := explainView{Form: newForm(r.query), Person: what == "user", Name: shortID(id)}
	v.Asked = len(r.query) > 0
	var from, to time.Time
	if from, err = r.query.time("from"); err != nil {
		v.Form.fail("from", err.Error())
	}
	if to, err = r.query.time("to"); err != nil {
		v.Form.fail("to", err.Error())
	}
	section, status := groupsPath, http.StatusOK
	var group, user membership.ID
	if group = id; v.Person {
		group, user, section = membership.ID{}, id, peoplePath
	}
	v.Path = section + "/" + id.String()
	if !v.Form.OK() {
		status = http.StatusBadRequest
	}
	x, err := d.Directory.Explain(r.Context(), r.call, group, user, from, to)
	if err != nil {
		return err
	}
	switch {
	case x.Group != nil:
		v.Name = x.Group.DisplayName
	case x.User != nil:
		v.Name = called(*x.User)
	}
	if v.Form.OK() {
		v.Complete = x.Complete
		if v.Moments, err = d.moments(r, x); err != nil {
			return err
		}
	}
	return d.show(w, r, view{
		template: "explain", title: "How it came about: " + v.Name, section: section, status: status, data: v,
	})
}

// moments are those of an explanation, with the names of their connections.
func (d *door) moments(r *request, x membership.Explanation) (rows []momentRow, err error) {
	connections, err := d.connectionNames(r)
	for _, m := range x.Moments {
		row := momentRow{At: m.At, Request: m.Request}
		if m.Request != nil {
			row.From = connections.Of(m.Request.Connection)
		}
		if m.Event != nil {
			row.Event = &eventRow{*m.Event, x.Names}
		}
		rows = append(rows, row)
	}
	return rows, err
}
