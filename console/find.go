package console

import (
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// found reads the filters that name a user, a group or a connection: each by its id, or
// as people call it. What is not found is noted in the form.
func (d *door) found(r *request, f *form, user, group, connection *membership.ID) error {
	for _, filter := range []struct {
		name string
		to   *membership.ID
		find func(*request, string) ([]membership.ID, error)
	}{
		{"user", user, d.usersCalled}, {"group", group, d.groupsCalled},
		{"connection", connection, d.connectionsCalled},
	} {
		name := filter.name
		text := r.query[name]
		if text == "" {
			continue
		}
		if id, err := membership.ParseID(text); err == nil && !id.IsZero() {
			*filter.to = id
			continue
		}
		ids, err := filter.find(r, text)
		switch {
		case membership.KindOf(err) == membership.KindForbidden:
			f.fail(name, "give the id of the "+name+": you may not look for one by name ("+err.Error()+")")
		case err != nil:
			return err
		case len(ids) == 0:
			f.fail(name, "no "+name+" is called so: write the whole name, or an id")
		case len(ids) > 1:
			f.fail(name, "more than one "+name+" is called so: give an id")
		default:
			*filter.to = ids[0]
		}
	}
	return nil
}

func (d *door) usersCalled(r *request, text string) (ids []membership.ID, err error) {
	for _, q := range []membership.NativeQuery{{Name: text, Limit: 2}, {Email: text, Limit: 2}} {
		us, err := d.Directory.Users(r.Context(), r.call, q)
		if err != nil {
			return nil, err
		}
		for _, u := range us {
			if !slices.Contains(ids, u.ID) {
				ids = append(ids, u.ID)
			}
		}
	}
	return ids, nil
}

func (d *door) groupsCalled(r *request, text string) (ids []membership.ID, err error) {
	gs, err := d.Directory.Groups(r.Context(), r.call, membership.NativeQuery{Name: text, Limit: 2})
	for _, g := range gs {
		ids = append(ids, g.ID)
	}
	return ids, err
}

// mostConnections bounds among how many connections one is looked for by name.
const mostConnections = 1000

func (d *door) connectionsCalled(r *request, text string) (ids []membership.ID, err error) {
	cs, err := d.Directory.Connections(r.Context(), r.call, membership.ID{}, mostConnections, false)
	for _, c := range cs {
		if membership.Fold(c.Name) == membership.Fold(text) {
			ids = append(ids, c.ID)
		}
	}
	return ids, err
}
