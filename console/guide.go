package console

import (
	"embed"
	"encoding/json"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/scimbridge/scimbridge/membership"
)

// What to do at each provider is data: a file a provider, named by its id.
//
//go:embed providers/*.json
var guideFiles embed.FS

// guide says how a provider is set up. Texts have names of the provider's screens
// between asterisks.
type guide struct {
	ID      string      `json:"-"`
	Name    string      `json:"name"`
	IDP     string      `json:"idp"` // of its connections: one of membership.IDPs
	Before  []string    `json:"before"`
	Token   []guideStep `json:"token"`   // with a token
	Client  []guideStep `json:"client"`  // with an OAuth client; empty: it cannot
	Expects []string    `json:"expects"` // of milestones, in their order
	Trouble []string    `json:"trouble"`
}

// guideStep is one thing to do there: texts, what to enter, and texts.
type guideStep struct {
	Title  string       `json:"title"`
	Do     []string     `json:"do"`
	Fields []guideField `json:"fields"`
	Then   []string     `json:"then"`
}

// guideField is a field of the provider's form: with a value to paste, or with something
// to choose.
type guideField struct {
	Name   string `json:"name"`
	Value  string `json:"value"` // with words of guideValues
	Choose string `json:"choose"`
	Hint   string `json:"hint"`
}

// genericGuide is for providers that have none of their own.
const genericGuide = "generic"

// guides are all of them: Okta and Entra first, the others by name, the generic one
// last.
var guides = sync.OnceValue(func() []guide {
	files, err := fs.Glob(guideFiles, "providers/*.json")
	if err != nil {
		panic(err)
	}
	var all []guide
	for _, file := range files {
		b, err := guideFiles.ReadFile(file)
		if err != nil {
			panic(err) // it is part of the program
		}
		g := guide{ID: strings.TrimSuffix(path.Base(file), ".json")}
		if err := json.Unmarshal(b, &g); err != nil {
			panic(file + ": " + err.Error())
		}
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b guide) int { return strings.Compare(a.order(), b.order()) })
	return all
})

func (g guide) order() string {
	switch {
	case g.ID == genericGuide:
		return "2"
	case g.IDP == membership.IDPs[2]:
		return "1" + strings.ToLower(g.Name)
	case g.ID == "okta":
		return "00"
	}
	return "01"
}

// guideOf returns the guide of an id.
func guideOf(id string) (guide, bool) {
	i := slices.IndexFunc(guides(), func(g guide) bool { return g.ID == id })
	if i < 0 {
		return guide{}, false
	}
	return guides()[i], true
}

// guidesFor are those that may be of a connection: its own, or all that are generic.
func guidesFor(c membership.Connection) (of []guide) {
	for _, g := range guides() {
		if g.IDP == c.IDP {
			of = append(of, g)
		}
	}
	return of
}

// guideValues are what guides say to paste, by word. A word whose value is not known, as
// a secret that was made before, stays a word.
type guideValues map[string]string

// secretWords are those whose values are shown once.
var secretWords = []string{"{token}", "{client_secret}"}

// Fill puts the values into a text. It returns "" where one is not known.
func (v guideValues) Fill(text string) string {
	for word, value := range v {
		text = strings.ReplaceAll(text, word, value)
	}
	if guideWord.MatchString(text) {
		return ""
	}
	return text
}

// Secret reports whether the text has a word for a secret.
func (v guideValues) Secret(text string) bool {
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(text, word) })
}

var (
	guideWord = regexp.MustCompile(`\{[a-z_]+\}`)
	screen    = regexp.MustCompile(`\*([^*]+)\*`)
)

// marked is a text of a guide as HTML: what stands on the provider's screens is bold.
func marked(text string) template.HTML {
	escaped := template.HTMLEscapeString(text)
	return template.HTML(screen.ReplaceAllString(escaped, "<b>$1</b>")) //nolint:gosec // it was escaped
}

// pasteView is a text to paste elsewhere as the part "paste" shows it.
type pasteView struct{ Name, Value, Hint string }

func pasteOf(name, value string, hint ...string) pasteView {
	return pasteView{name, value, strings.Join(hint, " ")}
}
