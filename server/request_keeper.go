package server

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	// requestBatch is how many requests are written together, requestDelay for how
	// long one waits for others.
	requestBatch = 2000
	requestDelay = time.Second
	// requestsAtEnd bounds the writing of all that is left when the server stops.
	requestsAtEnd = 5 * time.Second
	// minFreeDisk is the room on the disk of an embedded store below which the log is
	// not written: what is left is for provisioning.
	minFreeDisk = 256 << 20
	// Of what is too old so many are removed at once, with a pause between.
	requestsRemoved = 200
	removePause     = 50 * time.Millisecond
	removeEvery     = 10 * time.Minute
)

// RequestKeeper keeps the request log: what every request leaves waits in a queue, and
// is redacted and written in the background. A nil one keeps nothing.
type RequestKeeper struct {
	requestKey
	queue   *requestQueue
	kept    *db.RequestLog
	store   *db.Store
	age     time.Duration
	file    string // whose disk has to have room; "": it is not known
	minFree uint64 // minFreeDisk
	metrics *requestMetrics
	log     *zap.Logger

	writing *sync.Mutex            // by one at a time
	tenants map[membership.ID]bool // that there are, of those that a credential named
	failing bool
}

// openRequests opens the request log of a configuration; nil: there is none. A log
// that cannot be opened is no reason not to serve.
func openRequests(
	ctx context.Context, c config.Config, store *db.Store, m *requestMetrics, log *zap.Logger,
) *RequestKeeper {
	if c.RequestLog == 0 {
		return nil
	}
	kept, err := store.OpenRequestLog(ctx, string(c.DatabaseURL))
	if err != nil {
		log.Error("there is no request log, as it cannot be opened", zap.Error(err))
		return nil
	}
	k := &RequestKeeper{
		queue: newRequestQueue(), kept: kept, store: store, age: c.RequestLog,
		file: db.RequestLogFile(string(c.DatabaseURL)), minFree: minFreeDisk,
		metrics: m, log: log, writing: &sync.Mutex{}, tenants: map[membership.ID]bool{},
	}
	k.queue.refused = func(n int) { m.dropped.Add(float64(n)) }
	if path := requestKeyFile(c); path == "" {
		log.Warn("requests cannot be found by userName or externalId: set seal_key_file, beside which their key is " +
			"kept")
	} else if k.requestKey, err = loadRequestKey(path); err != nil {
		log.Error("requests cannot be found by userName or externalId: the key cannot be read", zap.Error(err))
	}
	m.up.Set(1)
	return k
}

// ExistingRequests is the request log of a command, which only reads; nil: there is
// none. close ends its use.
func ExistingRequests(
	ctx context.Context, c config.Config, store *db.Store,
) (kept membership.KeptRequests, end func() error) {
	k, err := existingRequests(ctx, c, store)
	if k == nil {
		return nil, func() error { return nil }
	}
	_ = err // of the key, without which names are not found
	return k, k.kept.Close
}

// existingRequests opens the request log if there is one. Where only its key cannot be
// read there is both a log and an error.
func existingRequests(ctx context.Context, c config.Config, store *db.Store) (*RequestKeeper, error) {
	if file := db.RequestLogFile(string(c.DatabaseURL)); file != "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	log, err := store.OpenRequestLog(ctx, string(c.DatabaseURL))
	if err != nil {
		return nil, err
	}
	k := &RequestKeeper{queue: newRequestQueue(), kept: log}
	if path := requestKeyFile(c); path != "" {
		if k.requestKey, err = readRequestKey(path); errors.Is(err, fs.ErrNotExist) {
			err = nil // no names are in the log
		}
	}
	return k, err
}

// RequestLog implements membership.KeptRequests.
func (k *RequestKeeper) RequestLog() membership.RequestLog { return k.kept }

// Dropped implements membership.KeptRequests.
func (k *RequestKeeper) Dropped(tenant membership.ID) int64 { return k.queue.Dropped(tenant) }

// keptRequests is what a directory reads; nil: nothing is kept.
func (s *Server) keptRequests() membership.KeptRequests {
	if s.requests == nil {
		return nil
	}
	return s.requests
}

// record takes note of a request. It never waits.
func (k *RequestKeeper) record(rec *recorder, r *http.Request, body *keptBody, began time.Time, took time.Duration) {
	if e, ok := newEntry(rec, r, body, began, took); ok {
		k.queue.add(e)
	}
}

// Run writes what waits, and removes what is too old, until ctx ends; then it writes
// what is left.
func (k *RequestKeeper) Run(ctx context.Context) {
	if k == nil {
		return
	}
	defer func() { _ = k.kept.Close() }()
	removed := make(chan struct{})
	go func() {
		defer close(removed)
		k.removeOld(ctx)
	}()
	tick := time.NewTicker(requestDelay)
	defer tick.Stop()
	writing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(requestsAtEnd, cancel) })()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-k.queue.ready:
		}
		k.writeAll(writing, ctx.Err)
	}
	k.queue.endRepeats()
	k.writeAll(writing, writing.Err)
	<-removed
}

// writeAll writes what waits, batch after batch, until ended says to stop.
func (k *RequestKeeper) writeAll(ctx context.Context, ended func() error) {
	k.writing.Lock()
	defer k.writing.Unlock()
	for more := true; more && ended() == nil; {
		var batch []requestEntry
		if batch, more = k.queue.take(time.Now()); len(batch) == 0 {
			return
		}
		k.writeBatch(ctx, batch)
	}
}

// removeOld removes what is older than the log is kept, in steps that hold up nobody.
func (k *RequestKeeper) removeOld(ctx context.Context) {
	tick := time.NewTicker(removeEvery)
	defer tick.Stop()
	for {
		if err := k.countConnections(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("when connections were last heard of could not be read", zap.Error(err))
		}
		if err := k.RemoveOld(ctx, time.Now(), time.Now().Add(-k.age)); err != nil && ctx.Err() == nil {
			k.log.Warn("old requests could not be removed from the request log", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// countConnections reads when connections were last heard of: by other servers, and
// before this one started.
func (k *RequestKeeper) countConnections(ctx context.Context) error {
	from := time.Now().Add(-membership.HealthPeriod)
	err := k.eachTenant(ctx, func(tenant membership.ID) error {
		var cs []membership.Connection
		if err := k.store.Read(ctx, tenant, func(r membership.Reader) (err error) {
			cs, err = r.Connections(ctx, membership.ID{}, measuredConnections, false)
			return err
		}); err != nil {
			return err
		}
		ids, listed := make([]membership.ID, len(cs)), map[membership.ID]bool{}
		for i, c := range cs {
			ids[i], listed[c.ID] = c.ID, true
		}
		days, err := k.kept.RequestDays(ctx, tenant, ids, from)
		if err != nil {
			return err
		}
		for _, d := range days {
			k.metrics.heard.heard(tenant, d.Connection, d.LastAt)
		}
		if len(cs) < measuredConnections {
			k.metrics.heard.keep(tenant, listed)
		}
		return nil
	})
	if err == nil {
		k.metrics.heard.forget(from)
	}
	return err
}

// RemoveOld removes the requests of all tenants from before a time, captured bodies
// whose time is over now, and the keys of persons who were erased long ago.
func (k *RequestKeeper) RemoveOld(ctx context.Context, now, before time.Time) error {
	return k.eachTenant(ctx, func(tenant membership.ID) error {
		if err := k.removeBodies(ctx, tenant, now); err != nil {
			return err
		}
		for {
			n, err := k.kept.RemoveRequests(ctx, tenant, before, requestsRemoved)
			if err != nil || n == 0 {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(removePause):
			}
			if n < requestsRemoved {
				return nil
			}
		}
	})
}

// eachTenant does something for each tenant, page after page.
func (k *RequestKeeper) eachTenant(ctx context.Context, do func(membership.ID) error) error {
	const page = 100
	for after := (membership.ID{}); ; {
		tenants, err := k.store.Tenants(ctx, after, page)
		if err != nil {
			return err
		}
		for _, t := range tenants {
			if err := do(t.ID); err != nil {
				return err
			}
			after = t.ID
		}
		if len(tenants) < page {
			return nil
		}
	}
}
