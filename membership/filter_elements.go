package membership

import "iter"

// OfElements returns a filter with what it says of a multi-valued attribute
// decided, by looking at the elements one after the other and holding none.
// elements may yield the same map again.
func OfElements(f Filter, name string, elements iter.Seq2[map[string]any, error]) (Filter, error) {
	var open []*decided
	f = split(f, name, &open)
	one := []any{nil}
	r := map[string]any{name: one}
	for e, err := range elements {
		if err != nil {
			return nil, err
		}
		one[0] = e
		left := open[:0]
		for _, d := range open {
			// What holds of no element, such as ne, holds of the list while it holds
			// of each; anything else holds as soon as it holds of one.
			if d.holds == d.filter.Match(r) {
				left = append(left, d)
			} else {
				d.holds = !d.holds
			}
		}
		if open = left; len(open) == 0 {
			break
		}
	}
	return f, nil
}

// decided is a comparison whose truth is known.
type decided struct {
	filter Filter
	holds  bool
}

// Match implements Filter.
func (d *decided) Match(map[string]any) bool { return d.holds }

// split replaces the comparisons with an attribute by placeholders to decide later.
func split(f Filter, name string, open *[]*decided) Filter {
	switch f := f.(type) {
	case And:
		return And{split(f.Left, name, open), split(f.Right, name, open)}
	case Or:
		return Or{split(f.Left, name, open), split(f.Right, name, open)}
	case Not:
		return Not{split(f.Filter, name, open)}
	}
	if !Mentions(f, name) {
		return f
	}
	d := &decided{filter: f, holds: f.Match(map[string]any{})}
	*open = append(*open, d)
	return d
}

// MentionsPart reports whether f names the sub-attribute of the attribute
// anywhere.
func MentionsPart(f Filter, name, sub string) bool {
	switch f := f.(type) {
	case And:
		return MentionsPart(f.Left, name, sub) || MentionsPart(f.Right, name, sub)
	case Or:
		return MentionsPart(f.Left, name, sub) || MentionsPart(f.Right, name, sub)
	case Not:
		return MentionsPart(f.Filter, name, sub)
	case Element:
		return f.Attribute.Name == name && Mentions(f.Filter, sub)
	case Compare:
		return f.Attribute.Name == name && f.Attribute.Sub == sub
	}
	return false
}
