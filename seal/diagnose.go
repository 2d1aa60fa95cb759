package seal

import (
	"bytes"

	"golang.org/x/mod/sumdb/tlog"
)

// lookAhead is how many events are looked at to say what was done to one.
const lookAhead = 256

// entry is an event as it was read.
type entry struct {
	leaf Leaf
	read error // the line is that of no event
	hash tlog.Hash
}

func newEntry(line []byte) entry {
	e := entry{hash: tlog.RecordHash(line)}
	e.leaf, e.read = ParseLeaf(line)
	return e
}

// as is the hash that the event has with another number.
func (e entry) as(number int64) (h tlog.Hash, ok bool) {
	if e.read != nil {
		return h, false
	}
	l := e.leaf
	l.Number = number
	line, err := l.Append(nil)
	return tlog.RecordHash(line), err == nil
}

// window reads events, and lets those be seen that come next.
type window struct {
	next  func() ([]byte, error, bool)
	ahead []entry
	err   error // behind those ahead
}

func (w *window) take() (e entry, ok bool, err error) {
	if len(w.ahead) > 0 {
		e, w.ahead = w.ahead[0], w.ahead[1:]
		return e, true, nil
	}
	if w.err != nil {
		return e, false, w.err
	}
	line, err, ok := w.next()
	if !ok || err != nil {
		return e, false, err
	}
	return newEntry(line), true, nil
}

// peek returns the events that come next, as many as are looked at.
func (w *window) peek() []entry {
	for len(w.ahead) < lookAhead && w.err == nil {
		line, err, ok := w.next()
		if !ok {
			break
		}
		if err != nil {
			w.err = err
			break
		}
		w.ahead = append(w.ahead, newEntry(bytes.Clone(line)))
	}
	return w.ahead
}

// diagnose says what was done to the log where an event is not the one that should
// have the number n. It looks for the event that should be there, and for the
// number that the event had: numbers can have been changed too, so hashes tell.
func (r *verification) diagnose(e entry, n int64) (*Finding, error) {
	seen := append([]entry{e}, r.window.peek()...)
	was := func(e entry, number int64) (bool, error) { // e had this number
		want, known, err := r.stored.ahead(number)
		if err != nil {
			return false, err
		}
		if !known {
			return e.read == nil && e.leaf.Number == number, nil
		}
		h, ok := e.as(number)
		return ok && h == want, nil
	}
	if _, known, _ := r.stored.ahead(n); known {
		if ok, err := was(e, n); ok || err != nil { // only its number was changed
			return &Finding{Kind: Changed, Number: n}, err
		}
	}
	had := int64(0) // the number that the event had, where it is one of the next
	for k := int64(1); k < lookAhead && had == 0; k++ {
		ok, err := was(e, n+k)
		if err != nil {
			return nil, err
		}
		if ok {
			had = n + k
		}
	}
	is := 0 // where the event with the number n stands
	for j := 1; j < len(seen) && is == 0; j++ {
		ok, err := was(seen[j], n)
		if err != nil {
			return nil, err
		}
		if ok {
			is = j
		}
	}
	switch {
	case had > 0 && had == n+int64(is):
		return &Finding{Kind: Reordered, Number: n, Through: had}, nil
	case had > 0 && is > 0 && seen[is].leaf.Number == n+int64(is): // it was moved, the others were not
		return &Finding{Kind: Reordered, Number: n, Through: n + int64(is)}, nil
	case had > 0 && is > 0: // only its number was changed
		return &Finding{Kind: Changed, Number: n}, nil
	case had > 0:
		return &Finding{Kind: Missing, Number: n, Through: had - 1}, nil
	case is > 0:
		return &Finding{Kind: Inserted, Number: n, Through: n + int64(is) - 1}, nil
	case e.read == nil && e.leaf.Number > n && is == 0:
		return &Finding{Kind: Missing, Number: n, Through: e.leaf.Number - 1}, nil
	case e.read == nil && e.leaf.Number < n:
		return &Finding{Kind: Inserted, Number: n}, nil
	}
	return &Finding{Kind: Changed, Number: n}, nil
}
