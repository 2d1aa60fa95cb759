package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// requestTimeout bounds what the store does for the requests of a tenant at once.
	requestTimeout = 5 * time.Second
	// slowTenants have to wait that long until the store counts as one that does not
	// answer: what is left of their batch is dropped.
	slowTenants = 3
	// capturedAtOnce are the bytes of bodies that are captured of a tenant and a batch,
	// which takes a second or so. The requests beyond that have their redacted body only.
	capturedAtOnce = 4 << 20
)

var errNoAnswer = errors.New("the store does not answer")

// tenantBatch is what of a batch is of one tenant.
type tenantBatch struct {
	tenant  membership.ID
	entries []requestEntry
	bodies  int // bytes of those that are to be captured
	room    int // for bytes of bodies
	windows map[membership.ID]membership.Capture
}

// byTenant parts a batch by its tenants, those first who make the least work: nobody
// waits for the bodies of another.
func byTenant(batch []requestEntry) (all []*tenantBatch) {
	of := map[membership.ID]*tenantBatch{}
	for _, e := range batch {
		b := of[e.tenant]
		if b == nil {
			b = &tenantBatch{tenant: e.tenant, room: capturedAtOnce, windows: map[membership.ID]membership.Capture{}}
			of[e.tenant], all = b, append(all, b)
		}
		b.entries = append(b.entries, e)
		if e.captures {
			b.bodies += len(e.body)
		}
	}
	slices.SortStableFunc(all, func(a, b *tenantBatch) int { return cmp.Compare(a.bodies, b.bodies) })
	return all
}

// writeBatch writes a batch, each tenant's part for itself: what goes wrong with one
// loses no request of the others.
func (k *RequestKeeper) writeBatch(ctx context.Context, batch []requestEntry) {
	var failed error
	slow := 0
	for _, b := range byTenant(batch) {
		err := errNoAnswer
		if slow < slowTenants {
			began := time.Now()
			if err = k.write(ctx, b); err != nil && time.Since(began) >= requestTimeout {
				slow++
			}
		}
		k.queue.done(b.entries, err != nil)
		if err == nil {
			k.metrics.written.Add(float64(len(b.entries)))
			continue
		}
		k.metrics.dropped.Add(float64(len(b.entries)))
		if failed == nil {
			failed = fmt.Errorf("of tenant %s: %w", b.tenant, err)
		}
	}
	if failing := failed != nil; failing != k.failing {
		if k.failing = failing; failing {
			k.log.Warn("requests could not be written to the request log, and are dropped until they can",
				zap.Error(failed))
		} else {
			k.log.Info("requests are written to the request log again")
		}
	}
}

// write writes what is of one tenant. The store has the time for itself: what is done
// here with what the tenant sent does not count.
func (k *RequestKeeper) write(ctx context.Context, b *tenantBatch) error {
	if err := enoughRoom(k.file, k.minFree); err != nil {
		return err
	}
	if known, err := k.look(ctx, b); err != nil || !known {
		return err
	}
	rows := make([]membership.Request, 0, len(b.entries))
	for i := range b.entries {
		e := &b.entries[i]
		q := e.request(k.requestKey)
		if e.captures {
			k.capture(b, e, &q)
		}
		k.metrics.heard.heard(q.Tenant, q.Connection, q.At)
		rows = append(rows, q)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return k.kept.AppendRequests(ctx, rows)
}

// look reports whether there is the tenant, and reads the windows of its connections.
func (k *RequestKeeper) look(ctx context.Context, b *tenantBatch) (known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	captured := map[membership.ID]bool{}
	for i := range b.entries {
		e := &b.entries[i]
		known = known || e.proven
		if e.captures && len(e.body) > 0 {
			captured[e.note.connection] = true
		}
	}
	if !known {
		if known, err = k.isTenant(ctx, b.tenant); err != nil || !known {
			return false, err
		}
	}
	for connection := range captured {
		err := k.store.Read(ctx, b.tenant, func(r membership.Reader) error {
			c, err := r.Capture(ctx, connection)
			if err == nil {
				b.windows[connection] = c
			}
			return err
		})
		if err != nil && membership.KindOf(err) != membership.KindNotFound {
			k.log.Warn("bodies could not be captured", zap.Stringer("tenant", b.tenant), zap.Error(err))
		}
	}
	return true, nil
}

// capture adds the whole body to a request, if its window takes it and there is room.
// What goes wrong leaves the request as it is.
func (k *RequestKeeper) capture(b *tenantBatch, e *requestEntry, q *membership.Request) {
	c, open := b.windows[q.Connection]
	if len(e.body) == 0 || !open || !c.Takes(q.At) || len(e.body) > b.room {
		return
	}
	b.room -= len(e.body)
	text, state := capturedBody(e.body, e.unread || e.in > int64(len(e.body)))
	box, err := k.sealBody(q.Tenant, q.ID, text)
	if err != nil {
		k.log.Warn("a body could not be captured", zap.Stringer("tenant", q.Tenant), zap.Error(err))
		return
	}
	q.Captured, q.Sealed = state, &membership.SealedBody{Until: c.EndsAt.Add(membership.CapturedLife), Box: box}
}

// isTenant reports whether there is a tenant: a credential that is not verified can
// name any.
func (k *RequestKeeper) isTenant(ctx context.Context, id membership.ID) (known bool, err error) {
	if known, ok := k.tenants[id]; ok {
		return known, nil
	}
	err = k.store.Read(ctx, id, func(r membership.Reader) error {
		_, err := r.Tenant(ctx)
		return err
	})
	if err != nil && membership.KindOf(err) != membership.KindNotFound {
		return false, err
	}
	if len(k.tenants) > maxDroppedTenants {
		clear(k.tenants)
	}
	k.tenants[id] = err == nil
	return err == nil, nil
}
