package replay

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// variables are the values that {{name}} stands for: JSON values as
// encoding/json decodes them into any.
type variables map[string]any

// missing is the name of a variable that nothing has set.
type missing string

func (m missing) Error() string { return "{{" + string(m) + "}} was never captured" }

var (
	reference = regexp.MustCompile(`\{\{([^{}]+)\}\}`)
	whole     = regexp.MustCompile(`^\{\{([^{}]+)\}\}$`)
)

// newVariables makes names no earlier play has used, so that the server need
// not be empty.
func newVariables(base string) variables {
	var run [4]byte
	rand.Read(run[:])
	v := variables{"run": hex.EncodeToString(run[:]), "base": base}
	for i := 1; i <= 9; i++ {
		v["uuid"+strconv.Itoa(i)] = newUUID()
	}
	return v
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// lookup evaluates the inside of {{…}}: a name and its modifiers.
func (v variables) lookup(expr string) (any, error) {
	parts := strings.Split(expr, "|")
	name := strings.TrimSpace(parts[0])
	val, ok := v[name]
	if !ok {
		return nil, missing(name)
	}
	for _, mod := range parts[1:] {
		switch strings.TrimSpace(mod) {
		case "upper":
			val = strings.ToUpper(text(val))
		case "lower":
			val = strings.ToLower(text(val))
		case "q":
			val = escape(text(val))
		case "qq":
			val = escape(escape(text(val)))
		default:
			return nil, fmt.Errorf("unknown modifier %q in {{%s}}", mod, expr)
		}
	}
	return val, nil
}

// value expands a string. One that is nothing but a variable takes its value,
// whatever the type; else variables are written into the text.
func (v variables) value(s string) (any, error) {
	if m := whole.FindStringSubmatch(s); m != nil {
		return v.lookup(m[1])
	}
	var failed error
	out := reference.ReplaceAllStringFunc(s, func(ref string) string {
		val, err := v.lookup(ref[2 : len(ref)-2])
		if err != nil && failed == nil {
			failed = err
		}
		return text(val)
	})
	return out, failed
}

// text expands a string into a string.
func (v variables) text(s string) (string, error) {
	val, err := v.value(s)
	return text(val), err
}

// json expands every string in a JSON document and keeps the order of members.
func (v variables) json(doc json.RawMessage) (json.RawMessage, error) {
	var out bytes.Buffer
	if err := v.write(&out, doc); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (v variables) write(out *bytes.Buffer, doc json.RawMessage) error {
	switch doc = bytes.TrimSpace(doc); {
	case bytes.HasPrefix(doc, []byte(`"`)):
		var s string
		if err := json.Unmarshal(doc, &s); err != nil {
			return err
		}
		val, err := v.value(s)
		if err != nil {
			return err
		}
		return encode(out, val)
	case bytes.HasPrefix(doc, []byte(`[`)):
		var items []json.RawMessage
		if err := json.Unmarshal(doc, &items); err != nil {
			return err
		}
		return v.writeArray(out, len(items), func(i int) (variables, json.RawMessage) { return v, items[i] })
	case bytes.HasPrefix(doc, []byte(`{`)):
		var fields Fields
		if err := json.Unmarshal(doc, &fields); err != nil {
			return err
		}
		for _, f := range fields {
			if f.Name == "$each" {
				return v.writeEach(out, doc)
			}
		}
		return v.writeObject(out, fields)
	default:
		out.Write(doc)
		return nil
	}
}

func (v variables) writeObject(out *bytes.Buffer, fields Fields) error {
	out.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := v.text(f.Name)
		if err != nil {
			return err
		}
		if err := encode(out, name); err != nil {
			return err
		}
		out.WriteByte(':')
		if err := v.write(out, f.Value); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

func (v variables) writeArray(out *bytes.Buffer, n int, item func(int) (variables, json.RawMessage)) error {
	out.WriteByte('[')
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		scope, doc := item(i)
		if err := scope.write(out, doc); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return nil
}

// writeEach expands {"$each":"name","limit":n,"of":…}.
func (v variables) writeEach(out *bytes.Buffer, doc json.RawMessage) error {
	var each struct {
		Name  string          `json:"$each"`
		Limit int             `json:"limit"`
		Of    json.RawMessage `json:"of"`
	}
	if err := json.Unmarshal(doc, &each); err != nil {
		return err
	}
	val, err := v.lookup(each.Name)
	if err != nil {
		return err
	}
	list, ok := val.([]any)
	if !ok {
		return fmt.Errorf("$each wants a list, %s is %s", each.Name, brief(val))
	}
	if each.Limit > 0 && each.Limit < len(list) {
		list = list[:each.Limit]
	}
	return v.writeArray(out, len(list), func(i int) (variables, json.RawMessage) {
		scope := make(variables, len(v)+1)
		for name, val := range v {
			scope[name] = val
		}
		scope["it"] = list[i]
		return scope, each.Of
	})
}

// encode writes a JSON value without the HTML escapes that no provider sends.
func encode(out *bytes.Buffer, val any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(val); err != nil {
		return err
	}
	out.Truncate(out.Len() - 1) // the newline that Encode adds
	return nil
}

// text writes a JSON value into a string the way a script would.
func text(val any) string {
	switch val := val.(type) {
	case string:
		return val
	case float64:
		return strconv.FormatFloat(val, 'f', -1, 64)
	}
	var out bytes.Buffer
	if err := encode(&out, val); err != nil {
		return fmt.Sprint(val)
	}
	return out.String()
}

// escape percent-encodes all but the characters that encodeURIComponent of
// ECMAScript leaves alone; the recorded paths were made with it.
func escape(s string) string {
	const plain = "-_.!~*'()"
	var out strings.Builder
	for i := range len(s) {
		b := s[i]
		if 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte(plain, b) >= 0 {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}
