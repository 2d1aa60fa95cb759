package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
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

// inTurns does a piece of work for each tenant of a list until none has more: a large
// log lets others through. After some time the list is asked for again, since others
// have begun to wait meanwhile.
func inTurns(
	ctx context.Context, list func(context.Context) ([]membership.ID, error), again time.Duration,
	piece func(membership.ID) (more bool, err error),
) error {
	for {
		tenants, err := list(ctx)
		if err != nil {
			return err
		}
		for listed := time.Now(); len(tenants) > 0; {
			left := tenants[:0]
			for _, tenant := range tenants {
				more, err := piece(tenant)
				if err != nil {
					return err
				}
				if more {
					left = append(left, tenant)
				}
			}
			if tenants = left; time.Since(listed) >= again {
				break
			}
		}
		if len(tenants) == 0 {
			return nil
		}
	}
}

// work is what is done for a tenant: its problem is logged once.
type work struct {
	tenant membership.ID
	what   string
}

// Number gives every committed event its number. Where that is much others get in
// between: each transaction is short, and is followed by a rest if others write. A
// tenant whose events cannot be numbered holds up no other.
func (s *Sealer) Number(ctx context.Context) error {
	var written time.Duration
	return inTurns(ctx, s.store.TenantsToNumber, numberEvery, func(tenant membership.ID) (more bool, err error) {
		asked := time.Now()
		began := asked
		err = s.store.Update(ctx, tenant, func(tx membership.Tx) error {
			began = time.Now()
			more, err = tx.NumberEvents(ctx, numberBatch)
			return err
		})
		if s.tell(ctx, work{tenant, "numbered"}, err); err != nil || !more {
			return false, ctx.Err()
		}
		took := time.Since(began)
		if written += took; written > writeBackAfter {
			written, err = 0, s.store.WriteBack(ctx)
		}
		if began.Sub(asked) > othersWrite {
			rest(ctx, min(took, longestRest))
		}
		return true, err
	})
}

// rest leaves the store to others for as long as they had to wait.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

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

// untrusted is why a log must not be sealed any further.
type untrusted struct{ error }

func (u untrusted) Unwrap() error { return u.error }

// stopFor stops the sealing of a log if the error says so.
func (s *Sealer) stopFor(ctx context.Context, l sealedLog, err error) error {
	var u untrusted
	var conflict *anchor.Conflict
	if errors.As(err, &u) || errors.As(err, &conflict) {
		return errors.Join(err, s.store.StopSealLog(ctx, l.tenant, l.Origin, err.Error()))
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
	if err != nil {
		return nil, err
	}
	if !seen {
		return tree, s.named(ctx, l)
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

// errNameUntold is that of a log whose newest events have no number yet: they may tell why
// it has another name.
var errNameUntold = errors.New("the log has another name than before, and the event that tells why has no number yet")

// named holds the name of a log that this server has not signed against those that it has
// signed of the tenant: a log begins anew where an event tells why, and not by itself.
func (s *Sealer) named(ctx context.Context, l sealedLog) error {
	known, err := s.state.Origins(l.tenant.String())
	if err != nil || len(known) == 0 {
		return err
	}
	return s.store.Read(ctx, l.tenant, func(r membership.Reader) error {
		f := membership.EventFilter{Action: membership.ActionLogRestored, Limit: 100}
		for {
			events, err := r.NumberedEvents(ctx, f)
			if err != nil {
				return err
			}
			for _, e := range events {
				var told struct{ Origin string }
				if json.Unmarshal(e.After, &told) == nil && told.Origin == l.Origin {
					return nil
				}
				f.Cursor.Number = e.Number
			}
			if len(events) < f.Limit {
				break
			}
		}
		if pending, err := r.EventsPending(ctx); err != nil || pending {
			return cmp.Or(err, errNameUntold)
		}
		return untrusted{fmt.Errorf("the log is called %s, and was %s, and no event tells why", l.Origin,
			strings.Join(known, ", "))}
	})
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

// AcceptRestore lets a log go on that was set back, under a new origin: its first
// new event names the last checkpoint of the old one, and why.
func (s *Sealer) AcceptRestore(ctx context.Context, call membership.Call) (origin string, err error) {
	if len(s.keys) == 0 {
		return "", errors.New("there is no key: name the key file that the servers have (seal_key_file)")
	}
	l, found, err := openLog(ctx, s.store, call.Tenant)
	if err != nil {
		return "", err
	}
	if !found {
		return "", ErrNeverSealed
	}
	old := map[string]any{"origin": l.Origin, "size": l.Size, "stopped": l.Stopped}
	text, err := s.store.Checkpoint(ctx, l.tenant, l.Origin, l.Size)
	if err != nil {
		return "", err
	}
	if c, err := seal.UnverifiedCheckpoint([]byte(text)); err == nil {
		old["root"] = c.Root.String()
	}
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
