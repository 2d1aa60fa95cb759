package server

import (
	"encoding/json"
	"slices"
	"strings"

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
	c.write(n, false)
	if state = membership.CapturedWhole; !c.whole {
		state = membership.CapturedCut
	}
	return string(c.out), state
}

type capture struct {
	out   []byte
	whole bool
}

// write writes a value; secret says that it stands where a secret does.
func (c *capture) write(n node, secret bool) {
	switch n.kind {
	case '{':
		c.writeObject(n, secret)
	case '[':
		c.out = append(c.out, '[')
		for i, item := range n.items {
			if i > 0 {
				c.out = append(c.out, ',')
			}
			c.write(item, secret)
		}
		c.out = append(c.out, ']')
	case '"':
		switch {
		case n.text == "":
			c.writeText("")
		case secret: // nothing reads passwords: without it the body does the same
			c.writeText(kindSecret)
		case tellsSecret(n.text):
			c.writeText(kindSecret)
			c.whole = false
		default:
			c.writeText(n.text)
		}
	default:
		if secret && n.text != "null" {
			c.writeText(kindSecret)
			c.whole = false
			return
		}
		c.out = append(c.out, n.text...)
	}
}

func (c *capture) writeObject(n node, secret bool) {
	_, hasPath := n.get("path")
	hidden := n.cut && !hasPath // which may have been that of a password
	for i, key := range n.keys {
		hidden = hidden || strings.EqualFold(key, "path") && namesSecret(n.items[i].text)
	}
	c.out = append(c.out, '{')
	for i, key := range n.keys {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		shown := key
		if tellsSecret(key) {
			shown, c.whole = noName, false
		}
		c.writeText(shown)
		c.out = append(c.out, ':')
		c.write(n.items[i], secret || namesSecret(key) || hidden && strings.EqualFold(key, "value"))
	}
	c.out = append(c.out, '}')
}

func (c *capture) writeText(s string) {
	b, _ := json.Marshal(s) // a text always can be
	c.out = append(c.out, b...)
}

// secretNames are attributes whose values are never kept.
var secretNames = []string{
	"password", "passwd", "pwd", "passphrase", "secret", "clientsecret", "token", "accesstoken", "refreshtoken",
	"apikey", "privatekey", "authorization", "credential", "credentials",
}

// namesSecret reports whether a key or a path leads to a secret.
func namesSecret(path string) bool {
	names := strings.FieldsFunc(strings.ToLower(path), func(r rune) bool { return strings.ContainsRune(".:[]/ \"", r) })
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.Contains(secretNames, strings.NewReplacer("_", "", "-", "").Replace(name))
	})
}

// tellsSecret reports whether a text that stands elsewhere may hold a secret: a filter
// or JSON that speaks of a password, a credential of this program, or a header.
func tellsSecret(s string) bool {
	lower := strings.ToLower(s)
	if strings.ContainsAny(s, `"':=`) && !nameLike(s) &&
		slices.ContainsFunc(secretNames[:4], func(name string) bool { return strings.Contains(lower, name) }) {
		return true
	}
	scheme, credential, _ := strings.Cut(lower, " ")
	return strings.Contains(lower, "scimbridge_") ||
		(scheme == "bearer" || scheme == "basic") && len(credential) >= 8 && !strings.Contains(credential, " ")
}
