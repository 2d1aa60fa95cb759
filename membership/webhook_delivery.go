package membership

import (
	"slices"
	"time"
)

// DeliveryStatus says how far the delivery of an event to a webhook is.
type DeliveryStatus string

// The statuses of deliveries.
const (
	DeliveryDone     DeliveryStatus = "delivered"
	DeliveryRetrying DeliveryStatus = "retrying" // it failed, and will be tried again
	DeliveryDead     DeliveryStatus = "dead"     // it was given up on
)

// Delivery is what became of one event at one webhook.
type Delivery struct {
	Webhook  ID
	Number   int64 // of the event
	ID       ID
	Action   Action
	Status   DeliveryStatus
	Attempts int       // since the beginning of the schedule
	Attempt            // the last one; zero: there was none
	Earlier  []Attempt // those before it, the first one first
	NextAt   time.Time // zero: it is not tried again
	Taken    int64     // of a stream: which Signals of the event were taken, a bit each
}

// Attempt is one request that told a webhook of an event.
type Attempt struct {
	At      time.Time     // its end
	HTTP    int           // status of the answer; 0: there was none
	Problem string        // empty: success
	Took    time.Duration // in microseconds
}

const (
	// DeliveryLife is how long what became of an event is kept, from the last attempt on.
	DeliveryLife = 30 * 24 * time.Hour
	// MaxAttempts is how many attempts of a delivery are kept, the last ones: more than
	// the schedule makes in DeliveryLife. Retries by hand have no other bound.
	MaxAttempts = 100
)

// retryAfter is the pause before each attempt after the first one.
var retryAfter = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
	20 * time.Hour, 24 * time.Hour,
}

// webhookPatience is how long a webhook may fail before it is disabled.
const webhookPatience = 5 * 24 * time.Hour

// Outcome is what an attempt came to.
type Outcome struct {
	HTTP    int
	Problem string // empty: success
	Gone    bool   // the receiver wants no more: 410
	Wait    time.Duration
	Took    time.Duration
}

// All are the attempts that are kept, the last one first.
func (d Delivery) All() []Attempt {
	all := slices.Clone(d.Earlier)
	if !d.At.IsZero() {
		all = append(all, d.Attempt)
	}
	slices.Reverse(all)
	return all
}

// note makes an attempt the last one.
func (d *Delivery) note(a Attempt) {
	if !d.At.IsZero() {
		d.Earlier = append(d.Earlier, d.Attempt)
	}
	d.Earlier = d.Earlier[max(0, len(d.Earlier)-(MaxAttempts-1)):]
	d.Attempt = a
	d.Attempts++
}

// settle notes an attempt at a time. jitter is from 0 to 1.
func (d *Delivery) settle(o Outcome, at time.Time, jitter float64) {
	d.note(Attempt{At: at, HTTP: o.HTTP, Problem: o.Problem, Took: o.Took.Truncate(time.Microsecond)})
	d.NextAt = time.Time{}
	switch {
	case o.Problem == "":
		d.Status = DeliveryDone
	case o.Gone || d.Attempts > len(retryAfter):
		d.Status = DeliveryDead
	default:
		pause := retryAfter[d.Attempts-1]
		pause += time.Duration(float64(pause) * jitter / 5)
		d.Status, d.NextAt = DeliveryRetrying, at.Add(max(pause, min(o.Wait, 24*time.Hour)))
	}
}

// Settle notes what became of deliveries to the webhook. It returns why the webhook
// must be disabled now, or "".
func (w *Webhook) Settle(ds []Delivery, os []Outcome, at time.Time, jitter func() float64) (why string) {
	for i := range ds {
		ds[i].settle(os[i], at, jitter())
		switch {
		case os[i].Problem == "":
			w.FailingFrom = time.Time{}
		case w.FailingFrom.IsZero():
			w.FailingFrom = at
		}
		if os[i].Gone {
			why = "the receiver answered 410: it wants no more"
		}
	}
	if why == "" && !w.FailingFrom.IsZero() && at.Sub(w.FailingFrom) >= webhookPatience {
		why = "it has failed for five days"
	}
	if why != "" {
		w.State, w.Why = WebhookDisabled, why
		if w.Stream() { // what happens until its receiver enables it again is not lost
			w.State = StreamPaused
		}
	}
	return why
}
