package membership

import (
	"context"
	"time"
)

// RequestDay is what came of the requests of a connection on one day (UTC) that had
// one outcome.
type RequestDay struct {
	Connection ID
	Day        time.Time
	Outcome    RequestOutcome
	Requests   int64
	LastAt     time.Time
	LastWhy    string
}

// HealthState says in a word how a connection does.
type HealthState string

// The states of health.
const (
	HealthWaiting HealthState = "waiting" // nothing was heard of it yet
	HealthActive  HealthState = "active"
	HealthSilent  HealthState = "silent"  // nothing was heard of it for longer than is usual for its provider
	HealthFailing HealthState = "failing" // the last that was heard of it ended in an error
	HealthPaused  HealthState = "paused"  // by an administrator
)

// Health is how a connection does, by the request log.
type Health struct {
	State         HealthState
	LastRequestAt time.Time // zero: none is known
	LastChangeAt  time.Time
	LastErrorAt   time.Time
	LastError     string
	Requests      int64 // of the day, UTC
	Errors        int64
}

const (
	// HealthPeriod is for how long back the last of each is known.
	HealthPeriod = 30 * 24 * time.Hour
	// silence is after how long a connection is silent; Entra asks every 40 minutes,
	// others come when something changes.
	silence      = 7 * 24 * time.Hour
	silenceEntra = 24 * time.Hour
)

// healthOf is the health of a connection by its days.
func healthOf(c Connection, days []RequestDay, now time.Time) (h Health) {
	today := now.UTC().Truncate(24 * time.Hour)
	var lastGood time.Time
	for _, d := range days {
		if d.Connection != c.ID {
			continue
		}
		isError := d.Outcome != RequestChanged && d.Outcome != RequestNothing
		if d.Day.Equal(today) {
			if h.Requests += d.Requests; isError {
				h.Errors += d.Requests
			}
		}
		h.LastRequestAt = latestOf(h.LastRequestAt, d.LastAt)
		switch {
		case !isError:
			lastGood = latestOf(lastGood, d.LastAt)
			if d.Outcome == RequestChanged {
				h.LastChangeAt = latestOf(h.LastChangeAt, d.LastAt)
			}
		case d.LastAt.After(h.LastErrorAt):
			h.LastErrorAt, h.LastError = d.LastAt, d.LastWhy
		}
	}
	usual := silence
	if c.IDP == providerEntra {
		usual = silenceEntra
	}
	switch {
	case !c.PausedAt.IsZero():
		h.State = HealthPaused
	case h.LastRequestAt.IsZero():
		h.State = HealthWaiting
	case now.Sub(h.LastRequestAt) > usual:
		h.State = HealthSilent
	case h.LastErrorAt.After(lastGood):
		h.State = HealthFailing
	default:
		h.State = HealthActive
	}
	return h
}

func latestOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Health returns how connections of the tenant do, in their order; nil: no requests
// are kept. It is for a caller who got the connections.
func (d *Directory) Health(ctx context.Context, call Call, cs []Connection) ([]Health, error) {
	if d.requests == nil {
		return nil, nil
	}
	ids := make([]ID, len(cs))
	for i, c := range cs {
		ids[i] = c.ID
	}
	now := d.clock.Now()
	days, err := d.requests.RequestLog().RequestDays(ctx, call.Tenant, ids, now.Add(-HealthPeriod))
	if err != nil {
		return nil, err
	}
	health := make([]Health, len(cs))
	for i, c := range cs {
		health[i] = healthOf(c, days, now)
	}
	return health, nil
}
