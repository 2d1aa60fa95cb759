package seal

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Log is a log to verify: its events, and where they are kept, their hashes.
type Log struct {
	// Leaves are the lines of the events from the first on, each valid until the next.
	// An error that is a Finding is one.
	Leaves iter.Seq2[[]byte, error]
	// Size is how many of the events have stored hashes.
	Size int64
	// Tile reads width stored hashes from the beginning of a tile; nil: none are
	// stored. With them a finding names the event; without, it is known only between
	// which checkpoints it lies.
	Tile func(level int, n int64, width int) ([]tlog.Hash, error)
}

// Known is a checkpoint whose signature was verified.
type Known struct {
	Checkpoint
	Given bool // by who verifies: it does not come from where the log comes from
}

// Verifier holds a log against checkpoints. It needs constant memory.
type Verifier struct {
	// Tenant is whose log it must be; "": that of the first event.
	Tenant      string
	Checkpoints []Known // of one origin
	// Each is called with the events in their order until something does not hold;
	// nil: it is not.
	Each func(Leaf) error
	// Progress is called now and then with the number of events read; nil: it is not.
	Progress func(events int64)
}

// Verified is what holds.
type Verified struct {
	Tenant string
	Events int64 // as many as there are
	Sealed int64 // as many as a checkpoint covers
}

// progressEvery is in events.
const progressEvery = 1 << 16

// Verify reads a log to its end. Its error is a Finding where something does not
// hold: the first thing.
func (v Verifier) Verify(log Log) (Verified, error) {
	slices.SortStableFunc(v.Checkpoints, func(a, b Known) int { return cmp.Compare(a.Size, b.Size) })
	for _, c := range v.Checkpoints {
		if c.Origin != v.Checkpoints[0].Origin {
			return Verified{},
				fmt.Errorf("the checkpoints are of two logs, %s and %s", v.Checkpoints[0].Origin, c.Origin)
		}
	}
	r := verification{Verifier: v, log: log, stored: storedHashes{log: log}}
	next, stop := iter.Pull2(log.Leaves)
	defer stop()
	r.window.next = next
	if err := r.events(); err != nil {
		return Verified{}, err
	}
	if err := r.rest(); err != nil {
		return Verified{}, err
	}
	if f := r.judge(); f != nil {
		return Verified{}, f
	}
	return Verified{Tenant: r.Tenant, Events: r.computed.Size(), Sealed: r.holds}, nil
}

// verification is one pass over a log. Two trees grow in it: of the hashes of the
// events as they are, and of the hashes that are stored.
type verification struct {
	Verifier
	log      Log
	window   window
	computed Tree
	stored   storedHashes
	next     int      // the checkpoint that is held against the log next
	holds    int64    // size of the last checkpoint that the events agree with
	breaks   *Known   // the first one that they do not agree with; rather one that was given
	agreed   int64    // what holds was then
	finding  *Finding // of a single event
}

// events reads all events.
func (r *verification) events() error {
	if err := r.hold(); err != nil {
		return err
	}
	for {
		e, ok, err := r.window.take()
		if found := (*Finding)(nil); errors.As(err, &found) {
			if r.finding == nil {
				r.finding = found
			}
			return nil
		}
		if err != nil || !ok {
			return err
		}
		n := r.computed.Size() + 1
		if r.finding == nil {
			if err := r.one(e, n); err != nil {
				return err
			}
		}
		if err := r.computed.Append(e.hash, nil); err != nil {
			return err
		}
		if err := r.hold(); err != nil {
			return err
		}
		if n%progressEvery == 0 && r.Progress != nil {
			r.Progress(n)
		}
	}
}

// one looks at one event, which should have the number n.
func (r *verification) one(e entry, n int64) error {
	if r.Tenant == "" && e.read == nil {
		r.Tenant = e.leaf.Tenant
	}
	want, known, err := r.stored.at(n)
	if err != nil {
		return err
	}
	if e.read != nil || e.leaf.Number != n || e.leaf.Tenant != r.Tenant || known && e.hash != want {
		r.finding, err = r.diagnose(e, n)
		return err
	}
	if r.Each != nil {
		return r.Each(e.leaf)
	}
	return nil
}

// hold holds the checkpoints of the size that is reached against the log.
func (r *verification) hold() error {
	below := r.holds // of smaller checkpoints
	for ; r.next < len(r.Checkpoints) && r.Checkpoints[r.next].Size == r.computed.Size(); r.next++ {
		root, err := r.computed.Root()
		if err != nil {
			return err
		}
		if c := r.Checkpoints[r.next]; c.Root == root {
			r.holds = c.Size
		} else if r.breaks == nil || c.Given && !r.breaks.Given {
			r.breaks, r.agreed = &c, below
		}
	}
	return nil
}

// rest reads the stored hashes that no event was there for, and those above all.
func (r *verification) rest() error {
	for n := r.computed.Size() + 1; n <= r.log.Size && r.log.Tile != nil; n++ {
		if _, _, err := r.stored.at(n); err != nil {
			return err
		}
	}
	return r.stored.end()
}

// judge says what does not hold, once all was read.
func (r *verification) judge() *Finding {
	size := r.computed.Size()
	last := Known{}
	if len(r.Checkpoints) > 0 {
		last = r.Checkpoints[len(r.Checkpoints)-1]
	}
	whole := r.breaks == nil && size >= last.Size
	switch {
	case r.finding != nil && whole && r.finding.Number <= last.Size:
		// The checkpoints agree with the events, so what disagrees with them is wrong.
		return &Finding{Kind: HashChanged, Number: r.finding.Number}
	case r.finding != nil:
		return r.finding
	case size < last.Size && (r.breaks == nil || !r.breaks.Given):
		return &Finding{Kind: TailCut, Number: size + 1, Through: last.Size, Checkpoint: last.Size}
	case r.breaks != nil && r.breaks.Given:
		return &Finding{Kind: Inconsistent, Number: r.agreed + 1, Through: r.breaks.Size, Checkpoint: r.breaks.Size}
	case r.breaks != nil && r.log.Tile == nil:
		return &Finding{Kind: Changed, Number: r.agreed + 1, Through: r.breaks.Size, Checkpoint: r.breaks.Size}
	case r.breaks != nil:
		return &Finding{Kind: Rewritten, Number: r.agreed + 1, Through: r.breaks.Size, Checkpoint: r.breaks.Size}
	case size < r.log.Size:
		return &Finding{Kind: TailCut, Number: size + 1, Through: r.log.Size, Checkpoint: r.log.Size}
	case r.stored.bad > 0:
		return &Finding{Kind: HashChanged, Number: r.stored.bad}
	}
	return nil
}
