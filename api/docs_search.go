package api

import (
	"bytes"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	maxDocsQuery = 100 // bytes of what is searched for
	maxDocsFound = 60  // operations, and schemas, that a search lists
)

// docsFound is what a search in the contract found.
type docsFound struct {
	docsPage
	Query      string
	Operations []operation
	Schemas    []namedSchema
	More       bool // there is more than is listed
}

// Count is how many are listed.
func (f docsFound) Count() int { return len(f.Operations) + len(f.Schemas) }

// searchDocs renders what has every word of a query in it.
func searchDocs(text string) ([]byte, error) {
	if len(text) > maxDocsQuery {
		return nil, membership.Invalidf("q has more than %d bytes", maxDocsQuery)
	}
	d, err := readDocs()
	if err != nil {
		return nil, err
	}
	words := strings.Fields(strings.ToLower(text))
	has := func(in string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(in, w) })
	}
	f := docsFound{docsPage: d.page, Query: text}
	for _, t := range d.page.Tags {
		for _, o := range t.Operations {
			if has(o.words) {
				f.Operations = append(f.Operations, o)
			}
		}
	}
	for _, s := range d.page.Schemas {
		if has(s.words) {
			f.Schemas = append(f.Schemas, s)
		}
	}
	f.More = len(f.Operations) > maxDocsFound || len(f.Schemas) > maxDocsFound
	f.Operations = f.Operations[:min(len(f.Operations), maxDocsFound)]
	f.Schemas = f.Schemas[:min(len(f.Schemas), maxDocsFound)]
	var b bytes.Buffer
	err = d.template.ExecuteTemplate(&b, "found", f)
	return b.Bytes(), err
}

// index keeps what each part can be found by.
func (p *docsPage) index() {
	for i := range p.Tags {
		for j := range p.Tags[i].Operations {
			o := &p.Tags[i].Operations[j]
			parts := []string{p.Tags[i].Name, o.ID, o.Method, o.Path, o.Summary, o.Description}
			for _, of := range o.Parameters {
				parts = append(parts, of.Name)
			}
			o.words = strings.ToLower(strings.Join(parts, "\n"))
		}
	}
	for i := range p.Schemas {
		s := &p.Schemas[i]
		parts := []string{s.Name, s.Description}
		for _, f := range s.Fields {
			parts = append(parts, f.Name)
		}
		s.words = strings.ToLower(strings.Join(parts, "\n"))
	}
}
