package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// body reads the body of a request: JSON in UTF-8, of at most limit bytes.
func (x *exchange) body(limit int64) ([]byte, error) {
	r, err := x.reader(limit)
	if err != nil {
		return nil, err
	}
	defer r.drain()
	var b bytes.Buffer
	// What the header says is room for a start, not a promise to believe.
	const most = 4 << 20
	if n := min(x.r.ContentLength, limit, most); n > 0 {
		b.Grow(int(n) + bytes.MinRead)
	}
	_, err = b.ReadFrom(r)
	return b.Bytes(), err
}

// reader is body for what need not be held whole. Its caller drains it.
func (x *exchange) reader(limit int64) (*bodyReader, error) {
	if err := checkContentType(x.r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	if err := checkContentEncoding(x.r.Header.Values("Content-Encoding")); err != nil {
		x.w.Header().Set("Accept-Encoding", "identity") // RFC 9110 section 15.5.16
		return nil, err
	}
	if size := x.r.ContentLength; 0 <= size && size <= min(limit, maxHeld) {
		return newHeldBody(x.r.Body, int(size)), nil // net/http lets through no more
	}
	var source io.Reader = http.MaxBytesReader(x.w, x.r.Body, limit)
	if x.large != nil {
		x.counted = &largeBody{Reader: source, ctx: x.ctx(), room: x.large, free: largeStep}
		source = x.counted
	}
	return newBodyReader(source), nil
}

// checkContentType takes what calls itself JSON, and what does not say
// (Google, JumpCloud and OneLogin send application/json).
func checkContentType(header string) error {
	switch header {
	case "", "application/scim+json", "application/json", "application/scim+json; charset=utf-8",
		"application/json; charset=utf-8":
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

// checkContentEncoding refuses compressed bodies: no provider sends them, and a
// small one can be a very large one. A charset stands there by mistake.
func checkContentEncoding(headers []string) error {
	for _, h := range headers {
		switch strings.ToLower(strings.TrimSpace(h)) {
		case "", "identity", "utf-8":
		default:
			return &scimError{status: http.StatusUnsupportedMediaType,
				detail: "send the body without a content encoding"}
		}
	}
	return nil
}

// decode decodes a body, or a part of one, and keeps numbers as they were
// written.
func decode(data []byte, v any) error {
	t := newTokens(bytes.NewReader(data))
	if err := t.read(v); err != nil {
		return err
	}
	return t.end()
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
