package console

import (
	"iter"
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const groupsPath = Prefix + "/groups"

func (d *door) groupRoutes() []route {
	return []route{
		d.get("/groups", d.groups, "q", "kind", "origin", "cursor"),
		d.get("/groups/{id}", d.group, "source", "active", "as_of", "cursor"),
	}
}

type groupsView struct {
	Form   *form
	Groups []membership.Group
	Pages  pager
	Asked  bool // for some of them
}

func (d *door) groups(w http.ResponseWriter, r *request) error {
	q := membership.NativeQuery{Limit: pageSize + 1, NamePrefix: r.query["q"]}
	var err error
	if q.After, err = r.query.after(); err != nil {
		return err
	}
	if q.Kind, err = oneOf(r.query, "kind", membership.GroupCustom, membership.GroupEnterprise); err != nil {
		return err
	}
	if q.Origin, err = oneOf(r.query, "origin", membership.SourceLocal, membership.SourceSCIM); err != nil {
		return err
	}
	gs, err := d.Directory.Groups(r.Context(), r.call, q)
	if err != nil {
		return err
	}
	v := groupsView{Form: newForm(r.query), Asked: q.NamePrefix != "" || q.Kind != "" || q.Origin != ""}
	var last membership.ID
	v.Groups, last = cut(gs, func(g membership.Group) membership.ID { return g.ID })
	v.Pages = r.pages(last)
	return d.show(w, r, view{template: "groups", title: "Groups", section: groupsPath, data: v})
}

// oneOf reads a parameter that has few values; empty when it is not given.
func oneOf[T ~string](q query, name string, values ...T) (T, error) {
	if q[name] == "" {
		return "", nil
	}
	for _, v := range values {
		if q[name] == string(v) {
			return v, nil
		}
	}
	return "", membership.Invalidf("%s must be one of %v", name, values)
}

type groupView struct {
	Form    *form
	Group   membership.Group
	Members []membership.Member
	Pages   pager
	AsOf    time.Time // zero: now
	Asked   bool      // for some of them
	// MayAdd is whether there is a button to add a member; NoAdd why there is none.
	MayAdd bool
	NoAdd  string

	MayBreakGlass bool
}

func (d *door) group(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	q := membership.MemberQuery{Limit: pageSize + 1}
	if q.After, err = r.query.after(); err != nil {
		return err
	}
	if q.Source, err = oneOf(r.query, "source", membership.SourceLocal, membership.SourceSCIM); err != nil {
		return err
	}
	active, err := oneOf(r.query, "active", "true", "false")
	if err != nil {
		return err
	}
	if active != "" {
		is := active == "true"
		q.Active = &is
	}
	if q.AsOf.Time, err = r.query.time("as_of"); err != nil {
		return err
	}
	v := groupView{Form: newForm(r.query), AsOf: q.AsOf.Time, Asked: q.Source != "" || q.Active != nil}
	if v.Group, err = d.Directory.Group(r.Context(), r.call, id); err != nil {
		return err
	}
	var ms []membership.Member
	err = d.Directory.VisitMembers(r.Context(), r.call, id, q, func(all iter.Seq2[membership.Member, error]) error {
		for m, err := range all {
			if err != nil {
				return err
			}
			ms = append(ms, m)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var last membership.ID
	v.Members, last = cut(ms, func(m membership.Member) membership.ID { return m.User.ID })
	v.Pages = r.pages(last)
	v.NoAdd, err = d.noAdding(r, v.Group, membership.ID{})
	if err != nil {
		return err
	}
	v.MayAdd = v.NoAdd == ""
	noBreakGlass, err := d.why(r, membership.OpBreakGlass, id, membership.ID{})
	if err != nil {
		return err
	}
	v.MayBreakGlass = noBreakGlass == ""
	return d.show(w, r, view{template: "group", title: v.Group.DisplayName, section: groupsPath, data: v})
}

// noAdding says why the caller cannot add a local member to a group, or this person
// where one is named; empty: they can.
func (d *door) noAdding(r *request, g membership.Group, user membership.ID) (string, error) {
	if why := g.TakesLocal(); why != nil {
		return sentence(why.Error()), nil
	}
	return d.why(r, membership.OpAddMembers, g.ID, user)
}

// why says why the caller may not do something; empty: they may.
func (d *door) why(r *request, op membership.Operation, group, user membership.ID) (string, error) {
	err := d.Directory.May(r.Context(), r.call, op, group, user)
	if membership.KindOf(err) == membership.KindForbidden {
		return sentence("you may not: " + err.Error()), nil
	}
	return "", err
}
