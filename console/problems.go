package console

import (
	"net/http"
	"net/url"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

type problemsView struct {
	Form        *form
	Connections connectionList
	Of          []problemsOf
	Complete    bool
	Asked       bool
	Off         string
}

// problemsOf are those of one connection.
type problemsOf struct {
	membership.Connection
	Problems []problemRow
}

type problemRow struct{ membership.Problem }

// All is the address of the requests that are like the problem.
func (p problemRow) All() string {
	q := url.Values{"outcome": {string(p.Outcome)}, "from": {asField(p.First.Truncate(time.Second))}}
	if !p.Connection.IsZero() {
		q.Set("connection", p.Connection.String())
	}
	return requestsPath + "?" + q.Encode()
}

func (d *door) problems(w http.ResponseWriter, r *request) error {
	if err := d.Directory.MayReadRequests(r.Context(), r.call); err != nil {
		return err
	}
	v := problemsView{Form: newForm(r.query), Asked: len(r.query) > 0}
	connection, err := r.query.id("connection")
	if err != nil {
		return err
	}
	from, err := r.query.time("from")
	if err != nil {
		return err
	}
	to, err := r.query.time("to")
	if err != nil {
		return err
	}
	if v.Connections, err = d.connectionNames(r); err != nil {
		return err
	}
	var problems []membership.Problem
	problems, v.Complete, err = d.Directory.Problems(r.Context(), r.call, connection, from, to)
	if membership.KindOf(err) == membership.KindNotFound {
		v.Off = sentence(err.Error())
	} else if err != nil {
		return err
	}
	v.Of = byConnection(problems, v.Connections)
	return d.show(w, r, view{template: "problems", title: "Problems", section: requestsPath, data: v})
}

// byConnection puts problems of one connection together; the order stays otherwise.
func byConnection(problems []membership.Problem, l connectionList) (all []problemsOf) {
	place := map[membership.ID]int{}
	for _, p := range problems {
		i, known := place[p.Connection]
		if !known {
			i = len(all)
			place[p.Connection] = i
			all = append(all, problemsOf{Connection: l.Of(p.Connection)})
		}
		all[i].Problems = append(all[i].Problems, problemRow{p})
	}
	return all
}
