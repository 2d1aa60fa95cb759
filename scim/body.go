package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/scimbridge/scimbridge/membership"
)

// maxNesting is how deep a body may be nested; a resource needs six levels.
const maxNesting = 64

// body reads the body of a request: JSON in UTF-8, of at most limit bytes.
func (x *exchange) body(limit int64) ([]byte, error) {
	if err := checkContentType(x.r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	// What the header says is room for a start, not a promise to believe.
	const most = 4 << 20
	if n := min(x.r.ContentLength, limit, most); n > 0 {
		b.Grow(int(n) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, limit)); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, &membership.Error{Kind: membership.KindTooLarge, Message: "the body is too large"}
		}
		return nil, badRequest(typeInvalidSyntax, "the body could not be read to its end")
	}
	body := bytes.TrimPrefix(b.Bytes(), []byte("\ufeff"))
	return body, checkBody(body)
}

// checkContentType takes what calls itself JSON, and what does not say
// (Google, JumpCloud and OneLogin send application/json).
func checkContentType(header string) error {
	if header == "" {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(header)
	if err != nil {
		mediaType, _, _ = strings.Cut(header, ";")
	}
	if !strings.Contains(strings.ToLower(mediaType), "json") {
		return &scimError{status: http.StatusUnsupportedMediaType, detail: "send application/scim+json"}
	}
	return nil
}

// checkBody refuses what a decoder would mend, follow for ever, or hand on to
// a store that cannot keep it: broken UTF-8, deep nesting and NUL.
func checkBody(body []byte) error {
	if !utf8.Valid(body) {
		return badRequest(typeInvalidSyntax, "the body is not UTF-8")
	}
	depth, inText := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inText && c == '\\':
			if bytes.HasPrefix(body[i+1:], []byte("u0000")) {
				return badRequest(typeInvalidValue, "a text has a NUL character")
			}
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{', c == '[':
			if depth++; depth > maxNesting {
				return badRequest(typeInvalidSyntax, "the body is nested deeper than %d", maxNesting)
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return nil
}

// decode decodes a body, or a part of one, and keeps numbers as they were
// written.
func decode(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return syntaxError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest(typeInvalidSyntax, "the body goes on behind its end")
	}
	return nil
}

// split decodes a body whose parts stay undecoded, which spares a copy of it.
func split(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return syntaxError(err)
	}
	return nil
}

// syntaxError says what is wrong in the caller's terms.
func syntaxError(err error) error {
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return badRequest(typeInvalidSyntax, "%s must not be a JSON %s", wrongType.Field, wrongType.Value)
	case errors.As(err, &wrongType):
		return badRequest(typeInvalidSyntax, "the body must be a JSON object")
	case errors.As(err, &syntax):
		return badRequest(typeInvalidSyntax, "the body is not JSON: %s", syntax)
	}
	return badRequest(typeInvalidSyntax, "the body is not JSON")
}

// object decodes a body that is one JSON object.
func object(body []byte) (map[string]any, error) {
	var m map[string]any
	if err := decode(body, &m); err != nil {
		return nil, err
	}
	if m == nil { // null
		return nil, badRequest(typeInvalidSyntax, "the body must be a JSON object")
	}
	return m, nil
}

// encode writes JSON without the escapes that are for HTML. Keys are sorted, so
// that the same attributes are the same bytes.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
