package membership

import (
	"context"
	"time"
)

const (
	// MaxPolled is how many signals one answer has at most.
	MaxPolled = 100
	// MaxAcknowledged is of how many signals one request says what became of them, in
	// each of its two lists.
	MaxAcknowledged = 1000
	// A poll reads at most pollReads times pollRead events.
	pollRead, pollReads = 100, 50
	// pollWindow is how far behind the first signal that was not acknowledged others are
	// offered.
	pollWindow = 1000
)

// StreamPoll is what the receiver of a stream says and asks for.
type StreamPoll struct {
	Taken  []SignalID
	Failed map[SignalID]string // what it could not take, and why
	Most   int                 // signals that it wants, up to MaxPolled
}

// StreamPage is what a receiver has not acknowledged yet.
type StreamPage struct {
	Stream  Webhook
	Signals []StreamSignal
	More    bool        // there may be
	Follow  EventCursor // what comes later is after it
}

// StreamSignal is a signal of a stream.
type StreamSignal struct {
	ID    SignalID
	Event ID // it is told by this event of the log
	Signal
}

// PollStream notes what a receiver acknowledges, and returns what comes next. Nothing is
// kept for it but how far it is: what it does not acknowledge it is offered again.
func (d *Directory) PollStream(ctx context.Context, call Call, id ID, poll StreamPoll) (page StreamPage, err error) {
	if err := d.mayReceive(ctx, call); err != nil {
		return page, err
	}
	if _, err := d.numberEvents(ctx, call.Tenant); err != nil {
		return page, err
	}
	says := len(poll.Taken)+len(poll.Failed) > 0
	if !says {
		moved := false
		err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
			p, err := d.readPoll(ctx, r, poll)(streamOf(call)(r.Webhook(ctx, id)))
			page, moved = p.page, err == nil && p.position-p.page.Stream.Position >= pollWindow
			return err
		})
		if err != nil || !moved {
			return page, err
		}
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		p, err := d.readPoll(ctx, tx, poll)(streamOf(call)(tx.LockWebhook(ctx, id)))
		if page = p.page; err != nil || p.position == page.Stream.Position && len(p.done) == 0 {
			return err
		}
		return tx.MoveStream(ctx, id, p.position, p.done)
	})
	return page, err
}

func (d *Directory) readPoll(ctx context.Context, r Reader, poll StreamPoll) func(Webhook, error) (*streamPoll, error) {
	return func(w Webhook, err error) (*streamPoll, error) {
		p := &streamPoll{
			page: StreamPage{Stream: w}, most: min(poll.Most, MaxPolled), now: d.clock.Now(), position: w.Position,
			taken: map[int64]int64{}, failed: map[int64]string{}, rows: map[int64]Delivery{},
		}
		switch {
		case err != nil:
			return p, err
		case !w.Polled():
			return p, NotFound("stream that is polled")
		case !w.State.Live():
			p.most = 0
		}
		for _, id := range poll.Taken {
			if id.Stream == w.ID {
				p.taken[id.Number] |= 1 << id.Part
				p.last = max(p.last, id.Number)
			}
		}
		for id, why := range poll.Failed {
			if id.Stream == w.ID {
				p.failed[id.Number] = why
				p.last = max(p.last, id.Number)
			}
		}
		if err := p.again(ctx, r); err != nil {
			return p, err
		}
		err = p.fresh(ctx, r)
		p.page.More = p.page.More && w.State.Live()
		return p, err
	}
}

// streamPoll is one look at what a stream has to tell.
type streamPoll struct {
	page   StreamPage
	most   int
	now    time.Time
	taken  map[int64]int64 // what is acknowledged of an event
	failed map[int64]string
	last   int64 // event that something is said of

	rows     map[int64]Delivery
	done     []Delivery
	position int64
}

// again offers what an administrator wants to be sent again.
func (p *streamPoll) again(ctx context.Context, r Reader) error {
	due, err := r.DueDeliveries(ctx, p.page.Stream.ID, p.now, MaxPolled)
	for _, d := range due {
		if err != nil || d.Number > p.position {
			break
		}
		p.rows[d.Number] = d
		var es []Event
		es, err = r.NumberedEvents(ctx, EventFilter{
			Cursor: EventCursor{Number: max(d.Number-2, 0), Through: d.Number}, Limit: 2,
		})
		if n := len(es); err == nil && n > 0 && es[n-1].Number == d.Number {
			var before Event
			if n == 2 {
				before = es[0]
			}
			p.look(before, es[n-1])
		}
	}
	return err
}

// fresh goes through the log from where the stream is. What its receiver does not want or
// has taken it leaves behind.
func (p *streamPoll) fresh(ctx context.Context, r Reader) error {
	head, err := r.EventHead(ctx)
	if err != nil {
		return err
	}
	p.page.Follow.Number = head
	rows, err := r.DeliveriesAfter(ctx, p.page.Stream.ID, p.position, pollWindow+MaxAcknowledged)
	if err != nil {
		return err
	}
	for _, d := range rows {
		p.rows[d.Number] = d
	}
	var before Event
	begin, after, waits := p.position, max(p.position-1, 0), false
	for range pollReads {
		es, err := r.NumberedEvents(ctx, EventFilter{Cursor: EventCursor{Number: after}, Limit: pollRead})
		if err != nil || len(es) == 0 {
			return err
		}
		for _, e := range es {
			if e.Number > begin {
				settled := p.look(before, e)
				if waits = waits || !settled; !waits {
					p.position = e.Number
				}
			}
			before, after = e, e.Number
		}
		full := len(p.page.Signals) >= p.most && waits && after >= p.last
		if full || after-p.position > pollWindow || after >= head {
			break
		}
	}
	p.page.More = p.page.More || after < head
	return nil
}

// look offers what is left to be told of an event, and reports whether that is nothing.
func (p *streamPoll) look(before, e Event) (settled bool) {
	w := p.page.Stream
	all := w.Signals(before, e)
	d, known := p.rows[e.Number]
	if len(all) == 0 || known && d.Status != DeliveryRetrying {
		return true
	}
	if !known {
		d = Delivery{Webhook: w.ID, Number: e.Number, ID: NewID(), Action: e.Action, Status: DeliveryRetrying}
	}
	why, failed := p.failed[e.Number]
	if d.Taken |= p.taken[e.Number]; p.taken[e.Number] != 0 || failed {
		d.note(Attempt{At: p.now, Problem: why})
		switch {
		case failed:
			d.Status, d.NextAt = DeliveryDead, time.Time{}
		case len(d.Left(all)) == 0:
			d.Status, d.NextAt = DeliveryDone, time.Time{}
		}
		p.done = append(p.done, d)
	}
	if d.Status != DeliveryRetrying {
		return true
	}
	for _, s := range d.Left(all) {
		if len(p.page.Signals) >= p.most {
			p.page.More = true
			break
		}
		p.page.Signals = append(p.page.Signals,
			StreamSignal{ID: SignalID{w.ID, e.Number, s.Part}, Event: e.ID, Signal: s})
	}
	return false
}
