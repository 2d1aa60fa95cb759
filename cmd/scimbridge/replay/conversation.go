// Package replay plays recorded conversations of identity providers against a
// live SCIM 2.0 service provider, over real HTTP, and judges every answer.
//
// A conversation is data: a JSON file in conversations/ with the requests in
// the exact form a provider sends them and what has to be true of the answers.
// The demo command plays two of them for the user to watch; the tests play all.
package replay

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed conversations/*.json
var recorded embed.FS

// Conversation is one recorded exchange between an identity provider and a
// service provider.
type Conversation struct {
	ID   string `json:"id"`
	IDP  string `json:"idp"`
	Name string `json:"name"`
	// Confidence grades the source: A a vendor's own documentation or source,
	// or captured traffic; B the exact shape from a third party that met it;
	// C reconstructed or only described.
	Confidence string `json:"confidence"`
	Split      string `json:"split"`
	// Soft conversations are optional behaviour: one that fails is worth
	// knowing about, not an error.
	Soft   bool     `json:"soft"`
	Tags   []string `json:"tags"`
	Source []string `json:"source"`
	// Headers go with every request; a step's own headers win.
	Headers map[string]string `json:"headers"`
	Steps   []Step            `json:"steps"`
}

// Step is one request, or several at once, and what is expected of the answer.
//
// Path, Body, RawBody and the values in Expect may hold variables: {{run}} (8
// hex digits, new for each play), {{uuid1}} to {{uuid9}}, {{base}}, captures,
// {{i}} (the repetition, from 1) and {{it}} (the item of an $each), each with
// modifiers |upper |lower |q |qq (percent-encoded once, twice). An object
// {"$each":"name","limit":n,"of":…} becomes an array with one item for each
// member of a captured list.
type Step struct {
	Note   string `json:"note"`
	Method string `json:"method"`
	// Path is the exact wire form, query included, after the base URL.
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
	RawBody *string           `json:"rawBody"`
	// Auth replaces the bearer token: "none" sends no Authorization at all,
	// "bad" a token that was never issued, anything else is the header's raw value.
	Auth *string `json:"auth"`
	// Setup steps only arrange state; when one fails, the play ends.
	Setup bool `json:"setup"`
	// Soft steps warn where others fail.
	Soft   bool `json:"soft"`
	Repeat int  `json:"repeat"`
	// Capture names variables and the pointers to their values in the answer;
	// CaptureList appends to a list instead.
	Capture     map[string]string `json:"capture"`
	CaptureList map[string]string `json:"captureList"`
	// Parallel steps are sent at the same time, instead of this one.
	Parallel []Step `json:"parallel"`
	Expect   Expect `json:"expect"`
}

// Expect is what an answer must be, and what it should be.
type Expect struct {
	Demands
	Should *Demands `json:"should"`
}

// Demands on an answer: a status among Status, JSON by pointer, headers by name.
type Demands struct {
	Status  []int  `json:"status"`
	JSON    Fields `json:"json"`
	Headers Fields `json:"headers"`
}

// Fields is a JSON object that keeps the order of its members: requests go out
// as they were recorded, and findings are listed in the order of the file.
type Fields []Field

// Field is one member of a JSON object.
type Field struct {
	Name  string
	Value json.RawMessage
}

// UnmarshalJSON reads a JSON object.
func (f *Fields) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	open, err := dec.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') {
		return fmt.Errorf("want a JSON object, got %.20s", data)
	}
	*f = Fields{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		field := Field{Name: name.(string)} // a member's name is always a string
		if err := dec.Decode(&field.Value); err != nil {
			return err
		}
		*f = append(*f, field)
	}
	return nil
}

// Conversations returns every conversation built into the program, sorted by id.
func Conversations() ([]Conversation, error) {
	dir, err := fs.Sub(recorded, "conversations")
	if err != nil {
		return nil, err
	}
	return Load(dir)
}

// Load reads every *.json file in the root of fsys, sorted by id. A file that
// is no conversation, or holds a member that is not known, is an error that
// names the file.
func Load(fsys fs.FS) ([]Conversation, error) {
	names, err := fs.Glob(fsys, "*.json")
	if err != nil {
		return nil, err
	}
	all := make([]Conversation, 0, len(names))
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		var c Conversation
		dec := json.NewDecoder(bytes.NewReader(data))
		// A misspelt matcher list would otherwise expect nothing and pass.
		dec.DisallowUnknownFields()
		if err := dec.Decode(&c); err != nil {
			return nil, fmt.Errorf("conversation %s: %w", name, err)
		}
		if c.ID == "" || len(c.Steps) == 0 {
			return nil, fmt.Errorf("conversation %s: no id or no steps", name)
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Conversation) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}
