package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/scimbridge/scimbridge/membership"
)

// fields are the fields that a body may have, each with the pointer to where
// its value goes: to a string, a bool, a number, a list of strings or a
// json.RawMessage, or to a pointer to one.
type fields map[string]any

// others is the field of a body whose unknown fields are let be, as a protocol wants it.
const others = "*"

// nullable is a field whose value may be null, which is that of one left out.
type nullable struct{ to any }

// clearable is a field that null clears.
type clearable struct {
	to      any
	cleared *bool // it was null
}

// inItem says which element of a list an error is about.
func inItem(list string, i int, err error) error {
	return membership.Invalidf("%s[%d]: %v", list, i, err)
}

// decodeArray reads a body that is a JSON array of objects.
func (d *door) decodeArray(w http.ResponseWriter, r request) ([]json.RawMessage, error) {
	body, err := readJSON(w, r, manyBodies*d.maxBody)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, membership.Invalidf("the body is not UTF-8")
	}
	if !json.Valid(body) {
		return nil, membership.Invalidf("the body is not valid JSON")
	}
	if err := checkElements("the body", body); err != nil {
		return nil, err
	}
	var items []json.RawMessage
	if json.Unmarshal(body, &items) != nil || items == nil {
		return nil, membership.Invalidf("the body must be a JSON array")
	}
	return items, checkMany("the body's items", len(items))
}

// decode reads the JSON object of a request's body, strictly: what is not
// understood is refused, never dropped. null is no value of any field.
func (d *door) decode(w http.ResponseWriter, r request, into fields, required ...string) error {
	body, err := readJSON(w, r, d.maxBody)
	if err != nil {
		return err
	}
	return decodeObject(body, into, required)
}

// decodeAny is decode for a request that needs no body.
func (d *door) decodeAny(w http.ResponseWriter, r request, into fields) error {
	body, err := readJSON(w, r, d.maxBody)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return err
	}
	return decodeObject(body, into, nil)
}

// decodeMany is decode for a body that names thousands.
func (d *door) decodeMany(w http.ResponseWriter, r request, into fields, required ...string) error {
	body, err := readJSON(w, r, manyBodies*d.maxBody)
	if err != nil {
		return err
	}
	return decodeObject(body, into, required)
}

// What a request that is about many may name and hold.
const (
	maxMany    = 10_000
	manyBodies = 8 // times the longest body of other requests
)

// maxElements is more than any list of a body may have. What is longer is not
// even decoded: a short element takes ten times the memory of its text.
const maxElements = 2 * maxMany

// checkElements refuses a list of more elements. The value is valid JSON.
func checkElements(field string, value []byte) error {
	commas, depth, inText := 0, 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '[', c == '{':
			depth++
		case c == ']', c == '}':
			depth--
		case c == ',' && depth == 1:
			if commas++; commas >= maxElements {
				return membership.Invalidf("%s must have fewer than %d elements", field, maxElements)
			}
		}
	}
	return nil
}

// checkMany refuses a list that is empty or too long.
func checkMany(field string, n int) error {
	if n < 1 || n > maxMany {
		return membership.Invalidf("%s must be 1 to %d", field, maxMany)
	}
	return nil
}

// readJSON reads a body that says that it is JSON.
func readJSON(w http.ResponseWriter, r request, limit int64) ([]byte, error) {
	if err := checkContentType(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	return readUpTo(w, r.Request, limit)
}

func (d *door) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return readUpTo(w, r, d.maxBody)
}

func readUpTo(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &failure{
			status: http.StatusRequestEntityTooLarge, code: codeTooLarge,
			message: "the body is too large", details: map[string]any{"max_bytes": tooLarge.Limit},
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &failure{
			status: http.StatusRequestTimeout, code: codeTooSlow,
			message: "the body came in too slowly: send it without pauses",
		}
	case err != nil:
		return nil, membership.Invalidf("the body could not be read to its end")
	}
	return body, nil
}

func checkContentType(s string) error {
	if s == "" {
		return nil
	}
	media, _, err := mime.ParseMediaType(s)
	if err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")) {
		return nil
	}
	return &failure{
		status: http.StatusUnsupportedMediaType, code: codeInvalidInput,
		message: "the body must be JSON (Content-Type: application/json)",
	}
}

func decodeObject(body []byte, into fields, required []string) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return membership.Invalidf("the body is empty: it must be a JSON object")
	}
	if !utf8.Valid(body) {
		return membership.Invalidf("the body is not UTF-8")
	}
	if !json.Valid(body) {
		return membership.Invalidf("the body is not valid JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return membership.Invalidf("the body must be a JSON object")
	}
	seen := make(map[string]bool, len(into))
	for dec.More() {
		name, value, err := nextField(dec)
		if err != nil {
			return err
		}
		target, known := into[name]
		if _, letBe := into[others]; !known && letBe || name == others {
			continue
		}
		if !known {
			return membership.Invalidf("unknown field %q", short(name))
		}
		if seen[name] {
			return membership.Invalidf("the field %s is given more than once", name)
		}
		seen[name] = true
		if n, ok := target.(nullable); ok {
			if string(value) == "null" {
				continue
			}
			target = n.to
		}
		if c, ok := target.(clearable); ok {
			if *c.cleared = string(value) == "null"; *c.cleared {
				continue
			}
			target = c.to
		}
		if err := checkElements(name, value); err != nil {
			return err
		}
		if json.Unmarshal(value, target) != nil || string(value) == "null" {
			return membership.Invalidf("%s must be %s", name, typeOf(target))
		}
	}
	for _, name := range required {
		if !seen[name] {
			return membership.Invalidf("%s is required", name)
		}
	}
	return nil
}

// nextField reads one field of a document that is known to be valid.
func nextField(dec *json.Decoder) (name string, value json.RawMessage, err error) {
	t, err := dec.Token()
	if err != nil {
		return "", nil, err
	}
	name, _ = t.(string)
	return name, value, dec.Decode(&value)
}

// typeOf says in JSON's words what a field holds.
func typeOf(target any) string {
	if _, ok := target.(*json.RawMessage); ok {
		return "a JSON object"
	}
	t := reflect.TypeOf(target)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Slice {
			return "a list of objects"
		}
		return "a list of strings"
	}
	return "a string"
}
