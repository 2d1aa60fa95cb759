package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) groupRoutes() []route {
	const (
		groups = "/v1/groups"
		group  = "/v1/groups/{id}"
	)
	return []route{
		{http.MethodGet, groups, d.private(d.listGroups, "limit", "cursor", "display_name", "display_name_prefix",
			"kind", "origin")},
		{http.MethodPost, groups, d.private(d.createGroup)},
		{http.MethodGet, group, d.private(d.getGroup)},
		{http.MethodPatch, group, d.private(d.changeGroup)},
		{http.MethodDelete, group, d.private(d.deleteGroup, "reason")},
	}
}

func (d *door) createGroup(w http.ResponseWriter, r request) error {
	g, never := membership.Group{Kind: membership.GroupCustom}, false
	var seconds *int64
	if err := d.decode(w, r, fields{
		"display_name": &g.DisplayName, "kind": &g.Kind, "permissions": &g.Permissions,
		"max_grant_seconds": clearable{&seconds, &never}, "grants_must_end": &g.GrantsMustEnd,
		"reason": &r.call.Reason,
	}, "display_name"); err != nil {
		return err
	}
	if g.Kind == "" { // to the domain that means the default; here it was said
		return membership.Invalidf("kind must not be empty")
	}
	if seconds != nil {
		if g.MaxGrantSeconds = *seconds; *seconds == 0 {
			return noLife()
		}
	}
	g, err := d.Directory.NewGroup(r.Context(), r.call, g)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, appendGroup(nil, g))
}

// noLife is the error of a bound that leaves a grant no time.
func noLife() error {
	return membership.Invalidf("max_grant_seconds must be at least 1, or null for no bound")
}

func (d *door) listGroups(w http.ResponseWriter, r request) error {
	q, limit, err := r.query.native("display_name")
	if err != nil {
		return err
	}
	gs, err := d.Directory.Groups(r.Context(), r.call, q)
	if err != nil {
		return err
	}
	gs, next := cut(gs, limit, func(g membership.Group) membership.ID { return g.ID })
	return send(w, http.StatusOK, appendPage(nil, gs, appendGroup, next))
}

func (d *door) getGroup(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	g, err := d.Directory.Group(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendGroup(nil, g))
}

func (d *door) changeGroup(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	var c membership.GroupChange
	var never bool
	if err := d.decode(w, r, fields{
		"display_name": &c.DisplayName, "kind": &c.Kind, "permissions": &c.Permissions,
		"max_grant_seconds": clearable{&c.MaxGrantSeconds, &never}, "grants_must_end": &c.GrantsMustEnd,
		"reason": &r.call.Reason,
	}); err != nil {
		return err
	}
	switch {
	case never:
		c.MaxGrantSeconds = new(int64)
	case c.MaxGrantSeconds != nil && *c.MaxGrantSeconds == 0:
		return noLife()
	}
	g, err := d.Directory.ChangeGroup(r.Context(), r.call, id, c)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendGroup(nil, g))
}

func (d *door) deleteGroup(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Directory.DeleteGroup(r.Context(), r.call, id); err != nil {
		return err
	}
	return sendNothing(w)
}
