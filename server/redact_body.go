package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// maxRedactedBody is how much of a redacted body is kept.
	maxRedactedBody = 4 << 10
	// maxNamedUsers is how many members of a body a request is found by.
	maxNamedUsers = 200
	cutMark       = "…" // where a text was cut off
)

// redactedBody is what is kept of a body: op, path, names of attributes and ids, with
// kinds in the place of values.
type redactedBody struct {
	out   []byte
	users []membership.ID // members that it names
	less  bool            // it says less than what was sent
	named func(attribute, value string)
}

// redactBody redacts as much of a body as there is.
func redactBody(b []byte, cut bool, named func(attribute, value string)) *redactedBody {
	r := &redactedBody{named: named}
	if len(b) == 0 {
		return r
	}
	n, whole := readTree(b, maxTreeNodes)
	if n.kind == 0 {
		r.out, r.less = []byte("(no JSON)"), true
		return r
	}
	r.write(n, "", "")
	if len(r.out) > maxRedactedBody {
		r.out, cut = r.out[:maxRedactedBody], true
	}
	if cut || !whole {
		r.less = true
		r.out = append([]byte(strings.ToValidUTF8(string(r.out), "")), cutMark...)
	}
	return r
}

// write writes a value. attribute is that of the resource in which it is, "" in the
// resource itself; key is where it stands.
func (r *redactedBody) write(n node, attribute, key string) {
	switch n.kind {
	case '{':
		r.writeObject(n, attribute)
	case '[':
		r.out = append(r.out, '[')
		for i, item := range n.items {
			if i > 0 {
				r.out = append(r.out, ',')
			}
			r.write(item, attribute, key)
		}
		r.out = append(r.out, ']')
	case '"':
		word := strings.ToLower(key)
		ignored := attribute == "members" && (word == "display" || word == "type" || word == "$ref") // by every door
		r.writeText(r.instead(r.text(attribute, word, n.text), n.text, ignored))
	case '0':
		if k := strings.ToLower(key); k == "startindex" || k == "count" || k == "failonerrors" {
			r.out = append(r.out, n.text...)
			return
		}
		r.less = true
		r.writeText(kindNumber)
	default:
		r.out = append(r.out, n.text...)
	}
}

func (r *redactedBody) writeObject(n node, attribute string) {
	_, isOperation := n.get("op")
	_, isBulk := n.get("method")
	path, _ := n.get("path")
	r.out = append(r.out, '{')
	for i, key := range n.keys {
		if i > 0 {
			r.out = append(r.out, ',')
		}
		shown := key
		if !nameLike(key) {
			if shown = redactedFilter(key, true, nil); strings.HasPrefix(shown, "(") {
				shown = noName
			}
		}
		r.writeText(r.instead(shown, key, false))
		r.out = append(r.out, ':')
		item, word := n.items[i], strings.ToLower(key)
		switch {
		case isOperation && word == "value":
			r.write(item, attributeOf(path.text), lastName(path.text))
		case (isOperation || isBulk) && item.kind == '"' && (word == "path" || word == "op" || word == "method"):
			r.writeText(r.instead(r.control(word, item.text, isBulk), item.text, false))
		case isBulk && word == "data", word == "operations", strings.HasPrefix(word, "urn:") && item.kind == '{':
			r.write(item, "", "")
		case attribute == "":
			r.write(item, attributeOf(key), key)
		default:
			r.write(item, attribute, key)
		}
	}
	r.out = append(r.out, '}')
}

// lastName is the name of what a path leads to; members for members[…].
func lastName(path string) string {
	if i := strings.LastIndexAny(path, ".:"); i >= 0 && !strings.HasSuffix(path, "]") {
		return path[i+1:]
	}
	return attributeOf(path)
}

// instead takes note of a text that stands in the place of another.
func (r *redactedBody) instead(shown, sent string, ignored bool) string {
	r.less = r.less || shown != sent && !ignored
	return shown
}

// control is what says how a body is to be carried out.
func (r *redactedBody) control(word, text string, bulk bool) string {
	switch {
	case word == "path" && bulk:
		path, _, users, _ := redactedPath(text)
		r.addUsers(users...)
		return path
	case word == "path":
		return redactedFilter(text, true, func(attribute, value string) {
			r.named(attribute, value)
			if id, err := membership.ParseID(value); err == nil && attribute == "value" &&
				attributeOf(text) == "members" {
				r.addUsers(id)
			}
		})
	case word == "op" && slices.Contains([]string{"add", "remove", "replace"}, strings.ToLower(text)),
		word == "method" && slices.Contains([]string{
			http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		}, text):
		return text
	}
	return kindOf(text)
}

// text is what is kept of a text.
func (r *redactedBody) text(attribute, key, s string) string {
	if key == attribute {
		r.named(attribute, s)
	}
	switch {
	case attribute == "schemas" && strings.HasPrefix(s, "urn:ietf:params:scim:") && nameLike(s):
		return s
	case attribute == "filter":
		return redactedFilter(s, false, r.named)
	case (attribute == "active" || key == "primary") && (strings.EqualFold(s, "true") || strings.EqualFold(s, "false")):
		return s
	case key == "type" && slices.Contains(types, strings.ToLower(s)):
		return s
	}
	ours := slices.Contains([]string{"members", "groups", "manager", "id"}, attribute)
	if id, err := membership.ParseID(s); ours && err == nil {
		if attribute == "members" {
			r.addUsers(id)
		}
		return id.String()
	}
	if ours && key == "$ref" {
		_, operation, _, _ := redactedPath(s[strings.LastIndex(s, "/v2/")+1:])
		return "…" + strings.TrimPrefix(operation, "/v2")
	}
	return kindOf(s)
}

func (r *redactedBody) addUsers(ids ...membership.ID) {
	for _, id := range ids {
		if len(r.users) < maxNamedUsers && !slices.Contains(r.users, id) {
			r.users = append(r.users, id)
		}
	}
}

func (r *redactedBody) writeText(s string) { r.out = appendText(r.out, s) }
