package server

import (
	"context"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

// webhookBatch is what a server sends to a webhook while it holds it.
type webhookBatch struct {
	of    *Webhooks
	work  db.WebhookWork
	began time.Time

	done  []membership.Delivery
	until time.Time // it is let alone; zero: no longer than now
	more  bool      // there may be
	why   string    // it was disabled
}

// attempt is a delivery with the event that it tells of.
type attempt struct {
	membership.Delivery
	event   membership.Event
	signals []membership.Signal // of a stream
}

func (b *webhookBatch) run(ctx context.Context) error {
	again, err := b.again(ctx)
	if err != nil {
		return err
	}
	if len(again) > 0 {
		b.more = b.send(ctx, again)
		return nil
	}
	if b.work.Ordered && b.work.Retrying > 0 || b.work.Retrying >= maxRetrying {
		b.until = b.of.now().Add(time.Second)
		return nil
	}
	fresh, last, full, err := b.fresh(ctx)
	if err != nil {
		return err
	}
	if b.send(ctx, fresh) {
		b.work.Position, b.more = max(b.work.Position, last), full
	}
	return nil
}

// again are the deliveries that are to be tried again, with their events.
func (b *webhookBatch) again(ctx context.Context) (as []attempt, err error) {
	if len(b.work.Due) == 0 {
		return nil, nil
	}
	err = b.of.store.Read(ctx, b.work.Tenant, func(r membership.Reader) error {
		as = as[:0]
		for _, d := range b.work.Due {
			es, err := r.NumberedEvents(ctx, membership.EventFilter{
				Cursor: membership.EventCursor{Number: max(d.Number-2, 0), Through: d.Number}, Limit: 2,
			})
			if err != nil {
				return err
			}
			if n := len(es); n > 0 && es[n-1].Number == d.Number {
				as = append(as, b.attempt(d, eventBefore(es, n-1), es[n-1]))
			}
		}
		return nil
	})
	return as, err
}

// fresh are the events after the position of the webhook that it wants. last is the
// number of the last one that was read; full says that there may be more behind it.
func (b *webhookBatch) fresh(ctx context.Context) (as []attempt, last int64, full bool, err error) {
	err = b.of.store.Read(ctx, b.work.Tenant, func(r membership.Reader) error {
		as, last, full = as[:0], b.work.Position, false
		from := b.work.Position
		if b.work.Stream() {
			// It was disabled since, where it is somewhere else now.
			if w, err := r.Webhook(ctx, b.work.ID); err != nil || w.Position != from {
				return err
			}
			from = max(from-1, 0) // what it is told depends on the event before
		}
		es, err := r.NumberedEvents(ctx, membership.EventFilter{
			Cursor: membership.EventCursor{Number: from}, Limit: deliverBatch,
		})
		if err != nil {
			return err
		}
		for i, e := range es {
			if e.Number <= b.work.Position {
				continue
			}
			last = e.Number
			a := b.attempt(membership.Delivery{
				Webhook: b.work.ID, Number: e.Number, ID: membership.NewID(), Action: e.Action,
			}, eventBefore(es, i), e)
			if len(a.signals) > 0 || !b.work.Stream() && b.work.Wants(e) {
				as = append(as, a)
			}
		}
		full = len(es) == deliverBatch
		return nil
	})
	return as, last, full, err
}

// attempt is one at a delivery of an event, with the one before it in the log.
func (b *webhookBatch) attempt(d membership.Delivery, before, e membership.Event) attempt {
	a := attempt{Delivery: d, event: e}
	if b.work.Stream() {
		a.signals = b.work.Signals(before, e)
	}
	return a
}

// eventBefore is the one before that of an index; zero: there is none.
func eventBefore(es []membership.Event, i int) (before membership.Event) {
	if i > 0 {
		before = es[i-1]
	}
	return before
}

// send makes attempts in the order of their numbers, one after another or several at
// once. It returns whether it got through all: not when the time is over, or where an
// ordered webhook did not take one, which is to come before the next.
func (b *webhookBatch) send(ctx context.Context, as []attempt) bool {
	width := abreast
	if b.work.Ordered {
		width = 1
	}
	for len(as) > 0 {
		if ctx.Err() != nil {
			return false
		}
		if b.of.now().Sub(b.began) > batchTime {
			b.more = true
			return false
		}
		part := as[:min(width, len(as))]
		as = as[len(part):]
		outcomes := b.sendPart(ctx, part)
		if ctx.Err() != nil { // what failed may have failed of that
			return false
		}
		if !b.settle(part, outcomes) {
			if b.why != "" && b.work.Stream() {
				b.of.sayPaused(ctx, b.work.Webhook)
			}
			return false
		}
	}
	return true
}

func (b *webhookBatch) sendPart(ctx context.Context, part []attempt) []membership.Outcome {
	outcomes := make([]membership.Outcome, len(part))
	one := func(i int) {
		e := part[i].event
		if b.work.Stream() {
			outcomes[i] = b.of.sendSignals(ctx, b.work.Webhook, &part[i].Delivery, e, part[i].signals)
			return
		}
		outcomes[i] = sendWebhook(ctx, b.of.client, b.work.Webhook, e.ID.String(), b.of.now(), messageOf(e))
	}
	if len(part) == 1 {
		one(0)
		return outcomes
	}
	var all sync.WaitGroup
	for i := range part {
		all.Go(func() { one(i) })
	}
	all.Wait()
	return outcomes
}

// settle notes what attempts came to, and returns whether to go on.
func (b *webhookBatch) settle(part []attempt, outcomes []membership.Outcome) bool {
	ds, failed := make([]membership.Delivery, len(part)), 0
	for i, a := range part {
		ds[i] = a.Delivery
		if outcomes[i].Problem != "" {
			failed++
		}
	}
	now := b.of.now()
	b.why = b.work.Settle(ds, outcomes, now, jitter)
	b.done = append(b.done, ds...)
	b.work.Position = max(b.work.Position, ds[len(ds)-1].Number)
	wait := time.Duration(0)
	if failed == len(part) && !b.work.Ordered {
		wait = afterFailure
	}
	for _, o := range outcomes {
		wait = max(wait, min(o.Wait, maxWait))
	}
	if wait > 0 {
		b.until = now.Add(wait)
	}
	return b.why == "" && wait == 0 && failed < len(part)
}

// step is what is to be written.
func (b *webhookBatch) step() db.WebhookStep {
	now := b.of.now()
	s := db.WebhookStep{Webhook: b.work.Webhook, Done: b.done, Until: b.until}
	if b.why != "" {
		e := membership.Call{
			Tenant: b.work.Tenant, Actor: membership.Actor{Kind: membership.ActorSystem, ID: "webhooks"},
			Credential: membership.Credential{Kind: membership.CredentialSystem},
		}.Event(now, membership.ActionWebhookDisabled, membership.ID{}, membership.ID{}, nil,
			membership.Facts{"webhook_id": b.work.ID, "why": b.why})
		s.Event = &e
	}
	return s
}
