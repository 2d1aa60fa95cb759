package console

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const webhooksPath = accessPath + "/webhooks"

func (d *door) webhookRoutes() []route {
	const hook = "/access/webhooks/{id}"
	return []route{
		d.get("/access/webhooks", d.webhooks),
		d.get("/access/new-webhook", d.webhookForm),
		d.post("/access/new-webhook", d.createWebhook, "url", "events", "signing", "unordered", "reason"),
		d.get(hook, d.webhook, "status", "cursor"),
		d.post(hook+"/state", d.switchWebhook, "state", "reason"),
		d.post(hook+"/rotate", d.rotateWebhook, "hours", "reason"),
		d.post(hook+"/test", d.testWebhook),
		d.post(hook+"/replay", d.replayDeliveries, "since", "until", "reason"),
		d.post(hook+"/deliveries/{delivery_id}/retry", d.retryDelivery, "reason"),
		d.get(hook+"/delete", d.webhookDeletion),
		d.post(hook+"/delete", d.deleteWebhook, "reason"),
	}
}

func (d *door) webhooks(w http.ResponseWriter, r *request) error {
	all, err := d.Directory.Webhooks(r.Context(), r.call)
	if err != nil {
		return err
	}
	return d.show(w, r, view{template: "webhooks", title: "Webhooks", section: accessPath, data: all})
}

type webhookFormView struct{ Form *form }

func (d *door) webhookForm(w http.ResponseWriter, r *request) error {
	if _, err := d.Directory.Webhooks(r.Context(), r.call); err != nil { // who may not does not fill it in
		return err
	}
	return d.showWebhookForm(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showWebhookForm(w http.ResponseWriter, r *request, status int, f *form) error {
	return d.show(w, r, view{
		template: "webhook_new", title: "New webhook", section: accessPath, status: status, data: webhookFormView{f},
	})
}

func (d *door) createWebhook(w http.ResponseWriter, r *request) error {
	f := r.form
	f.require("url", "give the address that is told of events")
	if !f.OK() {
		return d.showWebhookForm(w, r, http.StatusBadRequest, f)
	}
	url, ordered := f.Value("url"), f.Value("unordered") == ""
	s := membership.WebhookSpec{URL: &url, Ordered: &ordered}
	if v := f.Value("signing"); v != "" {
		signing := membership.WebhookSigning(v)
		s.Signing = &signing
	}
	var actions []membership.Action
	for _, a := range strings.Fields(f.Value("events")) {
		actions = append(actions, membership.Action(a))
	}
	s.Events = &actions
	call := r.call
	call.Reason = f.Value("reason")
	hook, err := d.Directory.CreateWebhook(r.Context(), call, s)
	if status, taken := f.refused(err, ""); taken {
		return d.showWebhookForm(w, r, status, f)
	}
	if err != nil {
		return err
	}
	return d.showWebhookSecret(w, r, hook)
}

// showWebhookSecret shows what the receiver verifies with.
func (d *door) showWebhookSecret(w http.ResponseWriter, r *request, hook membership.Webhook) error {
	v := secretView{What: "Webhook", Secret: hook.SecretText(), Back: webhookPath(hook.ID),
		Next: "Give it to the receiver: it verifies with this secret that what comes is from here."}
	if keys := hook.PublicKeys(time.Now()); len(keys) > 0 {
		v.Secret, v.Public = keys[0], true
		v.Next = "Give it to the receiver: it verifies with this public key that what comes is from here."
	}
	return d.showSecret(w, r, v)
}

func webhookPath(id membership.ID) string { return webhooksPath + "/" + id.String() }

type webhookView struct {
	Form       *form
	Filter     *form
	Webhook    membership.Webhook
	PublicKey  string
	Deliveries []membership.Delivery
	Pages      pager
	Overlaps   []overlap
	Tested     *membership.Outcome // nil: it was not
}

func (d *door) webhook(w http.ResponseWriter, r *request) error {
	return d.showWebhook(w, r, http.StatusOK, webhookView{Form: newForm(nil)})
}

func (d *door) showWebhook(w http.ResponseWriter, r *request, status int, v webhookView) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	of, err := oneOf(r.query, "status", membership.DeliveryDone, membership.DeliveryRetrying, membership.DeliveryDead)
	if err != nil {
		return err
	}
	below := int64(0)
	if s := r.query["cursor"]; s != "" {
		if below, err = strconv.ParseInt(s, 10, 64); err != nil || below < 1 {
			return membership.Invalidf("cursor is none that this console gave out")
		}
	}
	if v.Webhook, err = d.Directory.Webhook(r.Context(), r.call, id); err != nil {
		return err
	}
	if v.Deliveries, err = d.Directory.Deliveries(r.Context(), r.call, id, of, below, pageSize+1); err != nil {
		return err
	}
	next := ""
	if len(v.Deliveries) > pageSize {
		v.Deliveries = v.Deliveries[:pageSize]
		next = strconv.FormatInt(v.Deliveries[pageSize-1].Number, 10)
	}
	if r.form == nil {
		v.Pages = r.pagesAt(next)
	}
	if keys := v.Webhook.PublicKeys(time.Now()); len(keys) > 0 {
		v.PublicKey = keys[0]
	}
	v.Filter = newForm(r.query)
	v.Overlaps = slices.DeleteFunc(slices.Clone(overlaps), func(o overlap) bool {
		return time.Duration(o.Hours)*time.Hour > membership.MaxSecretOverlap
	})
	return d.show(w, r, view{template: "webhook", title: "Webhook", section: accessPath, status: status, data: v})
}

// onWebhook does what a form of a webhook's page asks for, and leads back to it. What is
// wrong with the form is shown there.
func (d *door) onWebhook(
	w http.ResponseWriter, r *request, said string, act func(call membership.Call, id membership.ID) error,
) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	if r.form.OK() {
		call := r.call
		call.Reason = r.form.Value("reason")
		err = act(call, id)
	}
	status, taken := r.form.refused(err, "")
	switch {
	case taken:
		return d.showWebhook(w, r, status, webhookView{Form: r.form})
	case err != nil:
		return err
	case !r.form.OK():
		return d.showWebhook(w, r, http.StatusBadRequest, webhookView{Form: r.form})
	}
	return d.done(w, r, webhookPath(id), said)
}

func (d *door) switchWebhook(w http.ResponseWriter, r *request) error {
	state := membership.WebhookState(r.form.Value("state"))
	return d.onWebhook(w, r, "webhook-changed", func(call membership.Call, id membership.ID) error {
		_, err := d.Directory.UpdateWebhook(r.Context(), call, id, membership.WebhookSpec{State: &state})
		return err
	})
}

func (d *door) rotateWebhook(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	over := r.form.readOverlap()
	if !r.form.OK() {
		return d.showWebhook(w, r, http.StatusBadRequest, webhookView{Form: r.form})
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	hook, err := d.Directory.RotateWebhookSecret(r.Context(), call, id, over)
	if status, taken := r.form.refused(err, "hours"); taken {
		return d.showWebhook(w, r, status, webhookView{Form: r.form})
	}
	if err != nil {
		return err
	}
	return d.showWebhookSecret(w, r, hook)
}

func (d *door) testWebhook(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	o, err := d.Directory.TestWebhook(r.Context(), r.call, id)
	if status, taken := r.form.refused(err, ""); taken {
		return d.showWebhook(w, r, status, webhookView{Form: r.form})
	}
	if err != nil {
		return err
	}
	_, _, err = d.Sessions.Verify(r.Context(), r.sessionText) // it runs again
	if errors.Is(err, auth.ErrUnauthenticated) {
		return d.toLogin(w, r)
	}
	if err != nil {
		return err
	}
	return d.showWebhook(w, r, http.StatusOK, webhookView{Form: newForm(nil), Tested: &o})
}

func (d *door) replayDeliveries(w http.ResponseWriter, r *request) error {
	since, until := r.form.time("since", "since"), r.form.time("until", "until")
	r.form.require("since", "say since when: what was given up on from then on is sent again")
	return d.onWebhook(w, r, "deliveries-replayed", func(call membership.Call, id membership.ID) error {
		_, err := d.Directory.RecoverDeliveries(r.Context(), call, id, since, until)
		return err
	})
}

func (d *door) retryDelivery(w http.ResponseWriter, r *request) error {
	delivery, err := r.pathID("delivery_id", "delivery")
	if err != nil {
		return err
	}
	return d.onWebhook(w, r, "delivery-retried", func(call membership.Call, id membership.ID) error {
		return d.Directory.RetryDelivery(r.Context(), call, id, delivery)
	})
}

func (d *door) webhookDeletion(w http.ResponseWriter, r *request) error {
	return d.showWebhookDeletion(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showWebhookDeletion(w http.ResponseWriter, r *request, status int, f *form) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	v := webhookView{Form: f}
	if v.Webhook, err = d.Directory.Webhook(r.Context(), r.call, id); err != nil {
		return err
	}
	return d.show(w, r, view{
		template: "webhook_delete", title: "Delete the webhook", section: accessPath, status: status, data: v,
	})
}

func (d *door) deleteWebhook(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "webhook")
	if err != nil {
		return err
	}
	r.form.require("reason", "say why: it is kept with the change")
	if !r.form.OK() {
		return d.showWebhookDeletion(w, r, http.StatusBadRequest, r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	if err := d.Directory.DeleteWebhook(r.Context(), call, id); err != nil {
		return err
	}
	return d.done(w, r, webhooksPath, "webhook-deleted")
}
