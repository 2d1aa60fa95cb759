package server

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/scimbridge/scimbridge/membership"
)

// maxCaptureNodes bounds the values of a captured body.
const maxCaptureNodes = 100_000

const kindSecret = "(secret)"

// capturedBody is a body as it is kept in a window of its connection: as JSON, with all
// of its values but secrets. Of what is no JSON the beginning that is.
func capturedBody(b []byte, cut bool) (text string, state membership.CaptureState) {
	n, whole := readTree(b, maxCaptureNodes)
	if n.kind == 0 {
		return "(no JSON)", membership.CapturedCut
	}
	c := &capture{whole: whole && !cut}
	c.write(n, shown)
	if state = membership.CapturedWhole; !c.whole {
		state = membership.CapturedCut
	}
	return string(c.out), state
}

type capture struct {
	out   []byte
	whole bool
}

// hiding says whether a value is kept.
type hiding int

const (
	shown   hiding = iota
	ignored        // it is of a password, which nothing reads: without it the body does the same
	secret
)

// write writes a value.
func (c *capture) write(n node, h hiding) {
	switch n.kind {
	case '{':
		c.writeObject(n, h)
	case '[':
		c.out = append(c.out, '[')
		for i, item := range n.items {
			if i > 0 {
				c.out = append(c.out, ',')
			}
			c.write(item, h)
		}
		c.out = append(c.out, ']')
	case '"':
		if n.text != "" && h == shown && tellsSecret(n.text) {
			h = secret
		}
		if n.text == "" || h == shown {
			c.writeText(n.text)
			return
		}
		c.writeText(kindSecret)
		c.whole = c.whole && h == ignored
	default:
		if h != shown && n.text != "null" {
			c.writeText(kindSecret)
			c.whole = false
			return
		}
		c.out = append(c.out, n.text...)
	}
}

func (c *capture) writeObject(n node, h hiding) {
	value := h // of what other members are the name of
	if _, hasPath := n.get("path"); n.cut && !hasPath {
		value = max(value, secret) // it may have been that of a password
	}
	for i, key := range n.keys {
		switch {
		case strings.EqualFold(key, "path"):
			value = max(value, hides(n.items[i]))
		case slices.ContainsFunc(namingKeys, func(k string) bool { return strings.EqualFold(k, key) }):
			if hides(n.items[i]) != shown { // it is kept by the server, as any value
				value = secret
			}
		}
	}
	c.out = append(c.out, '{')
	for i, key := range n.keys {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		name := key
		if tellsSecret(key) {
			name, c.whole = noName, false
		}
		c.writeText(name)
		c.out = append(c.out, ':')
		of := max(h, hidesName(key))
		if strings.EqualFold(key, "value") || strings.EqualFold(key, "values") {
			of = max(of, value)
		}
		c.write(n.items[i], of)
	}
	c.out = append(c.out, '}')
}

func (c *capture) writeText(s string) { c.out = appendText(c.out, s) }

// namingKeys are the keys, beside path, whose texts name what stands with them as value.
var namingKeys = []string{"name", "attribute", "key", "type"}

// hides says what the texts of a value, as names, hide.
func hides(n node) (h hiding) {
	if n.kind == '"' {
		return hidesName(n.text)
	}
	for _, item := range n.items {
		h = max(h, hides(item))
	}
	return h
}

// hidesName says what a key or a path hides.
func hidesName(name string) hiding {
	if !namesSecret(name) {
		return shown
	}
	if _, attribute := cutSchema(name); strings.EqualFold(attribute, "password") {
		return ignored
	}
	return secret
}

// secretWords are in the names of what is never kept, secretNames are such names. Both
// are in small letters, without what is no letter.
var (
	secretWords = []string{
		"password", "passwd", "pwd", "passphrase", "passcode", "secret", "token", "credential", "privatekey", "apikey",
		"accesskey", "assertion", "authorization",
	}
	secretNames = append([]string{"pass", "pin", "otp"}, secretWords...)
)

// namesSecret reports whether a key, a path or a text speaks of a secret. Of a URN it is
// the attribute: in the name of a schema nothing but a whole part of it counts.
func namesSecret(name string) bool {
	schema, attribute := cutSchema(name)
	for part := range strings.SplitSeq(schema, ":") {
		if slices.Contains(secretNames, letters(part)) {
			return true
		}
	}
	text := letters(attribute)
	return slices.Contains(secretNames, text) ||
		slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(text, word) })
}

// cutSchema cuts a name or path into the URN of a schema, if it has one, and the rest.
func cutSchema(name string) (schema, rest string) {
	if len(name) < 4 || !strings.EqualFold(name[:4], "urn:") {
		return "", name
	}
	end := strings.IndexAny(name, "[\" ")
	if end < 0 {
		end = len(name)
	}
	i := strings.LastIndexByte(name[:end], ':')
	return name[:i], name[i+1:]
}

// letters are those of a text, small, without what is no letter.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r)) // the long s is one, too
	}, s)
}

// A header with a credential, a JWT (RFC 7519), whose first part is JSON in base64url,
// and a credential of this program, anywhere in a text.
var secretText = regexp.MustCompile(`(?i:bearer|basic)[\s\p{Z}:="']+[A-Za-z0-9._~+/=-]{8}` +
	`|(eyJ|\b(eyA|ewo|ew0|ewk)[\w-]{8})[\w-]{4,}\.[\w-]+|(?i:scimbridge_)`)

// tellsSecret reports whether a text that stands elsewhere may hold a secret: a filter,
// JSON or a form that speaks of one, or the secret itself.
func tellsSecret(s string) bool {
	if len(s) < 4 {
		return false
	}
	return strings.ContainsAny(s, `"':=`) && !nameLike(s) && namesSecret(s) || secretText.MatchString(s)
}
