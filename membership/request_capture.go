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
	ClosedAt   time.Time // when a window of the connection was last closed; zero: never
}

// Takes reports whether bodies of requests of a time are captured: the window is open
// then, and none was closed since.
func (c Capture) Takes(at time.Time) bool { return at.Before(c.EndsAt) && at.After(c.ClosedAt) }

// keepsUntil is until when the captured body of a request is kept; zero: it is not. c
// is the last window of its connection, written is what was known of its own window
// when the body was written.
func (c Capture) keepsUntil(request ID, written time.Time) time.Time {
	at := request.Time()
	switch {
	case !c.Takes(at):
		return time.Time{}
	case at.Before(c.OpenedAt.Truncate(time.Millisecond)): // as times of ids are
		return written
	}
	return c.EndsAt.Add(CapturedLife)
}

// EndedBodies are the requests of captured bodies that are not kept any more. windows
// are the last ones of all connections, read after the bodies.
func EndedBodies(windows []Capture, bodies []KeptBody, now time.Time) (ended []ID) {
	last := make(map[ID]Capture, len(windows))
	for _, c := range windows {
		last[c.Connection] = c
	}
	for _, b := range bodies {
		if !last[b.Connection].keepsUntil(b.Request, b.Until).After(now) {
			ended = append(ended, b.Request)
		}
	}
	return ended
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
	Until time.Time // when it is removed, as far as was known when it was written
	Box   []byte
}

// KeptBody says of which request there is a captured body.
type KeptBody struct {
	Request    ID
	Connection ID
	Until      time.Time // that of the SealedBody
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
		var err error
		if c, err = tx.Capture(ctx, connection); err != nil && KindOf(err) != KindNotFound {
			return err
		}
		if err != nil || !c.Takes(now) {
			c = Capture{
				Tenant: call.Tenant, Connection: connection, ID: NewID(), OpenedBy: call.Actor.String(), OpenedAt: now,
			}
		}
		c.EndsAt = now.Add(time.Duration(hours) * time.Hour)
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
		c, err := r.Capture(ctx, connection)
		if err == nil && c.Takes(d.clock.Now()) {
			cs = []Capture{c}
		}
		if KindOf(err) == KindNotFound {
			err = nil
		}
		return err
	})
	return cs, err
}

// CloseCapture ends the last window of a connection, if it is open, and removes what
// was captured of the connection, in earlier windows too. From then on no body of a
// request before it is read (Capture.ClosedAt), also one that another server writes
// afterwards. It can be repeated.
func (d *Directory) CloseCapture(ctx context.Context, call Call, connection, id ID) error {
	if err := d.mayCapture(ctx, call); err != nil {
		return err
	}
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if _, err := tx.Connection(ctx, connection); err != nil {
			return err
		}
		c, err := tx.Capture(ctx, connection)
		if err == nil && c.ID != id {
			err = NotFound("capture")
		}
		if err != nil {
			return err
		}
		now := d.clock.Now()
		if err := tx.CloseCapture(ctx, connection, id, now); KindOf(err) == KindNotFound {
			return nil // it is closed already
		} else if err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionCaptureClosed, ID{}, ID{},
			Facts{"capture_id": id, "connection_id": connection}, nil))
	})
	if err != nil {
		return err
	}
	return d.requests.RequestLog().RemoveBodies(ctx, call.Tenant, connection)
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
	var until time.Time
	err = d.store.Read(ctx, r.Tenant, func(reader Reader) error {
		c, err := reader.Capture(ctx, r.Connection)
		until = c.keepsUntil(r.ID, sealed.Until)
		return err
	})
	if KindOf(err) == KindNotFound || err == nil && !until.After(d.clock.Now()) {
		return b, none
	}
	if err != nil {
		return b, err
	}
	text, err := d.requests.OpenBody(r.Tenant, r.ID, sealed.Box)
	if err != nil {
		return b, &Error{Kind: KindGone, Err: err,
			Message: "the captured body cannot be decrypted: the server has another key than it had then"}
	}
	return CapturedBody{Text: text, Cut: r.Captured == CapturedCut, Until: until}, nil
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
