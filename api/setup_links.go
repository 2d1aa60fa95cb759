package api

import (
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) setupLinkRoutes() []route {
	const links = "/v1/connections/{id}/setup-links"
	return []route{
		{http.MethodGet, links, d.private(d.listSetupLinks)},
		{http.MethodPost, links, d.private(withSecret(d.createSetupLink))},
		{http.MethodDelete, links + "/{link_id}", d.private(d.revokeSetupLink, "reason")},
	}
}

func (d *door) createSetupLink(w http.ResponseWriter, r request) error {
	connection, err := r.connectionID()
	if err != nil {
		return err
	}
	s := auth.SetupSpec{Connection: connection}
	var seconds *int64
	var abilities []string
	if err := d.decode(w, r, fields{
		"expires_in_seconds": &seconds, "abilities": &abilities, "reason": &r.call.Reason,
	}); err != nil {
		return err
	}
	if seconds != nil {
		// Bounded before it becomes nanoseconds, so that it cannot overflow.
		s.Lifetime = time.Duration(min(max(*seconds, 1), 1<<30)) * time.Second
	}
	if abilities != nil {
		s.Abilities = []auth.Ability{}
	}
	for _, a := range abilities {
		s.Abilities = append(s.Abilities, auth.Ability(a))
	}
	l, text, err := d.SetupLinks.Create(r.Context(), r.call, s)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, AppendNewSetupLink(nil, l, auth.SetupURL(d.publicURL, text)))
}

func (d *door) listSetupLinks(w http.ResponseWriter, r request) error {
	connection, err := r.connectionID()
	if err != nil {
		return err
	}
	ls, err := d.SetupLinks.List(r.Context(), r.call, connection)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPage(nil, ls, AppendSetupLink, membership.ID{}))
}

func (d *door) revokeSetupLink(w http.ResponseWriter, r request) error {
	connection, err := r.pathID("id", "set-up link")
	if err == nil && connection.IsZero() { // that is any, elsewhere
		err = membership.NotFound("set-up link")
	}
	if err != nil {
		return err
	}
	id, err := r.pathID("link_id", "set-up link")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.SetupLinks.Revoke(r.Context(), r.call, connection, id); err != nil {
		return err
	}
	return sendNothing(w)
}

// AppendSetupLink appends a set-up link as a JSON object, without its secret or hash.
// It is exported for the command line, as AppendNewSetupLink is.
func AppendSetupLink(b []byte, l auth.SetupLink) []byte {
	return append(appendSetupLinkFields(b, l), '}')
}

// AppendNewSetupLink appends a new set-up link with its URL, which cannot be shown again.
func AppendNewSetupLink(b []byte, l auth.SetupLink, url string) []byte {
	return append(appendField(append(appendSetupLinkFields(b, l), ','), "url", url), '}')
}

func appendSetupLinkFields(b []byte, l auth.SetupLink) []byte {
	abilities := make([]string, len(l.Abilities))
	for i, a := range l.Abilities {
		abilities[i] = string(a)
	}
	b = appendIDField(append(b, '{'), "id", l.ID)
	b = appendIDField(append(b, ','), "connection_id", l.Connection)
	b = appendStrings(append(b, ','), "abilities", abilities)
	b = appendField(append(b, ','), "state", string(l.State(time.Now())))
	b = appendField(append(b, ','), "created_by", l.CreatedBy)
	b = appendTimeField(append(b, ','), "created_at", l.CreatedAt)
	b = appendTimeField(append(b, ','), "expires_at", l.ExpiresAt)
	b = appendTimeUnlessZero(b, "last_used_at", l.LastUsedAt)
	b = appendTimeUnlessZero(b, "done_at", l.DoneAt)
	return appendTimeUnlessZero(b, "revoked_at", l.RevokedAt)
}
