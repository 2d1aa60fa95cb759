package membership

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"
)

// The bounds of the counters of repeated refusals.
const (
	// refusalWindow is for how long repeats of a refusal are counted before their
	// event is written.
	refusalWindow = time.Minute
	// maxRefusalsOfTenant and maxRefusals are how many different refusals are
	// counted at once, each of an actor and a reason. What comes beside them is
	// counted for the tenant, without its actor.
	maxRefusalsOfTenant = 200
	maxRefusals         = 10_000
	// refusalsTimeout bounds one round of writing, the last one too.
	refusalsTimeout = 10 * time.Second
)

// Refusal is an attempt that was refused, as its event tells it.
type Refusal struct {
	At     time.Time
	Call   Call
	Action Action // ActionRefused, or ActionRemovalHeld
	Group  ID
	User   ID
	Facts  Facts
	// Reason is what makes two refusals of one actor the same; empty: the facts.
	Reason string
}

// Refusals writes the events of refused attempts: the first of one actor for one
// reason at once, those of the next minute as one event with their count.
// So a caller that is refused for ever writes two events a minute. The counters are in
// the memory of each server: a crash loses them.
type Refusals struct {
	store Updater
	clock Clock

	mu       sync.Mutex
	windows  map[refusalKey]*repeatedRefusal
	ofTenant map[ID]int // how many windows there are
}

// Updater is the part of a Store that changes it.
type Updater interface {
	Update(ctx context.Context, tenant ID, fn func(Tx) error) error
}

type refusalKey [sha256.Size]byte

// repeatedRefusal counts the repeats of one refusal.
type repeatedRefusal struct {
	first  Refusal // without the caller's reason, which may be long
	last   Refusal // the latest repeat
	since  time.Time
	ends   time.Time
	count  int
	groups Named
	users  Named
	others bool // of a tenant that has too many different ones
}

// NewRefusals returns Refusals over a store. The counts are written while Run
// does.
func NewRefusals(store Updater, clock Clock) *Refusals {
	if clock == nil {
		clock = time.Now
	}
	return &Refusals{
		store: store, clock: clock, windows: make(map[refusalKey]*repeatedRefusal), ofTenant: make(map[ID]int),
	}
}

// Record takes note of refusals of one tenant. What it writes at once it writes
// in one transaction; when that fails, it is counted, and written as soon as it
// can be.
func (l *Refusals) Record(ctx context.Context, tenant ID, refusals ...Refusal) error {
	var events []Event
	var keys []refusalKey
	for _, r := range refusals {
		if key, first := l.admit(r); first {
			events, keys = append(events, r.event()), append(keys, key)
		}
	}
	if len(events) == 0 {
		return nil
	}
	err := l.store.Update(ctx, tenant, func(tx Tx) error { return tx.AppendEvents(ctx, events...) })
	if err != nil {
		l.unwritten(keys)
	}
	return err
}

func (r Refusal) event() Event { return r.Call.Event(r.At, r.Action, r.Group, r.User, nil, r.Facts) }

func (r Refusal) key() refusalKey {
	reason := r.Reason
	if reason == "" {
		reason = string(r.Facts.json())
	}
	// A client gets access tokens without end: to their owner they are one.
	credential := r.Call.Credential.Owner
	if credential.IsZero() {
		credential = r.Call.Credential.ID
	}
	h := sha256.New()
	for _, id := range []ID{r.Call.Tenant, r.Call.Connection, credential} {
		h.Write(id[:])
	}
	for _, part := range []string{string(r.Call.Actor.Kind), r.Call.Actor.ID, string(r.Action), reason} {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return refusalKey(h.Sum(nil))
}

// admit counts a refusal, or reports that it is the first of its window.
func (l *Refusals) admit(r Refusal) (key refusalKey, first bool) {
	key = r.key()
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windows[key]
	if w == nil {
		tenant := r.Call.Tenant
		if l.ofTenant[tenant] < maxRefusalsOfTenant && len(l.windows) < maxRefusals {
			l.open(key, r)
			return key, true
		}
		call := Call{Tenant: tenant, Actor: refusalsActor, Credential: Credential{Kind: CredentialSystem}}
		others := Refusal{Call: call, Action: r.Action, At: r.At, Facts: Facts{"kind": "others"}}
		key = others.key()
		if w = l.windows[key]; w == nil {
			w = l.open(key, others)
			w.others = true
		}
	}
	w.repeat(r)
	return key, false
}

// refusalsActor is the actor of refusals that are counted as one.
var refusalsActor = Actor{Kind: ActorSystem, ID: "refusals"}

func (l *Refusals) open(key refusalKey, r Refusal) *repeatedRefusal {
	r.Call = Call{
		Tenant: r.Call.Tenant, Actor: r.Call.Actor, Credential: r.Call.Credential, Connection: r.Call.Connection,
		RequestID: r.Call.RequestID,
	}
	w := &repeatedRefusal{first: r, ends: l.clock().Add(refusalWindow)}
	l.windows[key] = w
	l.ofTenant[r.Call.Tenant]++
	return w
}

func (w *repeatedRefusal) repeat(r Refusal) {
	if w.count++; w.count == 1 {
		w.since, w.last = r.At, Refusal{Group: r.Group, User: r.User}
	}
	if !r.At.Before(w.last.At) {
		w.last.At, w.last.Call.RequestID = r.At, r.Call.RequestID
	}
	if !w.others {
		w.last.Group = w.groups.distinct(w.last.Group, r.Group)
		w.last.User = w.users.distinct(w.last.User, r.User)
	}
}

// distinct keeps the first few different ids, and returns id while it is the
// only one.
func (n *Named) distinct(only, id ID) ID {
	if s := id.String(); !id.IsZero() && len(n.first) < maxNamed && !slices.Contains(n.first, s) {
		n.Add(s)
	}
	if only != id {
		return ID{}
	}
	return only
}

// unwritten makes the first refusal of windows count like a repeat that is due.
func (l *Refusals) unwritten(keys []refusalKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		w := l.windows[key]
		if w == nil { // its window has ended meanwhile
			continue
		}
		w.ends = l.clock()
		if w.count == 0 {
			w.repeat(w.first)
		} else {
			w.count, w.since = w.count+1, w.first.At
		}
	}
}

// event is that of the repeats.
func (w *repeatedRefusal) event() Event {
	r := w.first
	r.At, r.Call.RequestID, r.Group, r.User = w.last.At, w.last.Call.RequestID, w.last.Group, w.last.User
	facts := Facts{"count": w.count, "since": Timestamp(w.since)}
	for name, v := range r.Facts {
		facts[name] = v
	}
	if len(w.groups.first) > 1 {
		facts["groups"] = w.groups.first
	}
	if len(w.users.first) > 1 {
		facts["users"] = w.users.first
	}
	r.Facts = facts
	return r.event()
}

// Run writes the counts of each window at its end, until ctx ends, and what is
// left then. failed gets what could not be written; it is tried again.
func (l *Refusals) Run(ctx context.Context, failed func(error)) {
	const every = 5 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-tick.C:
			err = l.flush(ctx, l.clock())
		case <-ctx.Done():
			if err = l.Flush(context.WithoutCancel(ctx)); err != nil {
				failed(err)
			}
			return
		}
		if err != nil {
			failed(err)
		}
	}
}

// Flush writes all counts now, and ends their windows.
func (l *Refusals) Flush(ctx context.Context) error {
	return l.flush(ctx, l.clock().Add(2*refusalWindow))
}

func (l *Refusals) flush(ctx context.Context, ended time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, refusalsTimeout)
	defer cancel()
	var errs []error
	for tenant, windows := range l.take(ended) {
		events := make([]Event, 0, len(windows))
		for _, w := range windows {
			events = append(events, w.event())
		}
		if err := l.store.Update(ctx, tenant, func(tx Tx) error {
			return tx.AppendEvents(ctx, events...)
		}); err != nil {
			errs = append(errs, err)
			l.putBack(windows)
		}
	}
	return errors.Join(errs...)
}

// take ends the windows that have ended at that time, and returns those with
// repeats by their tenants.
func (l *Refusals) take(ended time.Time) map[ID]map[refusalKey]*repeatedRefusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[ID]map[refusalKey]*repeatedRefusal)
	for key, w := range l.windows {
		if w.ends.After(ended) {
			continue
		}
		tenant := w.first.Call.Tenant
		delete(l.windows, key)
		if l.ofTenant[tenant]--; l.ofTenant[tenant] == 0 {
			delete(l.ofTenant, tenant)
		}
		if w.count == 0 {
			continue
		}
		if out[tenant] == nil {
			out[tenant] = make(map[refusalKey]*repeatedRefusal)
		}
		out[tenant][key] = w
	}
	return out
}

// putBack keeps what could not be written, with what came since.
func (l *Refusals) putBack(windows map[refusalKey]*repeatedRefusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, w := range windows {
		now := l.windows[key]
		if now == nil {
			l.windows[key] = w
			l.ofTenant[w.first.Call.Tenant]++
			continue
		}
		if now.count == 0 {
			now.last = w.last
		}
		now.count += w.count
		now.since = w.since
	}
}
