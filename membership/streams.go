package membership

import (
	"context"
	"reflect"
	"time"
)

// mayReceive asks for the permission to receive streams, and for those to read what they
// tell of: no stream tells more than its receiver may read.
func (d *Directory) mayReceive(ctx context.Context, call Call) error {
	for _, op := range []Operation{OpReceiveStreams, OpReadUsers, OpReadGroups} {
		if err := d.allow(ctx, call, op, ID{}, ID{}); err != nil {
			return err
		}
	}
	return nil
}

// Streams returns those of the caller.
func (d *Directory) Streams(ctx context.Context, call Call) (streams []Webhook, err error) {
	if err := d.mayReceive(ctx, call); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		all, err := r.Webhooks(ctx)
		streams = nil
		for _, w := range all {
			if w.receivedBy(call) {
				streams = append(streams, w)
			}
		}
		return err
	})
	return streams, err
}

// Stream returns one of the caller's.
func (d *Directory) Stream(ctx context.Context, call Call, id ID) (w Webhook, err error) {
	if err := d.mayReceive(ctx, call); err != nil {
		return w, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		w, err = streamOf(call)(r.Webhook(ctx, id))
		return err
	})
	return w, err
}

// streamOf passes on a webhook that is a stream of the caller's. One of another receiver
// is not there.
func streamOf(call Call) func(Webhook, error) (Webhook, error) {
	return func(w Webhook, err error) (Webhook, error) {
		if KindOf(err) == KindNotFound || err == nil && !w.receivedBy(call) {
			return Webhook{}, NotFound("stream")
		}
		return w, err
	}
}

// receivedBy reports whether a webhook is a stream that the caller made.
func (w Webhook) receivedBy(call Call) bool {
	return w.Stream() && w.Owner != "" && w.Owner == call.Holder
}

// CreateStream makes a stream of the caller's, which tells of what happens from now on:
// of what the tenant sees, or of what one connection does.
func (d *Directory) CreateStream(ctx context.Context, call Call, s StreamSpec) (w Webhook, err error) {
	if err := d.mayReceive(ctx, call); err != nil {
		return w, err
	}
	now := d.clock.Now()
	w = Webhook{
		Tenant: call.Tenant, ID: NewID(), Signing: SigningSET, Ordered: true, State: StreamEnabled,
		Owner: call.Holder, CreatedAt: now, UpdatedAt: now,
	}
	if s.Connection != nil && !s.Connection.IsZero() {
		w.Connections = []ID{*s.Connection}
	}
	w.Requested = w.Supported()
	if w, err = d.applyStream(w, s); err != nil {
		return w, err
	}
	if _, err := d.numberEvents(ctx, call.Tenant); err != nil { // what happened before is not told
		return w, err
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		for _, c := range w.Connections {
			if err := liveConnection(ctx, tx, c); err != nil {
				return err
			}
		}
		if err := addWebhook(ctx, tx, &w, nil); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionWebhookCreated, ID{}, ID{}, nil, w.facts()))
	})
	return w, err
}

func (d *Directory) applyStream(w Webhook, s StreamSpec) (Webhook, error) {
	w, err := s.apply(w)
	if err == nil && !w.Polled() {
		err = d.webhookURL(w.URL)
	}
	return w, err
}

// UpdateStream changes a stream; nothing happens when it is so already. expect looks at
// it first.
func (d *Directory) UpdateStream(
	ctx context.Context, call Call, id ID, s StreamSpec, expect func(Webhook) error,
) (Webhook, error) {
	return d.changeStream(ctx, call, id, func(_ Tx, w Webhook) (Webhook, error) {
		if err := expect(w); err != nil {
			return w, err
		}
		return d.applyStream(w, s)
	})
}

// SetStreamState enables, pauses or disables a stream, for the reason why. A paused one
// goes on where it was, a disabled one with what happens after it is enabled again (SSF
// 1.0 section 8.1.2).
func (d *Directory) SetStreamState(
	ctx context.Context, call Call, id ID, state WebhookState, why string,
) (Webhook, error) {
	switch state {
	case StreamEnabled, StreamPaused, WebhookDisabled:
	default:
		return Webhook{}, Invalidf("status must be enabled, paused or disabled")
	}
	if err := checkText("reason", why, false); err != nil {
		return Webhook{}, err
	}
	if err := d.mayReceive(ctx, call); err != nil {
		return Webhook{}, err
	}
	if _, err := d.numberEvents(ctx, call.Tenant); err != nil { // a disabled stream begins behind them
		return Webhook{}, err
	}
	return d.changeStream(ctx, call, id, func(tx Tx, w Webhook) (Webhook, error) {
		was := w.State
		w.State, w.Why = state, why
		if was == state {
			return w, nil
		}
		w.FailingFrom = time.Time{}
		switch {
		case state == WebhookDisabled:
			if err := tx.ParkDeliveries(ctx, id); err != nil {
				return w, err
			}
			return w, tx.MoveStream(ctx, id, w.Position, nil) // what is sent now is not tried again
		case was == WebhookDisabled:
			head, err := tx.EventHead(ctx)
			if err != nil {
				return w, err
			}
			return w, tx.MoveStream(ctx, id, head, nil)
		}
		return w, nil
	})
}

func (d *Directory) changeStream(
	ctx context.Context, call Call, id ID, change func(Tx, Webhook) (Webhook, error),
) (w Webhook, err error) {
	if err := d.mayReceive(ctx, call); err != nil {
		return w, err
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		before, err := streamOf(call)(tx.LockWebhook(ctx, id))
		if err != nil {
			return err
		}
		if w, err = change(tx, before); err != nil || reflect.DeepEqual(w, before) {
			return err
		}
		w.UpdatedAt = d.clock.Now()
		if err := writeWebhook(ctx, tx, before, w); err != nil {
			return err
		}
		return tx.AppendEvents(ctx,
			call.Event(w.UpdatedAt, ActionWebhookUpdated, ID{}, ID{}, before.facts(), w.facts()))
	})
	return w, err
}

// DeleteStream ends a stream.
func (d *Directory) DeleteStream(ctx context.Context, call Call, id ID) error {
	if err := d.mayReceive(ctx, call); err != nil {
		return err
	}
	return d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		w, err := streamOf(call)(tx.LockWebhook(ctx, id))
		if err != nil {
			return err
		}
		return d.deleteWebhook(ctx, tx, call, w)
	})
}

// VerifyStream lets a stream tell its receiver that it works, with a state that the
// receiver knows it by. It is an event of the log, so it comes the way that everything
// comes. KindRateLimited: it was asked for less than VerificationInterval ago.
func (d *Directory) VerifyStream(ctx context.Context, call Call, id ID, state *string) error {
	if state != nil && (len(*state) > maxVerification || !ValidText(*state)) {
		return Invalidf("state must be at most %d bytes", maxVerification)
	}
	if err := d.mayReceive(ctx, call); err != nil {
		return err
	}
	return d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		w, err := streamOf(call)(tx.LockWebhook(ctx, id))
		if err != nil {
			return err
		}
		if w.State == WebhookDisabled {
			return Invalidf("the stream is disabled: enable it first")
		}
		now := d.clock.Now()
		if since := now.Sub(w.VerifiedAt); since < VerificationInterval {
			return &Error{
				Kind: KindRateLimited, RetryAfter: VerificationInterval - since,
				Message: "this stream was verified a moment ago",
			}
		}
		w.VerifiedAt = now
		if err := tx.UpdateWebhook(ctx, w); err != nil {
			return err
		}
		facts := Facts{"stream_id": id}
		if state != nil {
			facts["state"] = *state
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionStreamVerification, ID{}, ID{}, nil, facts))
	})
}
