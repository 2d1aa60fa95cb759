package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) notificationRoutes() []route {
	const (
		notifications = "/v1/notifications"
		notification  = "/v1/notifications/{id}"
	)
	return []route{
		{http.MethodGet, notifications, d.private(d.listNotifications, "limit", "cursor")},
		{http.MethodDelete, notification, d.private(d.deliverNotification, "reason")},
	}
}

func (d *door) listNotifications(w http.ResponseWriter, r request) error {
	after, limit, err := r.query.page()
	if err != nil {
		return err
	}
	ns, more, err := d.Directory.Notifications(r.Context(), r.call, after, limit)
	if err != nil {
		return err
	}
	var next membership.ID
	if more {
		next = ns[len(ns)-1].ID
	}
	return send(w, http.StatusOK, appendPage(nil, ns, appendNotification, next))
}

func (d *door) deliverNotification(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "notification")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Directory.DeliverNotification(r.Context(), r.call, id); err != nil {
		return err
	}
	return sendNothing(w)
}

func appendNotification(b []byte, n membership.Notification) []byte {
	b = appendIDField(append(b, '{'), "id", n.ID)
	b = appendField(append(b, ','), "kind", n.Kind)
	b = append(appendName(append(b, ','), "payload"), n.Payload...)
	b = appendTimeField(append(b, ','), "created_at", n.CreatedAt)
	return append(b, '}')
}
