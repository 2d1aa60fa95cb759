package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

// docsPage is what the page about the contract shows.
type docsPage struct {
	Title, Version, Description string
	Authentication              []namedSchema // the ways to say who is calling
	Tags                        []docsTag
	Schemas                     []namedSchema
}

type docsTag struct {
	Name, Description string
	Operations        []operation
}

type operation struct {
	ID, Method, Path     string
	Summary, Description string
	Public               bool
	Parameters           []parameter
	Bodies               []content
	Responses            []response

	words string // what it is found by
}

type parameter struct {
	Name, In, Description string
	Required              bool
	Type                  schemaType
}

// content is a body in one media type.
type content struct {
	Type     string
	Schema   schemaType
	Examples []string
}

type response struct {
	Status, Description string
	Bodies              []content
}

type namedSchema struct {
	Name, Description string
	Type              schemaType
	Fields            []field

	words string // what it is found by
}

type field struct {
	Name, Description string
	Required          bool
	Type              schemaType
}

// schemaType is a type in words; Ref names the schema to read on in.
type schemaType struct{ Text, Ref string }

// node is a part of the contract; what it refers to is looked up on the way.
type node struct {
	root, at *yaml.Node
}

// readContract reads what the page shows, in the order of the file.
func readContract(text []byte) (docsPage, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return docsPage{}, err
	}
	if len(root.Content) == 0 {
		return docsPage{}, fmt.Errorf("the contract is empty")
	}
	n := node{root.Content[0], root.Content[0]}
	info := n.get("info")
	page := docsPage{Title: info.text("title"), Version: info.text("version"), Description: info.text("description")}
	operations := n.operations()
	for _, t := range n.get("tags").list() {
		tag := docsTag{Name: t.text("name"), Description: t.text("description")}
		for _, o := range operations {
			if o.tag == tag.Name {
				tag.Operations = append(tag.Operations, o.operation)
			}
		}
		page.Tags = append(page.Tags, tag)
	}
	for name, s := range n.get("components").get("securitySchemes").fields() {
		page.Authentication = append(page.Authentication, namedSchema{Name: name, Description: s.text("description")})
	}
	for name, s := range n.get("components").get("schemas").fields() {
		page.Schemas = append(page.Schemas, namedSchema{
			Name: name, Description: s.text("description"), Type: s.schemaType(), Fields: s.schemaFields(),
		})
	}
	return page, nil
}

type taggedOperation struct {
	tag string
	operation
}

func (n node) operations() (os []taggedOperation) {
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	for path, item := range n.get("paths").fields() {
		for name, op := range item.fields() {
			method := strings.ToUpper(name)
			if !slices.Contains(methods, method) {
				continue
			}
			o := operation{
				ID: op.text("operationId"), Method: method, Path: path,
				Summary: op.text("summary"), Description: op.text("description"),
				Public: op.get("security").at != nil,
				Bodies: op.get("requestBody").bodies(),
			}
			for _, p := range slices.Concat(item.get("parameters").list(), op.get("parameters").list()) {
				o.Parameters = append(o.Parameters, parameter{
					Name: p.text("name"), In: p.text("in"), Description: p.text("description"),
					Required: p.text("required") == "true", Type: p.get("schema").schemaType(),
				})
			}
			for status, r := range op.get("responses").fields() {
				o.Responses = append(o.Responses, response{
					Status: status, Description: r.text("description"), Bodies: r.bodies(),
				})
			}
			os = append(os, taggedOperation{op.get("tags").first(), o})
		}
	}
	return os
}

func (n node) bodies() (cs []content) {
	for media, c := range n.get("content").fields() {
		one := content{Type: media, Schema: c.get("schema").schemaType()}
		if e := c.get("example"); e.at != nil {
			one.Examples = append(one.Examples, e.json())
		}
		for _, e := range c.get("examples").fields() {
			one.Examples = append(one.Examples, e.get("value").json())
		}
		cs = append(cs, one)
	}
	return cs
}

func (n node) schemaFields() (fs []field) {
	var required []string
	for _, r := range n.get("required").list() {
		required = append(required, r.at.Value)
	}
	for name, s := range n.get("properties").fields() {
		fs = append(fs, field{
			Name: name, Description: s.text("description"), Required: slices.Contains(required, name),
			Type: s.schemaType(),
		})
	}
	return fs
}

// schemaType says what a schema holds, in a line.
func (n node) schemaType() schemaType {
	if n.at == nil {
		return schemaType{}
	}
	if ref := n.ref(); ref != "" {
		return schemaType{Text: ref, Ref: ref}
	}
	if all := n.get("allOf").list(); len(all) == 1 {
		return all[0].schemaType()
	}
	t := schemaType{Text: n.text("type")}
	if t.Text == "array" {
		of := n.get("items").schemaType()
		return schemaType{Text: "list of " + of.Text, Ref: of.Ref}
	}
	if f := n.text("format"); f != "" {
		t.Text += ", " + f
	}
	var values []string
	for _, v := range n.get("enum").list() {
		values = append(values, v.at.Value)
	}
	if len(values) > 0 {
		t.Text += ": " + strings.Join(values, ", ")
	}
	for _, bound := range []struct{ name, text string }{
		{"minimum", "at least "}, {"maximum", "at most "}, {"maxLength", "up to "}, {"default", "default "},
	} {
		if v := n.text(bound.name); v != "" {
			t.Text += ", " + bound.text + v
		}
	}
	return t
}
