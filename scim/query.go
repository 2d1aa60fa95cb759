package scim

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parameters are those of a query, or of the body of a /.search, by their names
// in small letters. What the door does not know is ignored.
type parameters struct {
	filter               string
	hasFilter            bool
	attributes, excluded []string
	startIndex, count    int
	hasStartIndex        bool
	badCount             error // of a count that is no number
	sortBy, sortOrder    string
	cursor               string
	hasCursor            bool // an empty one asks for the first page
}

// The page sizes. Pocket ID asks for 1000.
const (
	defaultCount = 100
	maxCount     = 1000
)

var defaults = parameters{startIndex: 1, count: defaultCount}

// projection reads the projection of a request on one resource.
func (x *exchange) projection(t *resourceType) (projection, error) {
	p, err := readQuery(x.r.URL.RawQuery)
	return t.newProjection(p.attributes, p.excluded), err
}

// readQuery reads a query. A blank may be written as +; what is left of a
// trailing & or ? is ignored (OneLogin).
func readQuery(raw string) (parameters, error) {
	p := defaults
	var given map[string]bool
	for pair := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(pair, "=")
		key, kerr := url.QueryUnescape(k)
		value, verr := url.QueryUnescape(v)
		if kerr != nil || verr != nil || !utf8.ValidString(value) {
			return p, badRequest(typeInvalidValue, "the query is not percent-encoded UTF-8 at %q", clip(pair))
		}
		key = strings.ToLower(key)
		if key == "filter" {
			value = decodeFilter(v, value)
		}
		switch key {
		case "filter", "startindex", "count", "sortby", "sortorder", "cursor":
			if given[key] {
				return p, badRequest(typeInvalidValue, "%s is there twice", clip(k))
			}
			if given == nil {
				given = map[string]bool{}
			}
			given[key] = true
		}
		if err := p.set(key, value); err != nil {
			return p, err
		}
	}
	return p, p.checkPage()
}

// checkPage refuses parameters that exclude each other: it is by index or by
// cursor (RFC 9865 section 2), and a count has an error of its own with a cursor.
func (p *parameters) checkPage() error {
	switch {
	case p.badCount != nil && p.hasCursor:
		return badRequest(typeInvalidCount, "count must be an integer")
	case p.badCount != nil:
		return p.badCount
	case p.hasCursor && p.hasStartIndex:
		return badRequest(typeInvalidValue, "startIndex and cursor exclude each other: a list is read by one of them")
	}
	return nil
}

// decodeFilter decodes a filter of a query, which is blank when each + of it is
// a blank. If the filter's own words are separated by %20, a + in a value is a
// plus: Rauthy sends addresses as they are. If some are separated by + it is a
// blank, as in any form: a query that mixes the two matches nothing rather than another
// person. A percent-encoded blank is never a plus.
func decodeFilter(raw, blank string) string {
	if strings.IndexByte(raw, '+') < 0 {
		return blank
	}
	plus, err := url.PathUnescape(raw)
	if err != nil {
		return blank
	}
	pluses, blanks := separators(plus, blank)
	if blanks && !pluses {
		return plus
	}
	// A + outside of the texts may yet be in a bare value, or in a filter that was
	// encoded twice.
	if twice := encodedTwice(plus); blanks || twice != plus {
		if _, err := readFilter(twice); err == nil {
			return plus
		}
	}
	return blank
}

// separators reports what stands between the words of a filter, outside of its
// texts: one of its two readings has a plus where the other has a blank.
func separators(plus, blank string) (pluses, blanks bool) {
	quoted := false
	for i := 0; i < len(plus); i++ {
		switch c := plus[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ' ':
			blanks = true
		case c == '+' && blank[i] == ' ':
			pluses = true
		}
	}
	return pluses, blanks
}

func (p *parameters) set(key, value string) (err error) {
	switch key {
	case "filter":
		p.filter, p.hasFilter = value, strings.TrimSpace(value) != ""
	case "attributes":
		p.attributes, err = appendNames(p.attributes, value)
	case "excludedattributes":
		p.excluded, err = appendNames(p.excluded, value)
	case "startindex":
		p.startIndex, err = number("startIndex", value, 1)
		p.startIndex, p.hasStartIndex = max(p.startIndex, 1), strings.TrimSpace(value) != ""
	case "count":
		p.count, p.badCount = number("count", value, defaultCount)
		p.count = min(max(p.count, 0), maxCount)
	case "sortby":
		p.sortBy, err = withoutFilter(strings.TrimSpace(value))
	case "sortorder":
		p.sortOrder = strings.TrimSpace(value)
	case "cursor":
		p.cursor, p.hasCursor = value, true
	}
	return err
}

// appendNames reads the names of a list that is separated by commas or blanks.
func appendNames(names []string, list string) ([]string, error) {
	if strings.IndexByte(list, '[') < 0 {
		return append(names, strings.FieldsFunc(list, isNameSeparator)...), nil
	}
	depth, quoted, escaped := 0, false, false
	for _, part := range strings.FieldsFunc(list, func(r rune) bool {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = quoted
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == '[':
			depth++
		case r == ']':
			depth--
		}
		return depth == 0 && !quoted && isNameSeparator(r)
	}) {
		name, err := withoutFilter(part)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func isNameSeparator(r rune) bool { return r == ',' || r == ' ' }

// withoutFilter is the rule of a name with a value filter, such as
// emails[type eq "work"] in Microsoft's Postman collection: it names the
// attribute, all elements of it.
func withoutFilter(name string) (string, error) {
	if strings.IndexByte(name, '[') < 0 {
		return name, nil
	}
	p, err := readPath(name)
	if err != nil {
		return "", badRequest(typeInvalidPath, "the attribute %q cannot be read: %s", clip(name), err)
	}
	name = p.AttributePath.String()
	if p.SubAttribute != nil {
		name += "." + *p.SubAttribute
	}
	return name, nil
}

// number reads an integer, of which there is no too large one: it only selects
// nothing more.
func number(name, s string, unset int) (int, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return unset, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, badRequest(typeInvalidValue, "%s must be an integer", name)
	}
	return int(n), nil
}

// readSearch reads the body of a /.search (RFC 7644 section 3.4.3).
func readSearch(body []byte) (parameters, error) {
	p := defaults
	m, err := object(body)
	if err != nil {
		return p, err
	}
	for _, key := range sortedKeys(m) {
		text, err := searchText(key, m[key])
		if err == nil {
			err = p.set(strings.ToLower(key), text)
		}
		if err != nil {
			return p, err
		}
	}
	return p, p.checkPage()
}

// searchText returns a parameter of a search as it would stand in a query.
func searchText(key string, v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case []any:
		var parts []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return "", badRequest(typeInvalidValue, "%s must be a list of names", clip(key))
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ","), nil
	case nil:
		return "", nil
	}
	switch strings.ToLower(key) {
	case "filter", "attributes", "excludedattributes", "startindex", "count", "sortby", "sortorder", "cursor":
		return "", badRequest(typeInvalidValue, "%s has the wrong type", clip(key))
	}
	return "", nil
}
