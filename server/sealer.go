package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
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
	anchors []anchor.Anchor
	now     func() time.Time
	log     *zap.Logger
	metrics *sealMetrics

	mu   sync.Mutex
	said map[membership.ID]string // the problems that were logged
}

// SealerOptions are what a Sealer is made of.
type SealerOptions struct {
	Keys      seal.Keys
	PublicURL string
	State     *anchor.Folder
	Anchors   []anchor.Anchor
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
	return &Sealer{
		store: store, keys: o.Keys, host: host, holder: membership.NewID().String(), state: o.State, anchors: o.Anchors,
		now: time.Now, log: o.Log, metrics: o.metrics, said: map[membership.ID]string{},
	}
}

// KeyFile is where the key of a configuration is; "": nowhere.
func KeyFile(c config.Config) string {
	path, embedded := strings.CutPrefix(string(c.DatabaseURL), "sqlite:")
	switch {
	case c.SealKeyFile != "":
		return c.SealKeyFile
	case embedded:
		return filepath.Join(filepath.Dir(path), "scimbridge-seal.key")
	}
	return ""
}

// Run numbers and seals until ctx ends.
func (s *Sealer) Run(ctx context.Context) {
	number, sealing := time.NewTicker(numberEvery), time.NewTicker(sealEvery)
	defer number.Stop()
	defer sealing.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-number.C:
			err = s.Number(ctx)
		case <-sealing.C:
			err = s.Seal(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("events could not be numbered or sealed now", zap.Error(err))
		}
	}
}

// Number gives every committed event its number.
func (s *Sealer) Number(ctx context.Context) error {
	tenants, err := s.store.TenantsToNumber(ctx)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		for more := true; more && err == nil; {
			err = s.store.Update(ctx, tenant, func(tx membership.Tx) error {
				more, err = tx.NumberEvents(ctx, numberBatch)
				return err
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Seal signs checkpoints of all logs that have grown.
func (s *Sealer) Seal(ctx context.Context) error {
	if len(s.keys) == 0 {
		return nil
	}
	tenants, err := s.store.TenantsToSeal(ctx)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		switch err := s.SealTenant(ctx, tenant); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !errors.Is(err, db.ErrSealedElsewhere):
			s.problem(tenant, err)
		}
	}
	stopped, err := s.store.TenantsStopped(ctx)
	s.metrics.stopped.Set(float64(len(stopped)))
	return err
}

// problem logs why a tenant is not sealed, once.
func (s *Sealer) problem(tenant membership.ID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metrics.failures.Inc()
	if text := err.Error(); s.said[tenant] != text {
		s.said[tenant] = text
		s.log.Error("the log of a tenant is not sealed", zap.String("tenant_id", tenant.String()), zap.Error(err))
	}
}

// errOtherKey is that of a log which another key signs.
var errOtherKey = errors.New("the log is signed by another key than this server has")

// SealTenant seals all events of a tenant that have a number.
func (s *Sealer) SealTenant(ctx context.Context, tenant membership.ID) error {
	now := s.now()
	l, found, err := openLog(ctx, s.store, tenant)
	if err != nil {
		return err
	}
	if !found {
		_, err := s.store.BeginSealLog(ctx, tenant, s.host+"/"+tenant.String(), s.keys[0].Public())
		if err != nil {
			return err
		}
		if l, _, err = openLog(ctx, s.store, tenant); err != nil {
			return err
		}
	}
	if l.Stopped != "" {
		return nil
	}
	if !s.keys.Has(l.PublicKey) {
		return errOtherKey
	}
	held, err := s.store.HoldSealLog(ctx, tenant, s.holder, now, now.Add(holdTime))
	if err != nil || !held {
		return err
	}
	tree, err := s.trusted(ctx, l)
	if err != nil {
		return s.stopFor(ctx, l, err)
	}
	for {
		more, err := s.step(ctx, &l, tree)
		if err != nil {
			return s.stopFor(ctx, l, err)
		}
		if !more {
			return nil
		}
		if s.now().Sub(now) > holdTime/2 {
			now = s.now()
			if held, err := s.store.HoldSealLog(ctx, tenant, s.holder, now, now.Add(holdTime)); err != nil || !held {
				return err
			}
		}
	}
}

// untrusted is why a log must not be sealed any further.
type untrusted struct{ error }

func (u untrusted) Unwrap() error { return u.error }

// stopFor stops the sealing of a log if the error says so.
func (s *Sealer) stopFor(ctx context.Context, l sealedLog, err error) error {
	var u untrusted
	var conflict *anchor.Conflict
	if errors.As(err, &u) || errors.As(err, &conflict) {
		return errors.Join(err, s.store.StopSealLog(ctx, l.tenant, err.Error()))
	}
	return err
}

// trusted loads the tree of a log and holds it against its last checkpoint, and
// against the last one that this server has signed: a log that was set back or
// rewritten is not continued.
func (s *Sealer) trusted(ctx context.Context, l sealedLog) (*seal.Tree, error) {
	tree, err := l.tree(ctx)
	if err != nil {
		return nil, untrusted{fmt.Errorf("the hashes of the log cannot be read: %w", err)}
	}
	if l.Head < l.Size {
		return nil, untrusted{fmt.Errorf("the log has %d events, and %d were sealed", l.Head, l.Size)}
	}
	root, err := tree.Root()
	if err != nil {
		return nil, err
	}
	if l.Size > 0 {
		vkeys, err := s.keys.VerifierKeys(l.Origin)
		if err != nil {
			return nil, err
		}
		keys, err := seal.Verifiers(vkeys)
		if err != nil {
			return nil, err
		}
		text, err := s.store.Checkpoint(ctx, l.tenant, l.Origin, l.Size)
		if err != nil {
			return nil, err
		}
		c, err := seal.OpenCheckpoint([]byte(text), keys)
		if err != nil || c.Size != l.Size || c.Root != root {
			return nil, untrusted{fmt.Errorf("the log is not what its checkpoint of size %d says", l.Size)}
		}
	}
	if s.state == nil {
		return tree, nil
	}
	last, seen, err := s.state.Last(l.Origin)
	if err != nil || !seen {
		return tree, err
	}
	switch {
	case last.Size > l.Size:
		err = &anchor.Conflict{Anchor: "this server", Origin: l.Origin, Seen: last.Size, Size: l.Size}
	case last.Size == l.Size && last.Root != root:
		err = &anchor.Conflict{Anchor: "this server", Origin: l.Origin, Seen: last.Size, Size: l.Size}
	case last.Size > 0 && last.Size < l.Size:
		proof, perr := tlog.ProveTree(l.Size, last.Size, l.hashes(ctx, tree))
		if perr != nil || tlog.CheckTree(proof, l.Size, root, last.Size, last.Root) != nil {
			err = &anchor.Conflict{Anchor: "this server", Origin: l.Origin, Seen: last.Size, Size: l.Size}
		}
	}
	return tree, err
}

// step seals the next events, and says whether there may be more.
func (s *Sealer) step(ctx context.Context, l *sealedLog, tree *seal.Tree) (more bool, err error) {
	collect := newRuns(tree)
	before := tree.Size()
	var line []byte
	for stored, err := range s.store.Leaves(ctx, l.tenant, before, sealBatch) {
		if err != nil {
			return false, err
		}
		if stored.Number != tree.Size()+1 {
			return false,
				untrusted{&seal.Finding{Kind: seal.Missing, Number: tree.Size() + 1, Through: stored.Number - 1}}
		}
		line, err = seal.Leaf{Number: stored.Number, Tenant: l.tenant.String(), Body: stored.Body}.Append(line[:0])
		if err != nil {
			return false, untrusted{err}
		}
		if err := tree.Append(tlog.RecordHash(line), collect.full); err != nil {
			return false, err
		}
		if tree.Size()-before == sealBatch {
			more = true
			break
		}
	}
	if tree.Size() == before {
		return false, nil
	}
	root, err := tree.Root()
	if err != nil {
		return false, err
	}
	c := seal.Checkpoint{Origin: l.Origin, Size: tree.Size(), Root: root}
	text, err := c.Sign(s.keys.Signers(l.Origin)...)
	if err != nil {
		return false, err
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
		return false, err
	}
	l.Size, l.PublicKey = c.Size, next.PublicKey
	s.metrics.sealed.Add(float64(c.Size - before))
	if more {
		return true, nil // only the last checkpoint of several is carried elsewhere
	}
	return false, s.publish(ctx, *l, tree, c, text)
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

// publish carries a checkpoint to what remembers it. Of an anchor that does not
// answer the next checkpoint says the same and more, so it is not tried again before
// that.
func (s *Sealer) publish(ctx context.Context, l sealedLog, tree *seal.Tree, c seal.Checkpoint, text []byte) error {
	sealed := anchor.Sealed{Checkpoint: c, Note: text, Prove: func(from int64) (tlog.TreeProof, error) {
		return tlog.ProveTree(c.Size, from, l.hashes(ctx, tree))
	}}
	if s.state != nil {
		if _, err := s.state.Publish(ctx, sealed); err != nil {
			return err
		}
	}
	var conflicts error
	for _, a := range s.anchors {
		r, err := a.Publish(ctx, sealed)
		var conflict *anchor.Conflict
		switch {
		case errors.As(err, &conflict):
			conflicts = errors.Join(conflicts, err)
		case err != nil:
			s.metrics.anchorFailures.WithLabelValues(a.Name()).Inc()
			s.log.Warn("a checkpoint could not be anchored", zap.String("anchor", a.Name()), zap.Error(err))
		case r.Cosignatures != "" || r.Token != nil:
			err := s.store.AddReceipt(ctx, l.tenant, c.Origin, c.Size, s.now(), db.SealReceipt{
				Anchor: a.Name(), Lines: r.Cosignatures, Token: r.Token,
			})
			if err != nil {
				return err
			}
		}
	}
	return conflicts
}

// AcceptRestore lets a log go on that was set back, under a new origin: its first
// new event names the last checkpoint of the old one, and why.
func (s *Sealer) AcceptRestore(ctx context.Context, call membership.Call) (origin string, err error) {
	l, found, err := openLog(ctx, s.store, call.Tenant)
	if err != nil {
		return "", err
	}
	if !found {
		return "", errors.New("the tenant's events were never sealed")
	}
	old := map[string]any{"origin": l.Origin, "size": l.Size, "stopped": l.Stopped}
	if s.state != nil {
		if last, seen, err := s.state.Last(l.Origin); err == nil && seen {
			old["last_seen_size"], old["last_seen_root"] = last.Size, last.Root.String()
		}
	}
	origin = nextOrigin(l.Origin, call.Tenant.String())
	after := membership.Facts{"origin": origin, "before": old, "verifier_key": s.vkey(origin)}
	e := call.Event(s.now(), membership.ActionLogRestored, membership.ID{}, membership.ID{}, nil, after)
	return origin, s.store.RestartSealLog(ctx, call.Tenant, origin, s.keys[0].Public(), e)
}

// nextOrigin is HOST/TENANT/2 after HOST/TENANT, and so on.
func nextOrigin(origin, tenant string) string {
	host, rest, _ := strings.Cut(origin, "/"+tenant)
	n := 1
	if rest != "" {
		_, _ = fmt.Sscanf(rest, "/%d", &n) // the program wrote it
	}
	return fmt.Sprintf("%s/%s/%d", host, tenant, n+1)
}
