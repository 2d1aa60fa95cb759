package scim

import (
	"encoding/json"
	"errors"
	"io"
)

// tokens reads JSON piece by piece, so that what is long is never held whole.
// Numbers stay as they were written.
type tokens struct{ dec *json.Decoder }

func newTokens(r io.Reader) tokens {
	dec := json.NewDecoder(r)
	dec.UseNumber()
	return tokens{dec}
}

// next reads a token: a delimiter, or a whole value that is none.
func (t tokens) next() (json.Token, error) {
	tok, err := t.dec.Token()
	return tok, readError(err)
}

// read reads the next value.
func (t tokens) read(v any) error { return readError(t.dec.Decode(v)) }

// text reads the next value, which must be a string; null is none.
func (t tokens) text(name string) (s string, err error) {
	tok, err := t.next()
	if err != nil {
		return "", err
	}
	s, ok := tok.(string)
	if !ok && tok != nil {
		return "", badRequest(typeInvalidSyntax, "%s must be a string", name)
	}
	return s, nil
}

// fields calls field for each name up to the end of the object that was begun;
// field reads the value.
func (t tokens) fields(field func(name string) error) error {
	for t.dec.More() {
		tok, err := t.next()
		if err != nil {
			return err
		}
		name, _ := tok.(string) // the decoder takes nothing else here
		if err := field(name); err != nil {
			return err
		}
	}
	_, err := t.next()
	return err
}

// elements calls element for each element up to the end of the list that was
// begun; element reads it.
func (t tokens) elements(element func(i int) error) error {
	for i := 0; t.dec.More(); i++ {
		if err := element(i); err != nil {
			return err
		}
	}
	_, err := t.next()
	return err
}

// object is fields for an object that comes next.
func (t tokens) object(field func(name string) error) error {
	tok, err := t.next()
	if err != nil {
		return err
	}
	if tok != json.Delim('{') {
		return badRequest(typeInvalidSyntax, "the body must be a JSON object")
	}
	return t.fields(field)
}

// skip reads over the next value.
func (t tokens) skip() error {
	for depth := 0; ; {
		tok, err := t.next()
		if err != nil {
			return err
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// end refuses anything behind the value that was read.
func (t tokens) end() error {
	switch _, err := t.dec.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case isAnswer(err):
		return err
	}
	return badRequest(typeInvalidSyntax, "the body goes on behind its end")
}

// isAnswer reports whether an error is a bodyReader's, in the caller's terms.
func isAnswer(err error) bool { return err != nil && errorOf(err) != errInternal }

// readError returns the error of a decoder in the caller's terms.
func readError(err error) error {
	switch {
	case err == nil:
		return nil
	case isAnswer(err):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return badRequest(typeInvalidSyntax, "the body is not JSON: it ends too early")
	}
	return syntaxError(err)
}
