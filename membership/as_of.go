package membership

import (
	"context"
	"time"
)

// AsOf is a time that a read is of; the zero one is the present.
type AsOf struct {
	Time time.Time
	// Behind, where it is not zero, is what the clock of the machine says, and what
	// is dated after it has happened by Time all the same: another server wrote it
	// whose clock is ahead, or this one did before its clock was set back. When
	// it happened is not known, but it has.
	Behind time.Time
}

// justNow is how far back a time is that counts as the present: a caller reads the
// clock before the request is sent.
const justNow = 5 * time.Second

// near sets Behind, if the time is about what the clock of the machine says.
func (t AsOf) near(machine time.Time) AsOf {
	t.Time, t.Behind = t.Time.UTC().Truncate(time.Microsecond), time.Time{}
	if !t.Time.IsZero() && !t.Time.Before(machine.Add(-justNow)) {
		t.Behind = machine
	}
	return t
}

// of is the same time for a snapshot that exists when the clock of the machine
// says so: what came between is dated later and not ahead of it.
func (t AsOf) of(machine time.Time) AsOf {
	if !t.Behind.IsZero() {
		t.Behind = machine
	}
	return t
}

// asOf returns the time that a report is of: at, or the present with the time
// that it has. Time never goes back behind what is written in the tenant, whatever
// the clock of this server says.
func (d *Directory) asOf(ctx context.Context, r EventReader, at time.Time) (AsOf, error) {
	machine, now := d.clock.machine.Now(), d.clock.Now()
	if at.IsZero() || at.After(now) {
		written, err := r.LastWritten(ctx)
		if err != nil {
			return AsOf{}, err
		}
		if written.After(now) {
			now = d.clock.saw(written)
		}
	}
	switch {
	case at.IsZero():
		at = now
	case at.After(now):
		return AsOf{}, Invalidf("as_of is in the future: who will be a member of what is not known")
	}
	return AsOf{Time: at}.near(machine), nil
}
