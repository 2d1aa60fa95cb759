package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

const peoplePath = Prefix + "/people"

func (d *door) peopleRoutes() []route {
	return []route{
		d.get("/people", d.people, "q", "active", "cursor"),
		d.get("/people/{id}", d.person, "cursor"),
	}
}

type peopleView struct {
	Form   *form
	People []membership.User
	Pages  pager
	Asked  bool // for some of them
}

func (d *door) people(w http.ResponseWriter, r *request) error {
	v := peopleView{Form: newForm(r.query), Asked: r.query["q"] != "" || r.query["active"] != ""}
	active, err := oneOf(r.query, "active", "true", "false")
	if err != nil {
		return err
	}
	after, err := r.query.after()
	if err != nil {
		return err
	}
	var us []membership.User
	if q := r.query["q"]; q != "" {
		if us, err = d.search(r, q); err != nil {
			return err
		}
		if active != "" {
			us = slices.DeleteFunc(us, func(u membership.User) bool { return u.Active != (active == "true") })
		}
	} else {
		nq := membership.NativeQuery{Limit: pageSize + 1, After: after}
		if active != "" {
			is := active == "true"
			nq.Active = &is
		}
		if us, err = d.Directory.Users(r.Context(), r.call, nq); err != nil {
			return err
		}
	}
	var last membership.ID
	v.People, last = cut(us, func(u membership.User) membership.ID { return u.ID })
	if r.query["q"] == "" {
		v.Pages = r.pages(last)
	}
	return d.show(w, r, view{template: "people", title: "People", section: peoplePath, data: v})
}

// search finds people by what somebody typed: how a user name begins, an address, or an id.
func (d *door) search(r *request, text string) (found []membership.User, err error) {
	text = strings.TrimSpace(text)
	if id, err := membership.ParseID(text); err == nil {
		u, err := d.Directory.User(r.Context(), r.call, id)
		if membership.KindOf(err) == membership.KindNotFound {
			return nil, nil
		}
		return []membership.User{u}, err
	}
	for _, q := range []membership.NativeQuery{{NamePrefix: text}, {Email: text}} {
		q.Limit = pageSize
		us, err := d.Directory.Users(r.Context(), r.call, q)
		if err != nil {
			return nil, err
		}
		for _, u := range us {
			if !slices.ContainsFunc(found, func(f membership.User) bool { return f.ID == u.ID }) {
				found = append(found, u)
			}
		}
	}
	return found, nil
}

type personView struct {
	User   membership.User
	Groups []membership.Membership
	Pages  pager
}

func (d *door) person(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "user")
	if err != nil {
		return err
	}
	after, err := r.query.after()
	if err != nil {
		return err
	}
	var v personView
	if v.User, err = d.Directory.User(r.Context(), r.call, id); err != nil {
		return err
	}
	var last membership.ID
	v.Groups, last, err = d.Directory.Memberships(r.Context(), r.call, id,
		membership.MembershipQuery{After: after, Limit: pageSize})
	if err != nil {
		return err
	}
	v.Pages = r.pages(last)
	return d.show(w, r, view{template: "person", title: called(v.User), section: peoplePath, data: v})
}
