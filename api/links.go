package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) linkRoutes() []route {
	const links = "/v1/groups/{id}/links"
	return []route{
		{http.MethodGet, links, d.private(d.listGroupLinks)},
		{http.MethodPost, links, d.private(d.linkGroup)},
		{http.MethodDelete, links + "/{connection_id}", d.private(d.unlinkGroup, "members", "dry_run", "reason")},
		{http.MethodGet, "/v1/users/{id}/links", d.private(d.listUserLinks)},
	}
}

func (d *door) listGroupLinks(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	ls, err := d.Directory.LinksOfGroup(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPage(nil, ls, AppendGroupLink, membership.ID{}))
}

func (d *door) listUserLinks(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "user")
	if err != nil {
		return err
	}
	ls, err := d.Directory.LinksOfUser(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPage(nil, ls, appendUserLink, membership.ID{}))
}

// linkGroup answers 201, or 200 with what the link would mean for a dry run.
func (d *door) linkGroup(w http.ResponseWriter, r request) error {
	group, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	var connectionID, externalID string
	var dry bool
	if err := d.decode(w, r, fields{
		"connection_id": &connectionID, "external_id": &externalID, "dry_run": &dry, "reason": &r.call.Reason,
	}, "connection_id"); err != nil {
		return err
	}
	connection, err := membership.ParseID(connectionID)
	if err != nil {
		return membership.Invalidf("connection_id must be a UUID")
	}
	if dry {
		p, err := d.Directory.PreviewGroupLink(r.Context(), r.call, group, connection, externalID)
		if err != nil {
			return err
		}
		return send(w, http.StatusOK, AppendLinkPreview(nil, p))
	}
	l, err := d.Directory.LinkGroup(r.Context(), r.call, group, connection, externalID)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, AppendGroupLink(nil, l))
}

// unlinkGroup answers 204, or 200 with what would be done for a dry run.
func (d *door) unlinkGroup(w http.ResponseWriter, r request) error {
	group, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	connection, err := r.pathID("connection_id", "connection")
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
		p, err := d.Directory.PreviewGroupUnlink(r.Context(), r.call, group, connection, how)
		if err != nil {
			return err
		}
		return send(w, http.StatusOK, AppendUnlinkPreview(nil, how, p))
	}
	if err := d.Directory.UnlinkGroup(r.Context(), r.call, group, connection, how); err != nil {
		return err
	}
	return sendNothing(w)
}

// AppendGroupLink appends a connection's link to a group as a JSON object.
func AppendGroupLink(b []byte, l membership.GroupLink) []byte {
	b = appendIDField(append(b, '{'), "connection_id", l.Connection)
	b = appendField(append(b, ','), "external_id", l.ExternalID)
	b = appendField(append(b, ','), "display_name", l.DisplayName)
	b = appendNumberField(append(b, ','), "version", l.Version)
	b = appendTimeField(append(b, ','), "created_at", l.CreatedAt)
	b = appendTimeField(append(b, ','), "last_modified", l.LastModified)
	return append(b, '}')
}

func appendUserLink(b []byte, l membership.UserLink) []byte {
	b = appendIDField(append(b, '{'), "connection_id", l.Connection)
	b = appendField(append(b, ','), "external_id", l.ExternalID)
	b = appendField(append(b, ','), "user_name", l.UserName)
	b = appendBoolField(append(b, ','), "active", l.Active)
	b = appendNumberField(append(b, ','), "version", l.Version)
	b = appendTimeField(append(b, ','), "created_at", l.CreatedAt)
	b = appendTimeField(append(b, ','), "last_modified", l.LastModified)
	return append(b, '}')
}

// AppendLinkPreview appends what a link would mean as a JSON object.
func AppendLinkPreview(b []byte, p membership.LinkPreview) []byte {
	b = appendNumberField(append(b, '{'), "members", int64(p.Members))
	b = appendNumberField(append(b, ','), "local", int64(p.Local))
	b = appendNumberField(append(b, ','), "other_connections", int64(p.OtherConnections))
	b = appendNumberField(append(b, ','), "unseen", int64(p.Unseen))
	b = appendNumberField(append(b, ','), "could_gain", int64(p.CouldGain))
	return append(b, '}')
}

// AppendUnlinkPreview appends what the end of a link would do as a JSON object.
func AppendUnlinkPreview(b []byte, how membership.Removal, p membership.UnlinkPreview) []byte {
	b = appendField(append(b, '{'), "members", string(how))
	b = appendNumberField(append(b, ','), "grants", int64(p.Grants))
	b = appendNumberField(append(b, ','), "memberships_ended", int64(p.MembershipsEnded))
	b = appendNumberField(append(b, ','), "local_grants_opened", int64(p.LocalGrantsOpened))
	b = appendNumberField(append(b, ','), "local_grants_ending", int64(p.LocalGrantsEnding))
	b = appendBoolField(append(b, ','), "group_deleted", p.GroupDeleted)
	return append(b, '}')
}
