package scim

import (
	"iter"
	"strings"
)

// splitName takes the name of an attribute apart (RFC 7644 section 3.10): what
// stands before the last colon, the name, and the sub-attribute. Behind a URN
// there may be more dots than one: it is find that knows which of them are the
// URN's own.
func splitName(text string) (prefix, name, sub string, ok bool) {
	name = text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		prefix, name = text[:i], text[i+1:]
	}
	name, sub, dotted := strings.Cut(name, ".")
	if !isName(name) || dotted && sub == "" {
		return "", "", "", false
	}
	parts := 0
	for rest := sub; rest != ""; parts++ {
		var part string
		if part, rest, dotted = strings.Cut(rest, "."); !isName(part) || dotted && rest == "" {
			return "", "", "", false
		}
	}
	return prefix, name, sub, parts <= 1 || parts <= maxDots && isURN(prefix)
}

// maxDots is how many dots may stand behind the last colon of a path: those of a
// version, one before the attribute, one before the sub-attribute.
const maxDots = 4

// find finds what splitName took apart. A dot may stand behind the URN in place
// of the colon, as Microsoft's inbound provisioning sends it. Of a URN that is
// not known it is the dot behind the type of the resource, which most end in, or
// behind a version; any other begins a sub-attribute.
func (t *resourceType) find(prefix, name, sub string) target {
	if prefix == "" {
		return t.unqualified(name, sub)
	}
	behind := name
	if sub != "" {
		behind += "." + sub
	}
	for i := range dots(behind) {
		if urn, known := t.schemaNamed(prefix + ":" + behind[:i]); known {
			name, sub, _ = strings.Cut(behind[i+1:], ".")
			return t.in(urn, name, sub)
		}
	}
	if urn, known := t.schemaNamed(prefix); known {
		return t.in(urn, name, sub)
	}
	if !isURN(prefix) {
		return target{name: prefix + ":" + name, subName: sub}
	}
	for i := range dots(behind) {
		if first := behind[strings.LastIndexByte(behind[:i], '.')+1 : i]; strings.EqualFold(first, t.name) ||
			isDigit(first[0]) && !isDigit(behind[i+1]) {
			prefix += ":" + behind[:i]
			name, sub, _ = strings.Cut(behind[i+1:], ".")
			break
		}
	}
	return target{schema: prefix, name: name, subName: sub}
}

// dots are the places of the dots in a text.
func dots(text string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range len(text) {
			if text[i] == '.' && !yield(i) {
				return
			}
		}
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isName holds a name to RFC 7643 section 2.1, but lets it begin with a digit.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', isDigit(c), c == '-', c == '_':
		case c == '$' && i == 0:
		default:
			return false
		}
	}
	return s != ""
}
