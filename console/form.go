package console

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// The bounds of the body of a form, in bytes: of one that anybody may send, and of one of a
// session. That has room for a policy, of which a byte can be six in a form, and for one
// that is too long, so that what was written is shown again.
const (
	maxForm      = 64 << 10
	maxKnownForm = 8 * auth.MaxPolicyText
)

// fieldFormToken is the field of every form that shows that a page of this session made
// it.
const fieldFormToken = "form_token"

// form is what was sent, and what is wrong with it: a page shows both again.
type form struct {
	values map[string]string
	Errors []fieldError
}

// fieldError is what is wrong with a field; no field: with the whole.
type fieldError struct{ Field, Message string }

// newForm is one that was not sent yet, with values for its fields.
func newForm(values map[string]string) *form { return &form{values: values} }

// readForm reads a form with known fields, each once.
func readForm(w http.ResponseWriter, r *http.Request, fields []string) (*form, error) {
	return readFormOf(w, r, fields, maxForm)
}

// readFormOf is readForm for a body of up to so many bytes.
func readFormOf(w http.ResponseWriter, r *http.Request, fields []string, most int64) (*form, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, &failure{status: http.StatusUnsupportedMediaType, title: "That does not work so",
			message: "A form of a page is expected."}
	}
	r.Body = http.MaxBytesReader(w, r.Body, most)
	err = r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &membership.Error{Kind: membership.KindTooLarge, Message: "the form is too large: nothing was " +
			"changed. Go back in the browser, where what you wrote still is, and shorten it"}
	case err != nil:
		return nil, membership.Invalidf("the form could not be read")
	}
	f := &form{values: make(map[string]string, len(r.PostForm))}
	for name, vs := range r.PostForm {
		switch {
		case name != fieldFormToken && !slices.Contains(fields, name):
			return nil, membership.Invalidf("the form has an unknown field %q", short(name))
		case len(vs) != 1:
			return nil, membership.Invalidf("the form has the field %s more than once", name)
		case !membership.ValidText(vs[0]):
			return nil, membership.Invalidf("%s has a NUL byte or is not UTF-8", name)
		}
		// Lines of a field are sent with CR LF, however they were written.
		f.values[name] = strings.TrimSpace(strings.ReplaceAll(vs[0], "\r\n", "\n"))
	}
	return f, nil
}

// Value is what was sent in a field, without blanks around it.
func (f *form) Value(field string) string { return f.values[field] }

// Wrong is what is wrong with a field; empty: nothing.
func (f *form) Wrong(field string) string {
	for _, e := range f.Errors {
		if e.Field == field {
			return e.Message
		}
	}
	return ""
}

// OK reports whether nothing is wrong so far.
func (f *form) OK() bool { return len(f.Errors) == 0 }

// fail notes what is wrong with a field; an empty field: with the whole.
func (f *form) fail(field, message string) {
	f.Errors = append(f.Errors, fieldError{field, sentence(message)})
}

// require notes a field that was left empty.
func (f *form) require(field, message string) {
	if f.values[field] == "" {
		f.fail(field, message)
	}
}

// id reads a field that holds an id, and notes what is wrong with it.
func (f *form) id(field, message string) membership.ID {
	id, err := membership.ParseID(f.values[field])
	if err != nil || id.IsZero() {
		f.fail(field, message)
		return membership.ID{}
	}
	return id
}

// time reads a field that holds a time, and notes what is wrong with it; the zero time: it
// is empty.
func (f *form) time(field, name string) time.Time {
	t, err := parseTime(name, f.values[field])
	if err != nil {
		f.fail(field, err.Error())
	}
	return t
}

// refused takes an error of a use case that the person can do something about into the
// form, which is then shown again with status. Other errors it leaves alone: false.
func (f *form) refused(err error, field string) (status int, taken bool) {
	switch membership.KindOf(err) {
	case membership.KindInvalid, membership.KindAlreadyMember, membership.KindUniqueness, membership.KindManagedByIdP,
		membership.KindGroupManaged, membership.KindLinked, membership.KindTooLarge:
		shown := failureOf(err)
		f.fail(field, shown.message)
		for _, n := range shown.notices {
			f.fail("", n)
		}
		return shown.status, true
	}
	return 0, false
}

// namesAbove is how many people something has to concern that wants its name typed.
const namesAbove = 100

// confirm is what stands between a person and an act that takes something away: what it
// would do, and above namesAbove people the name of what it is about.
type confirm struct {
	Name   string // of what it is about
	People int    // how many people it concerns
	Counts []count
}

// count is one number of a dry run.
type count struct {
	What string
	N    int
}

// Typed reports whether the name has to be typed.
func (c confirm) Typed() bool { return c.People > namesAbove }

// check notes in the form that the name was not typed. Names are the same here as
// everywhere: blanks at their ends and what cannot be seen do not count.
func (c confirm) check(f *form) {
	if c.Typed() && typed(f.Value("typed_name")) != typed(c.Name) {
		f.fail("typed_name", "Type the name to confirm: it concerns more than 100 people.")
	}
}

// typed is what a name has in common with what a person types who reads it on a page,
// which shows blanks and ends of lines within it as one blank.
func typed(name string) string { return strings.Join(strings.Fields(membership.Fold(name)), " ") }

// toType is what is to be typed for something of a name: its id, where there is nothing
// to see of the name, or it may not be seen.
func toType(name string, id membership.ID) string {
	if key, _ := membership.PartKey(name); key == "" {
		return id.String()
	}
	return name
}
