package seal

import "fmt"

// Kind is what was done to a log.
type Kind string

// The kinds of findings.
const (
	Changed      Kind = "changed"      // an event is not what it was
	Missing      Kind = "missing"      // events are gone from the middle
	Inserted     Kind = "inserted"     // events that the log never had stand between others
	Reordered    Kind = "reordered"    // two events have changed places
	TailCut      Kind = "tail cut"     // the last events are gone
	Rewritten    Kind = "rewritten"    // events were changed, and what proves them as well
	Inconsistent Kind = "inconsistent" // not the log of the checkpoint that was given
	HashChanged  Kind = "hash changed" // the events are whole, a stored hash is not
	// Beside is that of a store whose events are whole: what finds one of them, or what
	// it hides, is not what it says.
	Beside Kind = "changed beside"
)

// Finding is the first thing that does not hold.
type Finding struct {
	Kind    Kind
	Number  int64 // of the event; of several the first
	Through int64 // the last of several; 0: only the one
	// Checkpoint is the size of that which was held against the log; 0: it was none.
	Checkpoint int64
}

func (f *Finding) Error() string {
	events := fmt.Sprintf("event %d", f.Number)
	many := f.Through > f.Number
	if many {
		events = fmt.Sprintf("events %d to %d", f.Number, f.Through)
	}
	were := func(one, several string) string {
		if many {
			return events + " " + several
		}
		return events + " " + one
	}
	switch f.Kind {
	case Changed:
		if f.Checkpoint > 0 {
			return fmt.Sprintf("changed: something among %s is not what the checkpoint of size %d says", events,
				f.Checkpoint)
		}
		return were("was changed", "were changed")
	case Missing:
		return were("is missing", "are missing")
	case Inserted:
		return were("was inserted", "were inserted")
	case Reordered:
		return fmt.Sprintf("reordered: events %d and %d have changed places", f.Number, f.Through)
	case TailCut:
		return fmt.Sprintf("the tail was cut: %s, which the checkpoint of size %d has",
			were("is missing", "are missing"), f.Checkpoint)
	case Rewritten:
		return fmt.Sprintf("the log was rewritten: among %s something is not what the checkpoint of size %d says",
			events, f.Checkpoint)
	case Inconsistent:
		return fmt.Sprintf("the log is not consistent with the checkpoint of size %d that you gave: it differs "+
			"among %s",
			f.Checkpoint, events)
	case Beside:
		return fmt.Sprintf("what is kept beside event %d was changed: its index, its texts, or what refers to it",
			f.Number)
	case HashChanged:
		return fmt.Sprintf("the stored hashes were changed, first at event %d; the events are whole", f.Number)
	}
	return string(f.Kind)
}
