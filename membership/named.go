package membership

import (
	"strconv"
	"strings"
)

// maxNamed is how many of the things that are wrong with a request its error
// names. The others are counted: an answer does not grow with the body.
const maxNamed = 20

// Named counts texts of a request and keeps the first few of them, each cut to
// what a message can hold. The zero value has none.
type Named struct {
	first []string
	count int
}

// Add counts s.
func (n *Named) Add(s string) {
	if n.count++; len(n.first) < maxNamed {
		n.first = append(n.first, shorten(s))
	}
}

// AddAll counts what o has counted.
func (n *Named) AddAll(o Named) {
	n.first = append(n.first, o.first[:min(len(o.first), maxNamed-len(n.first))]...)
	n.count += o.count
}

// Len is how many were added.
func (n *Named) Len() int { return n.count }

// String lists the first ones and says how many more there are.
func (n *Named) String() string {
	var b strings.Builder
	for i, s := range n.first {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(s))
	}
	if more := n.count - len(n.first); more > 0 {
		b.WriteString(", and " + strconv.Itoa(more) + " more")
	}
	return b.String()
}

// FirstOf returns the details of an error that names things under key: the first
// of them and, when there are more, how many there are, under key_count.
func FirstOf[T any](key string, all []T) map[string]any {
	return firstOf(key, all[:min(len(all), maxNamed)], len(all))
}

func firstOf[T any](key string, first []T, count int) map[string]any {
	details := map[string]any{key: first}
	if count > len(first) {
		details[key+"_count"] = count
	}
	return details
}

// shorten returns a copy of a text of the caller, cut: a part of the body would
// keep all of it in memory.
func shorten(s string) string {
	const longest = 64
	if len(s) > longest {
		return strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return strings.Clone(s)
}
