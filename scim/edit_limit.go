package scim

import "github.com/scimbridge/scimbridge/membership"

// maxWork bounds what the edits of one request may compare, in members of
// objects: about a second's worth. A thousand elements that are added to a
// thousand others are well below it; a body can hold far more operations than
// that, each to be held against every element of a list.
const maxWork = 100_000_000

// work is what is left of it. Nil is no bound.
type work struct{ left int }

func (w *work) spend(n int) error {
	if w == nil {
		return nil
	}
	if w.left -= n; w.left < 0 {
		return &membership.Error{
			Kind:    membership.KindTooLarge,
			Message: "the operations look at too many values: send fewer of them at once",
		}
	}
	return nil
}

// weight counts the values in a value.
func weight(v any) int {
	n := 1
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			n += weight(member)
		}
	case []any:
		for _, element := range v {
			n += weight(element)
		}
	}
	return n
}

// terms counts the comparisons of a filter.
func terms(f membership.Filter) int {
	switch f := f.(type) {
	case nil:
		return 1
	case membership.And:
		return terms(f.Left) + terms(f.Right)
	case membership.Or:
		return terms(f.Left) + terms(f.Right)
	case membership.Not:
		return terms(f.Filter)
	case membership.Element:
		return terms(f.Filter)
	}
	return 1
}
