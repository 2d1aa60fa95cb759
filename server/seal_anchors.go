package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/seal/anchor"
)

const (
	// anchorEvery is how soon a checkpoint is carried to the anchors.
	anchorEvery = time.Second
	// anchorTimeout ends what an anchor does with one checkpoint.
	anchorTimeout = 30 * time.Second
	// anchorTurn is how long a server that stopped keeps others from the turn.
	anchorTurn = 2 * time.Minute
	// anchorSlots bounds what one anchor does at once, for all tenants.
	anchorSlots = 4
	// anchorBatch is how many logs one look finds.
	anchorBatch = 100
	// anchorRetry is how soon an anchor is tried again, twice as long each time, and
	// anchorRetryMost how long at most.
	anchorRetry, anchorRetryMost = 5 * time.Second, 10 * time.Minute
	// askTime is how long the first checkpoint of a log waits for what anchors have
	// seen of it: one that does not answer does not stop the sealing.
	askTime = 20 * time.Second
)

// restOf is how long an anchor is left alone after a checkpoint of a log: the next
// one says the same and more. What it costs to keep is not the same for all.
var restOf = map[string]time.Duration{"folder": time.Minute, "timestamp": 10 * time.Minute}

// anchors carries the newest checkpoints to those who remember them, each beside the
// others: one that hangs has its own few places, and nothing waits for it. What an
// anchor has not taken stands in the store, not here.
type anchors struct {
	store   *db.Store
	all     []*anchoring
	now     func() time.Time
	log     *zap.Logger
	metrics *sealMetrics

	mu    sync.Mutex
	asked map[membership.ID]*asking
	said  map[string]string // the problem of each anchor that was logged
}

// anchoring is one anchor.
type anchoring struct {
	anchor anchor.Anchor
	slots  chan struct{}
	calls  chan struct{} // a call that does not return keeps its place
	mu     sync.Mutex
	busy   map[membership.ID]bool // at most as many as slots
}

func (a *anchoring) name() string { return a.anchor.Name() }

// asking is what is known of a log that this process seals.
type asking struct {
	since time.Time
	left  map[string]bool // the anchors that were not asked yet
}

func newAnchors(store *db.Store, all []anchor.Anchor, now func() time.Time, log *zap.Logger, m *sealMetrics) *anchors {
	as := &anchors{
		store: store, now: now, log: log, metrics: m, asked: map[membership.ID]*asking{}, said: map[string]string{},
	}
	for _, a := range all {
		as.all = append(as.all, &anchoring{
			anchor: a, busy: map[membership.ID]bool{},
			slots: make(chan struct{}, anchorSlots), calls: make(chan struct{}, anchorSlots),
		})
	}
	return as
}

// run carries until ctx ends.
func (as *anchors) run(ctx context.Context) {
	var each sync.WaitGroup
	for _, a := range as.all {
		each.Go(func() {
			tick := time.NewTicker(anchorEvery)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					a.wait() // they end as well
					return
				case <-tick.C:
				}
				if err := as.round(ctx, a); err != nil && ctx.Err() == nil {
					as.problem(a.name(), err)
				}
			}
		})
	}
	each.Wait()
}

// once carries everything that is due, and waits for it.
func (as *anchors) once(ctx context.Context) error {
	for _, a := range as.all {
		if err := as.round(ctx, a); err != nil {
			return err
		}
		a.wait()
	}
	return nil
}

// wait waits until nothing is carried any more.
func (a *anchoring) wait() {
	for range anchorSlots {
		a.slots <- struct{}{}
	}
	for range anchorSlots {
		<-a.slots
	}
}

// round begins to carry what is due, as long as there are places.
func (as *anchors) round(ctx context.Context, a *anchoring) error {
	tenants, err := as.store.TenantsToAnchor(ctx, a.name(), as.now(), anchorBatch)
	if err != nil {
		return err
	}
	for _, tenant := range append(as.toAsk(a.name()), tenants...) {
		select {
		case a.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		if !a.begin(tenant) {
			<-a.slots
			continue
		}
		go func() {
			defer func() { a.end(tenant); <-a.slots }()
			as.carry(ctx, a, tenant)
		}()
	}
	return nil
}

func (a *anchoring) begin(tenant membership.ID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy[tenant] {
		return false
	}
	a.busy[tenant] = true
	return true
}

func (a *anchoring) end(tenant membership.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.busy, tenant)
}

// carry shows the newest checkpoint of a log to an anchor.
func (as *anchors) carry(ctx context.Context, a *anchoring, tenant membership.ID) {
	asks := as.mustAsk(tenant, a.name())
	now := as.now()
	turn, taken, err := as.store.TakeAnchorTurn(ctx, tenant, a.name(), now, now.Add(anchorTurn))
	if err == nil && !taken && !asks { // it is another server's
		return
	}
	if turn.Failures > 0 {
		as.metrics.anchorRetries.WithLabelValues(a.name()).Inc()
	}
	if err == nil {
		err = as.show(ctx, a, tenant)
	}
	if err == nil {
		as.wasAsked(tenant, a.name())
		return
	}
	if ctx.Err() != nil {
		return
	}
	as.metrics.anchorFailures.WithLabelValues(a.name()).Inc()
	as.problem(a.name(), err)
	retry := min(anchorRetry<<min(turn.Failures, 10), anchorRetryMost)
	if err := as.store.AnchorFailed(ctx, tenant, a.name(), as.now().Add(retry)); err != nil {
		as.problem(a.name(), err)
	}
}

// show publishes the newest checkpoint. A conflict stops the log, and is no error.
func (as *anchors) show(ctx context.Context, a *anchoring, tenant membership.ID) error {
	l, found, err := openLog(ctx, as.store, tenant)
	if err != nil || !found || l.Size == 0 || l.Stopped != "" {
		return err
	}
	sealed, err := l.sealed(ctx)
	if err != nil {
		return err
	}
	r, err := a.publish(ctx, sealed)
	var conflict *anchor.Conflict
	if errors.As(err, &conflict) {
		as.metrics.anchorFailures.WithLabelValues(a.name()).Inc()
		again, _, err := openLog(ctx, as.store, tenant)
		if err == nil && (again.Size > l.Size || again.Origin != l.Origin) {
			err = errors.New("another server has sealed more meanwhile")
		}
		if err != nil {
			return err
		}
		as.log.Error("an anchor has seen another log", zap.String("tenant_id", tenant.String()), zap.Error(conflict))
		return as.store.StopSealLog(ctx, tenant, l.Origin, conflict.Error())
	}
	if err != nil {
		return err
	}
	as.metrics.anchored.WithLabelValues(a.name()).Inc()
	at := as.now()
	receipt := db.SealReceipt{Anchor: a.name(), Lines: r.Cosignatures, Token: r.Token}
	return as.store.AnchorTook(ctx, tenant, sealed.Origin, sealed.Size, receipt, at, at.Add(restOf[a.name()]))
}

// sealed is the newest checkpoint as the log's keys signed it, with what proves it.
func (l sealedLog) sealed(ctx context.Context) (anchor.Sealed, error) {
	text, err := l.store.Checkpoint(ctx, l.tenant, l.Origin, l.Size)
	if err != nil {
		return anchor.Sealed{}, err
	}
	c, err := seal.UnverifiedCheckpoint([]byte(text))
	if err != nil {
		return anchor.Sealed{}, fmt.Errorf("the checkpoint of size %d cannot be read: %w", l.Size, err)
	}
	tree, err := l.tree(ctx)
	if err != nil {
		return anchor.Sealed{}, err
	}
	return anchor.Sealed{Checkpoint: c, Note: []byte(text), Prove: func(from int64) (tlog.TreeProof, error) {
		return tlog.ProveTree(c.Size, from, l.hashes(ctx, tree))
	}}, nil
}

// publish ends in time also where a call does not return: a folder can hang.
func (a *anchoring) publish(ctx context.Context, s anchor.Sealed) (anchor.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, anchorTimeout)
	defer cancel()
	select {
	case a.calls <- struct{}{}:
	case <-ctx.Done():
		return anchor.Receipt{}, errAnchorHangs
	}
	var r anchor.Receipt
	var err error
	done := make(chan struct{})
	go func() {
		defer func() { close(done); <-a.calls }()
		r, err = a.anchor.Publish(ctx, s)
	}()
	select {
	case <-done:
		return r, err
	case <-ctx.Done():
		return anchor.Receipt{}, errAnchorHangs
	}
}

var errAnchorHangs = errors.New("the anchor does not answer")

// problem logs what is wrong with an anchor, once.
func (as *anchors) problem(name string, err error) {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // an address may be a secret
	}
	as.mu.Lock()
	defer as.mu.Unlock()
	if text := err.Error(); as.said[name] != text {
		as.said[name] = text
		as.log.Warn("a checkpoint could not be anchored", zap.String("anchor", name), zap.Error(err))
	}
}

// ask says whether the anchors that remember were shown the log since the process
// began, or were waited for long enough: a log that one of them has seen otherwise
// is stopped before something is signed that contradicts it.
func (as *anchors) ask(tenant membership.ID) bool {
	as.mu.Lock()
	defer as.mu.Unlock()
	of := as.asked[tenant]
	if of == nil {
		of = &asking{since: as.now(), left: map[string]bool{}}
		for _, a := range as.all {
			if a.anchor.Remembers() {
				of.left[a.name()] = true
			}
		}
		as.asked[tenant] = of
	}
	if len(of.left) > 0 && as.now().Sub(of.since) > askTime {
		of.left = nil
	}
	return len(of.left) == 0
}

func (as *anchors) mustAsk(tenant membership.ID, name string) bool {
	as.mu.Lock()
	defer as.mu.Unlock()
	return as.asked[tenant] != nil && as.asked[tenant].left[name]
}

func (as *anchors) wasAsked(tenant membership.ID, name string) {
	as.mu.Lock()
	defer as.mu.Unlock()
	if of := as.asked[tenant]; of != nil {
		delete(of.left, name)
	}
}

// toAsk lists logs that wait for an anchor.
func (as *anchors) toAsk(name string) (tenants []membership.ID) {
	as.mu.Lock()
	defer as.mu.Unlock()
	for tenant, of := range as.asked {
		if of.left[name] && len(tenants) < anchorBatch && as.now().Sub(of.since) <= askTime {
			tenants = append(tenants, tenant)
		}
	}
	return tenants
}
