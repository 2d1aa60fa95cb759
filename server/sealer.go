package server

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/seal/anchor"
)

const (
	// numberEvery is how soon a committed event has its number.
	numberEvery = time.Second
	// sealEvery is how soon a numbered event is under a checkpoint.
	sealEvery = 5 * time.Second
	// numberBatch bounds one transaction of numbering.
	numberBatch = 1000
	// sealBatch bounds one step, in events.
	sealBatch = 1000
	// stepsInTurn is how many steps a large log goes until others have their turn.
	stepsInTurn = 10
	// othersWrite is how long a transaction waits for its turn where others write as
	// well; numbering then rests as long as it took, longestRest at most.
	othersWrite = 200 * time.Microsecond
	longestRest = 100 * time.Millisecond
	// writeBackAfter is how much numbering writes until it is written back.
	writeBackAfter = 25 * time.Millisecond
	// holdTime is how long a server that stopped keeps others from sealing.
	holdTime = 30 * time.Second
)

// Sealer numbers the events of all tenants and signs checkpoints of them, in the
// background. Several servers may run one on one store.
type Sealer struct {
	store   *db.Store
	keys    seal.Keys // none: nothing is sealed
	host    string    // begins the origin of a new log
	holder  string
	state   *anchor.Folder // what this server has signed; nil: it is not remembered
	anchors *anchors
	now     func() time.Time
	hold    time.Duration // holdTime
	log     *zap.Logger
	metrics *sealMetrics

	mu    sync.Mutex
	said  map[work]string             // the problems that were logged and are not over
	holds map[membership.ID]time.Time // until when this server keeps others from a log
}

// SealerOptions are what a Sealer is made of.
type SealerOptions struct {
	Keys      seal.Keys
	PublicURL string
	State     *anchor.Folder
	Anchors   []anchor.Anchor // beside the log, where every checkpoint is a line
	Now       func() time.Time
	Log       *zap.Logger
	metrics   *sealMetrics
}

// NewSealer makes a sealer.
func NewSealer(store *db.Store, o SealerOptions) *Sealer {
	host := o.PublicURL
	if u, err := url.Parse(o.PublicURL); err == nil && u.Host != "" {
		host = u.Host
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.metrics == nil {
		o.metrics = newSealMetrics()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Sealer{
		store: store, keys: o.Keys, host: host, holder: membership.NewID().String(), state: o.State,
		anchors: newAnchors(store, o.Anchors, o.Now, o.Log, o.metrics),
		now:     o.Now, hold: holdTime, log: o.Log, metrics: o.metrics,
		said: map[work]string{}, holds: map[membership.ID]time.Time{},
	}
}

// KeyFile is where the key of a configuration is; "": nowhere.
func KeyFile(c config.Config) string {
	path, embedded := c.DatabaseURL.File()
	switch {
	case c.SealKeyFile != "":
		return c.SealKeyFile
	case embedded:
		return filepath.Join(filepath.Dir(path), "scimbridge-seal.key")
	}
	return ""
}

// Run numbers, seals and anchors until ctx ends, each beside the others. Then others may
// seal at once.
func (s *Sealer) Run(ctx context.Context) {
	var all sync.WaitGroup
	every := func(pause time.Duration, do func(context.Context) error) {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := do(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("events could not be numbered or sealed now", zap.Error(err))
			}
		}
	}
	all.Go(func() { every(numberEvery, s.Number) })
	all.Go(func() { every(sealEvery, s.Seal) })
	all.Go(func() { s.anchors.run(ctx) })
	all.Wait()
	s.release(context.WithoutCancel(ctx))
}

// Anchor carries to the anchors what they have not taken yet.
func (s *Sealer) Anchor(ctx context.Context) error { return s.anchors.once(ctx) }

// Seal signs checkpoints of all logs that have grown.
func (s *Sealer) Seal(ctx context.Context) error {
	if len(s.keys) == 0 {
		return nil
	}
	err := inTurns(ctx, s.store.TenantsToSeal, sealEvery, func(tenant membership.ID) (more bool, err error) {
		if more, err = s.sealSome(ctx, tenant, stepsInTurn); !errors.Is(err, db.ErrSealedElsewhere) {
			s.tell(ctx, work{tenant, "sealed"}, err)
		}
		return more && err == nil, ctx.Err()
	})
	if err != nil {
		return err
	}
	stopped, err := s.store.TenantsStopped(ctx)
	s.metrics.stopped.Set(float64(len(stopped)))
	return err
}

// tell logs why the events of a tenant are not numbered or sealed, once until they are.
func (s *Sealer) tell(ctx context.Context, w work, err error) {
	if err != nil && ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.said, w)
		return
	}
	s.metrics.failures.Inc()
	if text := err.Error(); s.said[w] != text {
		s.said[w] = text
		s.log.Error("the log of a tenant is not "+w.what, zap.String("tenant_id", w.tenant.String()), zap.Error(err))
	}
}

// errOtherKey is that of a log which another key signs.
var errOtherKey = errors.New("the log is signed by another key than this server has")

// SealTenant seals all events of a tenant that have a number.
func (s *Sealer) SealTenant(ctx context.Context, tenant membership.ID) error {
	for {
		more, err := s.sealSome(ctx, tenant, stepsInTurn)
		if err != nil || !more {
			return err
		}
	}
}

// sealSome seals events of a tenant in so many steps at most, and says whether
// there are more.
func (s *Sealer) sealSome(ctx context.Context, tenant membership.ID, steps int) (more bool, err error) {
	l, found, err := openLog(ctx, s.store, tenant)
	if err != nil {
		return false, err
	}
	if !found {
		_, err := s.store.BeginSealLog(ctx, tenant, s.host+"/"+tenant.String(), s.keys[0].Public())
		if err != nil {
			return false, err
		}
		if l, _, err = openLog(ctx, s.store, tenant); err != nil {
			return false, err
		}
	}
	if l.Stopped != "" {
		return false, nil
	}
	if !s.keys.Has(l.PublicKey) {
		return false, errOtherKey
	}
	if held, err := s.holdLog(ctx, tenant); err != nil || !held {
		return false, err
	}
	tree, err := s.trusted(ctx, l)
	if err != nil {
		return false, s.stopFor(ctx, l, err)
	}
	if l.Size > 0 && !s.anchors.ask(tenant) {
		return false, nil
	}
	var last []byte // of several checkpoints only the last is carried elsewhere
	for more = true; more && steps > 0; steps-- {
		var text []byte
		if text, more, err = s.step(ctx, &l, tree); err != nil {
			return false, s.stopFor(ctx, l, err)
		}
		if text != nil {
			last = text
		}
	}
	if last == nil {
		return more, nil
	}
	return more, s.stopFor(ctx, l, s.publish(ctx, l, tree, last))
}

// step seals the next events, and says whether there may be more. note is their
// signed checkpoint; nil: there were none.
func (s *Sealer) step(ctx context.Context, l *sealedLog, tree *seal.Tree) (note []byte, more bool, err error) {
	collect := newRuns(tree)
	before := tree.Size()
	var line []byte
	for stored, err := range s.store.Leaves(ctx, l.tenant, before, sealBatch) {
		if err != nil {
			return nil, false, err
		}
		if stored.Number != tree.Size()+1 {
			return nil, false,
				untrusted{&seal.Finding{Kind: seal.Missing, Number: tree.Size() + 1, Through: stored.Number - 1}}
		}
		line, err = seal.Leaf{Number: stored.Number, Tenant: l.tenant.String(), Body: stored.Body}.Append(line[:0])
		if err != nil {
			return nil, false, untrusted{err}
		}
		if err := tree.Append(tlog.RecordHash(line), collect.full); err != nil {
			return nil, false, err
		}
		if tree.Size()-before == sealBatch {
			more = true
			break
		}
	}
	if tree.Size() == before {
		return nil, false, nil
	}
	root, err := tree.Root()
	if err != nil {
		return nil, false, err
	}
	c := seal.Checkpoint{Origin: l.Origin, Size: tree.Size(), Root: root}
	text, err := c.Sign(s.keys.Signers(l.Origin)...)
	if err != nil {
		return nil, false, err
	}
	next := db.Seal{
		Origin: l.Origin, From: before, Size: c.Size, PublicKey: s.keys[0].Public(), At: s.now(), Note: text,
		Runs: collect.runs(tree),
	}
	if !bytes.Equal(l.PublicKey, next.PublicKey) {
		next.Event = s.event(l.tenant, membership.ActionKeyRotated,
			map[string]any{"verifier_key": s.vkey(l.Origin)}, "")
	}
	if err := s.store.SealStep(ctx, l.tenant, next); err != nil {
		return nil, false, err
	}
	l.Size, l.PublicKey = c.Size, next.PublicKey
	s.metrics.sealed.Add(float64(c.Size - before))
	return text, more, nil
}

func (s *Sealer) vkey(origin string) string {
	vkey, _ := s.keys[0].VerifierKey(origin) // its key is one
	return vkey
}

func (s *Sealer) event(
	tenant membership.ID, action membership.Action, after membership.Facts, reason string,
) *membership.Event {
	e := membership.Call{
		Tenant: tenant, Actor: membership.Actor{Kind: membership.ActorSystem, ID: "sealer"},
		Credential: membership.Credential{Kind: membership.CredentialSystem}, Reason: reason,
	}.Event(s.now(), action, membership.ID{}, membership.ID{}, nil, after)
	return &e
}

// publish writes the line of a checkpoint, and remembers it. Anchors find it in the
// store.
func (s *Sealer) publish(ctx context.Context, l sealedLog, tree *seal.Tree, text []byte) error {
	c, err := seal.UnverifiedCheckpoint(text)
	if err != nil {
		return err
	}
	s.log.Info(sealedMessage, zap.String("origin", c.Origin), zap.Int64("size", c.Size),
		zap.String("checkpoint", string(text)))
	if s.state == nil {
		return nil
	}
	prove := func(from int64) (tlog.TreeProof, error) {
		return tlog.ProveTree(c.Size, from, l.hashes(ctx, tree))
	}
	_, err = s.state.Publish(ctx, anchor.Sealed{Checkpoint: c, Note: text, Prove: prove})
	return err
}
