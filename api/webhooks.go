package api

import (
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) webhookRoutes() []route {
	const (
		webhooks   = "/v1/webhooks"
		webhook    = webhooks + "/{id}"
		deliveries = webhook + "/deliveries"
		delivery   = deliveries + "/{delivery_id}"
	)
	return []route{
		{http.MethodGet, webhooks, d.private(d.listWebhooks)},
		{http.MethodPost, webhooks, d.private(withSecret(d.createWebhook))},
		{http.MethodGet, webhook, d.private(d.getWebhook)},
		{http.MethodPatch, webhook, d.private(d.updateWebhook)},
		{http.MethodDelete, webhook, d.private(d.deleteWebhook, "reason")},
		{http.MethodPost, webhook + "/rotate-secret", d.private(withSecret(d.rotateWebhookSecret))},
		{http.MethodPost, webhook + "/test", d.private(d.testWebhook)},
		{http.MethodPost, webhook + "/recover", d.private(d.recoverDeliveries)},
		{http.MethodGet, deliveries, d.private(d.listDeliveries, "status", "limit", "cursor")},
		{http.MethodGet, delivery + "/attempts", d.private(d.listAttempts)},
		{http.MethodPost, delivery + "/retry", d.private(d.retryDelivery)},
	}
}

func (d *door) listWebhooks(w http.ResponseWriter, r request) error {
	all, err := d.Directory.Webhooks(r.Context(), r.call)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPage(nil, all, appendWebhook, membership.ID{}))
}

func (d *door) createWebhook(w http.ResponseWriter, r request) error {
	var position *int64
	s, err := d.decodeWebhook(w, &r, fields{"position": &position}, "url")
	if err != nil {
		return err
	}
	s.Position = position
	hook, err := d.Directory.CreateWebhook(r.Context(), r.call, s)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, appendWebhookSecret(nil, hook))
}

func (d *door) getWebhook(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	hook, err := d.Directory.Webhook(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendWebhook(nil, hook))
}

func (d *door) updateWebhook(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	s, err := d.decodeWebhook(w, &r, fields{})
	if err != nil {
		return err
	}
	hook, err := d.Directory.UpdateWebhook(r.Context(), r.call, id, s)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendWebhook(nil, hook))
}

func (d *door) deleteWebhook(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Directory.DeleteWebhook(r.Context(), r.call, id); err != nil {
		return err
	}
	return sendNothing(w)
}

func (d *door) rotateWebhookSecret(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	overlap := int64(membership.DefaultSecretOverlap / time.Second)
	if err := d.decode(w, r, fields{"overlap_seconds": &overlap, "reason": &r.call.Reason}); err != nil {
		return err
	}
	if most := int64(membership.MaxSecretOverlap / time.Second); overlap < 0 || overlap > most {
		return membership.Invalidf("overlap_seconds must be a number from 0 to %d", most)
	}
	hook, err := d.Directory.RotateWebhookSecret(r.Context(), r.call, id, time.Duration(overlap)*time.Second)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, appendWebhookSecret(nil, hook))
}

func (d *door) testWebhook(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	if err := d.decodeAny(w, r, fields{}); err != nil {
		return err
	}
	o, err := d.Directory.TestWebhook(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	b := appendBoolField([]byte{'{'}, "delivered", o.Problem == "")
	return send(w, http.StatusOK, append(appendOutcome(b, o.HTTP, o.Problem), '}'))
}

func (d *door) recoverDeliveries(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	var since string
	var until *string
	into := fields{"since": &since, "until": &until, "reason": &r.call.Reason}
	if err := d.decode(w, r, into, "since"); err != nil {
		return err
	}
	from, err := membership.ParseTime("since", since)
	if err != nil {
		return err
	}
	var to time.Time
	if until != nil {
		if to, err = membership.ParseTime("until", *until); err != nil {
			return err
		}
	}
	n, err := d.Directory.RecoverDeliveries(r.Context(), r.call, id, from, to)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, append(appendNumberField([]byte{'{'}, "recovered", int64(n)), '}'))
}

func (d *door) listDeliveries(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	limit, err := r.query.limit(defaultLimit)
	if err != nil {
		return err
	}
	var below membership.EventCursor
	if s, given := r.query["cursor"]; given {
		if below, err = ParseEventCursor(s); err != nil {
			return err
		}
	}
	status := membership.DeliveryStatus(r.query["status"])
	switch status {
	case "", membership.DeliveryDone, membership.DeliveryRetrying, membership.DeliveryDead:
	default:
		return membership.Invalidf("status must be delivered, retrying or dead")
	}
	ds, err := d.Directory.Deliveries(r.Context(), r.call, id, status, below.Number, limit+1)
	if err != nil {
		return err
	}
	more := len(ds) > limit
	ds = ds[:min(len(ds), limit)]
	b := appendList(appendName([]byte{'{'}, "data"), ds, appendDelivery)
	if more {
		b = appendEventCursor(append(b, `,"next_cursor":"`...), membership.EventCursor{Number: ds[limit-1].Number})
		b = append(b, '"')
	}
	return send(w, http.StatusOK, append(b, '}'))
}

// deliveryID reads the ids of a delivery and of its webhook from the path.
func (r request) deliveryID() (webhook, delivery membership.ID, err error) {
	if webhook, err = r.pathID("id", "webhook"); err == nil {
		delivery, err = r.pathID("delivery_id", "delivery")
	}
	return webhook, delivery, err
}

func (d *door) listAttempts(w http.ResponseWriter, r request) error {
	id, delivery, err := r.deliveryID()
	if err != nil {
		return err
	}
	of, err := d.Directory.Delivery(r.Context(), r.call, id, delivery)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPage(nil, of.All(), appendAttempt, membership.ID{}))
}

func (d *door) retryDelivery(w http.ResponseWriter, r request) error {
	id, delivery, err := r.deliveryID()
	if err != nil {
		return err
	}
	if err := d.decodeAny(w, r, fields{"reason": &r.call.Reason}); err != nil {
		return err
	}
	if err := d.Directory.RetryDelivery(r.Context(), r.call, id, delivery); err != nil {
		return err
	}
	return sendNothing(w)
}

func (d *door) decodeWebhook(
	w http.ResponseWriter, r *request, into fields, required ...string,
) (s membership.WebhookSpec, err error) {
	var signing, state *string
	var events, connections, groups *[]string
	maps.Copy(into, fields{
		"url": &s.URL, "events": &events, "signing": &signing, "ordered": &s.Ordered, "connection_ids": &connections,
		"group_ids": &groups, "state": &state, "reason": &r.call.Reason,
	})
	if err := d.decode(w, *r, into, required...); err != nil {
		return s, err
	}
	s.Signing, s.State = (*membership.WebhookSigning)(signing), (*membership.WebhookState)(state)
	if events != nil {
		actions := make([]membership.Action, len(*events))
		for i, e := range *events {
			actions[i] = membership.Action(e)
		}
		s.Events = &actions
	}
	if s.Connections, err = idList("connection_ids", connections); err != nil {
		return s, err
	}
	s.Groups, err = idList("group_ids", groups)
	return s, err
}

func idList(field string, texts *[]string) (*[]membership.ID, error) {
	if texts == nil {
		return nil, nil
	}
	ids := make([]membership.ID, len(*texts))
	for i, s := range *texts {
		id, err := membership.ParseID(s)
		if err != nil || id.IsZero() {
			return nil, membership.Invalidf("%s must be UUIDs", field)
		}
		ids[i] = id
	}
	return &ids, nil
}

func appendWebhook(b []byte, w membership.Webhook) []byte {
	b = appendWebhookFields(append(b, '{'), w)
	return append(b, '}')
}

// appendWebhookSecret is for the two answers that show the secret.
func appendWebhookSecret(b []byte, w membership.Webhook) []byte {
	b = appendWebhookFields(append(b, '{'), w)
	if text := w.SecretText(); text != "" {
		b = appendField(append(b, ','), "secret", text)
	}
	return append(b, '}')
}

func appendWebhookFields(b []byte, w membership.Webhook) []byte {
	b = appendIDField(b, "id", w.ID)
	b = appendField(append(b, ','), "url", w.URL)
	b = appendField(append(b, ','), "signing", string(w.Signing))
	if w.Owner != "" {
		b = appendField(append(b, ','), "owner", w.Owner)
	}
	if keys := w.PublicKeys(time.Now()); len(keys) > 0 {
		b = appendField(append(b, ','), "public_key", keys[0])
	}
	b = appendList(appendName(append(b, ','), "events"), w.Events, func(b []byte, a membership.Action) []byte {
		return appendString(b, string(a))
	})
	id := func(b []byte, id membership.ID) []byte { return appendString(b, id.String()) }
	b = appendList(appendName(append(b, ','), "connection_ids"), w.Connections, id)
	b = appendList(appendName(append(b, ','), "group_ids"), w.Groups, id)
	b = appendBoolField(append(b, ','), "ordered", w.Ordered)
	b = appendField(append(b, ','), "state", string(w.State))
	if w.Why != "" {
		b = appendField(append(b, ','), "why", w.Why)
	}
	b = appendNumberField(append(b, ','), "position", w.Position)
	if !w.FailingFrom.IsZero() {
		b = appendTimeField(append(b, ','), "failing_since", w.FailingFrom)
	}
	b = appendTimeField(append(b, ','), "created_at", w.CreatedAt)
	return appendTimeField(append(b, ','), "updated_at", w.UpdatedAt)
}

func appendDelivery(b []byte, d membership.Delivery) []byte {
	b = appendIDField(append(b, '{'), "id", d.ID)
	b = appendNumberField(append(b, ','), "number", d.Number)
	b = appendField(append(b, ','), "type", string(d.Action))
	b = appendField(append(b, ','), "status", string(d.Status))
	b = appendNumberField(append(b, ','), "attempts", int64(d.Attempts))
	b = appendAttemptFields(append(b, ','), d.Attempt)
	if !d.NextAt.IsZero() {
		b = appendTimeField(append(b, ','), "next_at", d.NextAt)
	}
	return append(b, '}')
}

func appendAttempt(b []byte, a membership.Attempt) []byte {
	return append(appendAttemptFields(append(b, '{'), a), '}')
}

func appendAttemptFields(b []byte, a membership.Attempt) []byte {
	b = appendTimeField(b, "at", a.At)
	b = appendMillisecondsField(append(b, ','), "duration_ms", a.Took)
	return appendOutcome(b, a.HTTP, a.Problem)
}

func appendOutcome(b []byte, status int, problem string) []byte {
	if status != 0 {
		b = strconv.AppendInt(appendName(append(b, ','), "http_status"), int64(status), 10)
	}
	if problem != "" {
		b = appendField(append(b, ','), "problem", problem)
	}
	return b
}
