package console

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/scimbridge/scimbridge/membership"
)

// functions are those that templates can call.
var functions = template.FuncMap{
	"asset":    asset,
	"field":    fieldOf,
	"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"exact":    exact,
	"ago":      func(t time.Time) string { return words(t, time.Now()) },
	"shortid":  shortID,
	"sentence": sentence,
	"source":   sourceOf,
	"grantSource": func(r membership.RegisterRow) sourceLabel {
		return sourceOf(membership.MemberSource{Grant: r.Grant, ConnectionName: r.ConnectionName})
	},
	"local":    func() sourceLabel { return sourceLabel{Local: true, Name: "Local"} },
	"plural":   plural,
	"marked":   marked,
	"paste":    pasteOf,
	"lives":    func() []life { return setupLives },
	"called":   called,
	"because":  because,
	"inshort":  inShort,
	"outcome":  outcomeOf,
	"provider": providerName,
	"pretty":   pretty,
	"answer":   http.StatusText,
	"lasts":    lasts,

	"milliseconds": milliseconds,
}

// exact is a time as people write it, in UTC.
func exact(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") }

// words says how long ago a time is, or how far ahead.
func words(t, now time.Time) string {
	d := now.Sub(t)
	ahead := d < 0
	if ahead {
		d = -d
	}
	var s string
	const day = 24 * time.Hour
	switch {
	case d < 5*time.Second && !ahead:
		return "just now"
	case d < time.Minute:
		s = plural(int(d/time.Second), "second")
	case d < time.Hour:
		s = plural(int(d/time.Minute), "minute")
	case d < 2*day:
		s = plural(int(d/time.Hour), "hour")
	case d < 60*day:
		s = plural(int(d/day), "day")
	case d < 730*day:
		s = plural(int(d/(30*day)), "month")
	default:
		s = plural(int(d/(365*day)), "year")
	}
	if ahead {
		return "in " + s
	}
	return s + " ago"
}

// lasts is a length of time in the largest unit that it is a whole number of.
func lasts(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		if d >= unit.of && d%unit.of == 0 {
			return plural(int(d/unit.of), unit.name)
		}
	}
	return plural(int(d/time.Second), "second")
}

// milliseconds says how long something took.
func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// called is what a person is called: by name, or by what else is known of them.
func called(u membership.User) string {
	return cmp.Or(u.Name, u.UserName, u.Email, shortID(u.ID))
}

// shortID shows the ends of an id: those of one day begin alike.
func shortID(id any) string {
	s := fmt.Sprint(id)
	if len(s) < 16 {
		return s
	}
	return s[:8] + "…" + s[len(s)-4:]
}

// sentence makes one of the message of an error.
func sentence(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return ""
	}
	s = string(unicode.ToUpper(first)) + s[size:]
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}

// short cuts a text that a caller sent to a length that a message can hold.
func short(s string) string {
	const longest = 64
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}

// sourceLabel is a source of a membership as the part "source" shows it.
type sourceLabel struct {
	Local bool
	Name  string
}

func sourceOf(s membership.MemberSource) sourceLabel {
	if s.Grant.Connection.IsZero() {
		return sourceLabel{Local: true, Name: "Local"}
	}
	return sourceLabel{Name: s.ConnectionName}
}

// fieldView is a field of a form as the part "field" shows it.
type fieldView struct {
	Form              *form
	Name, Label, Hint string
	Type              string // of the input; area: several lines
	Required          bool
	Max               int
}

// Value is what it holds. A secret is not shown again.
func (v fieldView) Value() string {
	if v.Type == "password" {
		return ""
	}
	return v.Form.Value(v.Name)
}

// Wrong is what is wrong with it.
func (v fieldView) Wrong() string { return v.Form.Wrong(v.Name) }

// fieldOf makes one; options are required, or a type of input.
func fieldOf(f *form, name, label, hint string, options ...string) fieldView {
	v := fieldView{Form: f, Name: name, Label: label, Hint: hint, Type: "text"}
	for _, o := range options {
		if o == "required" {
			v.Required = true
		} else {
			v.Type = o
		}
	}
	return v
}
