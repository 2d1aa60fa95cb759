package membership

import (
	"context"
	"time"
)

// Capture is a window in which the whole bodies of a connection's requests are kept,
// encrypted. A connection has one at most.
type Capture struct {
	Tenant     ID
	Connection ID
	ID         ID
	OpenedBy   string // "kind:id", as of an Actor
	OpenedAt   time.Time
	EndsAt     time.Time
}

// The bounds of captures.
const (
	MaxCaptureHours = 24
	// CapturedLife is how long bodies are kept after the end of their window.
	CapturedLife = 24 * time.Hour
)

// SealedBody is a whole body, encrypted with a key outside the database, for its
// tenant and request alone.
type SealedBody struct {
	Until time.Time // when it is removed
	Box   []byte
}

// CapturedBody is a whole body as it was captured, without its secrets.
type CapturedBody struct {
	Text  string
	Cut   bool // it is not all of what was sent
	Until time.Time
}

// OpenCapture opens a window for a connection, or changes the end of the one that is
// open. Verified credentials remember it: auth.Connections sees to that.
func (d *Directory) OpenCapture(ctx context.Context, call Call, connection ID, hours int64) (c Capture, err error) {
	if err := d.mayCapture(ctx, call); err != nil {
		return c, err
	}
	if hours < 1 || hours > MaxCaptureHours {
		return c, Invalidf("hours must be a number from 1 to %d", MaxCaptureHours)
	}
	if !d.requests.Captures() {
		return c, Invalidf("bodies cannot be captured: the server has no key for them (seal_key_file)")
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if _, err := tx.LockConnectionShared(ctx, connection); err != nil {
			return err
		}
		now := d.clock.Now()
		c = Capture{
			Tenant: call.Tenant, Connection: connection, ID: NewID(), OpenedBy: call.Actor.String(),
			OpenedAt: now, EndsAt: now.Add(time.Duration(hours) * time.Hour),
		}
		if err := tx.PutCapture(ctx, c); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionCaptureOpened, ID{}, ID{}, nil,
			Facts{"capture_id": c.ID, "connection_id": connection, "ends_at": Timestamp(c.EndsAt)}))
	})
	return c, err
}

// Captures returns the window of a connection that is open, if there is one.
func (d *Directory) Captures(ctx context.Context, call Call, connection ID) (cs []Capture, err error) {
	if err := d.mayCapture(ctx, call); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		cs = nil
		if _, err := r.Connection(ctx, connection); err != nil {
			return err
		}
		c, err := r.Capture(ctx, connection, d.clock.Now())
		if err == nil {
			cs = []Capture{c}
		}
		if KindOf(err) == KindNotFound {
			err = nil
		}
		return err
	})
	return cs, err
}

// CloseCapture ends a window before its time, and removes what was captured of the
// connection, in earlier windows too. The bodies go first, so that it can be repeated,
// and once more, for those that came meanwhile.
func (d *Directory) CloseCapture(ctx context.Context, call Call, connection, id ID) error {
	open, err := d.Captures(ctx, call, connection)
	if err != nil {
		return err
	}
	if len(open) == 0 || open[0].ID != id {
		return NotFound("capture")
	}
	bodies := BodyRemoval{Connection: connection}
	if err := d.requests.RequestLog().RemoveBodies(ctx, call.Tenant, bodies); err != nil {
		return err
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		now := d.clock.Now()
		if err := tx.DeleteCapture(ctx, connection, id, now); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionCaptureClosed, ID{}, ID{},
			Facts{"capture_id": id, "connection_id": connection}, nil))
	})
	if err != nil {
		return err
	}
	return d.requests.RequestLog().RemoveBodies(ctx, call.Tenant, bodies)
}

// RequestBody returns the captured body of a request. That it was read is an event.
func (d *Directory) RequestBody(ctx context.Context, call Call, id ID) (b CapturedBody, err error) {
	if err := d.mayCapture(ctx, call); err != nil {
		return b, err
	}
	r, err := d.requests.RequestLog().Request(ctx, call.Tenant, id)
	if err != nil {
		return b, err
	}
	if b, err = d.openBody(ctx, r); err != nil {
		return b, err
	}
	return b, d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		return tx.AppendEvents(ctx, call.Event(d.clock.Now(), ActionCaptureRead, ID{}, ID{}, nil,
			Facts{"request_log_id": id, "connection_id": r.Connection}))
	})
}

// openBody decrypts the captured body of a request.
func (d *Directory) openBody(ctx context.Context, r Request) (b CapturedBody, err error) {
	none := NotFound("captured body")
	if r.Captured == NotCaptured {
		return b, none
	}
	sealed, err := d.requests.RequestLog().RequestBody(ctx, r.Tenant, r.ID)
	if err != nil {
		return b, err
	}
	if !sealed.Until.After(d.clock.Now()) {
		return b, none
	}
	text, err := d.requests.OpenBody(r.Tenant, r.ID, sealed.Box)
	if err != nil {
		return b, &Error{Kind: KindGone, Err: err,
			Message: "the captured body cannot be decrypted: the server has another key than it had then"}
	}
	return CapturedBody{Text: text, Cut: r.Captured == CapturedCut, Until: sealed.Until}, nil
}

// mayCapture asks whether the call may have to do with whole bodies.
func (d *Directory) mayCapture(ctx context.Context, call Call) error {
	if err := d.allow(ctx, call, OpCaptureRequests, ID{}, ID{}); err != nil {
		return err
	}
	if d.requests == nil {
		return noRequestLog()
	}
	return nil
}
