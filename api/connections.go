package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) connectionRoutes() []route {
	const (
		connections = "/v1/connections"
		connection  = "/v1/connections/{id}"
	)
	return []route{
		{http.MethodGet, connections, d.private(d.listConnections, "limit", "cursor", "removed")},
		{http.MethodPost, connections, d.private(d.createConnection)},
		{http.MethodGet, connection, d.private(d.getConnection)},
		{http.MethodPatch, connection, d.private(d.changeConnection)},
		{http.MethodDelete, connection, d.private(d.removeConnection, "members", "dry_run", "reason")},
	}
}

func (d *door) createConnection(w http.ResponseWriter, r request) error {
	s := membership.ConnectionSpec{IDP: "generic", GroupKind: membership.GroupCustom}
	if err := d.decode(w, r, fields{
		"name": &s.Name, "idp": &s.IDP, "link_existing_users": &s.LinkExistingUsers, "group_kind": &s.GroupKind,
		"reason": &r.call.Reason,
	}, "name"); err != nil {
		return err
	}
	if s.GroupKind == "" { // to the domain that means the default; here it was said
		return membership.Invalidf("group_kind must not be empty")
	}
	c, err := d.Directory.CreateConnection(r.Context(), r.call, s)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, AppendConnection(nil, c))
}

func (d *door) listConnections(w http.ResponseWriter, r request) error {
	after, limit, err := r.query.page()
	if err != nil {
		return err
	}
	removed, err := r.query.flag("removed")
	if err != nil {
		return err
	}
	cs, err := d.Directory.Connections(r.Context(), r.call, after, limit+1, removed)
	if err != nil {
		return err
	}
	cs, next := cut(cs, limit, func(c membership.Connection) membership.ID { return c.ID })
	health, err := d.Directory.Health(r.Context(), r.call, cs)
	if err != nil {
		return err
	}
	at := 0
	return send(w, http.StatusOK, appendPage(nil, cs, func(b []byte, c membership.Connection) []byte {
		if b = AppendConnection(b, c); at < len(health) {
			b = appendHealth(b, health[at])
		}
		at++
		return b
	}, next))
}

func (d *door) getConnection(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	c, err := d.Directory.Connection(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	b := AppendConnection(nil, c)
	health, err := d.Directory.Health(r.Context(), r.call, []membership.Connection{c})
	if err == nil && len(health) > 0 {
		b = appendHealth(b, health[0])
	}
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, b)
}

func (d *door) changeConnection(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	var s membership.ConnectionChange
	if err := d.decode(w, r, fields{
		"name": &s.Name, "idp": &s.IDP, "link_existing_users": &s.LinkExistingUsers, "group_kind": &s.GroupKind,
		"paused": &s.Paused, "reason": &r.call.Reason,
	}); err != nil {
		return err
	}
	c, err := d.Connections.Change(r.Context(), r.call, id, s)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendConnection(nil, c))
}

// removeConnection answers 204, or 200 with what would be done for a dry run.
func (d *door) removeConnection(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	dry, err := r.query.flag("dry_run")
	if err != nil {
		return err
	}
	how := membership.Removal(r.query["members"])
	r.call.Reason = r.query["reason"]
	if dry {
		n, err := d.Connections.PreviewRemoval(r.Context(), r.call, id, how)
		if err != nil {
			return err
		}
		return send(w, http.StatusOK, AppendRemoval(nil, how, n))
	}
	if err := d.Connections.Remove(r.Context(), r.call, id, how); err != nil {
		return err
	}
	return sendNothing(w)
}
