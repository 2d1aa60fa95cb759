package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) captureRoutes() []route {
	const captures = "/v1/connections/{id}/captures"
	return []route{
		{http.MethodGet, captures, d.private(d.listCaptures)},
		{http.MethodPost, captures, d.private(d.openCapture)},
		{http.MethodDelete, captures + "/{capture_id}", d.private(d.closeCapture, "reason")},
		{http.MethodGet, "/v1/requests/{id}/capture", d.private(d.getRequestBody)},
	}
}

func (d *door) listCaptures(w http.ResponseWriter, r request) error {
	connection, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	all, err := d.Directory.Captures(r.Context(), r.call, connection)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPage(nil, all, AppendCapture, membership.ID{}))
}

func (d *door) openCapture(w http.ResponseWriter, r request) error {
	connection, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	var hours int64
	if err := d.decode(w, r, fields{"hours": &hours, "reason": &r.call.Reason}, "hours"); err != nil {
		return err
	}
	c, err := d.Connections.OpenCapture(r.Context(), r.call, connection, hours)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, AppendCapture(nil, c))
}

func (d *door) closeCapture(w http.ResponseWriter, r request) error {
	connection, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	id, err := r.pathID("capture_id", "capture")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Connections.CloseCapture(r.Context(), r.call, connection, id); err != nil {
		return err
	}
	return sendNothing(w)
}

// AppendCapture appends a window of a connection as JSON.
func AppendCapture(b []byte, c membership.Capture) []byte {
	b = appendIDField(append(b, '{'), "id", c.ID)
	b = appendIDField(append(b, ','), "connection_id", c.Connection)
	b = appendField(append(b, ','), "opened_by", c.OpenedBy)
	b = appendTimeField(append(b, ','), "opened_at", c.OpenedAt)
	return append(appendTimeField(append(b, ','), "ends_at", c.EndsAt), '}')
}

func (d *door) getRequestBody(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "request")
	if err != nil {
		return err
	}
	body, err := d.Directory.RequestBody(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendCapturedBody(nil, body))
}

// AppendCapturedBody appends the captured body of a request as JSON.
func AppendCapturedBody(b []byte, body membership.CapturedBody) []byte {
	b = appendField(append(b, '{'), "body", body.Text)
	b = appendBoolField(append(b, ','), "whole", !body.Cut)
	return append(appendTimeField(append(b, ','), "kept_until", body.Until), '}')
}
