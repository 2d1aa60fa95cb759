package api

import (
	"iter"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

// ref is the name of the schema that a reference leads to.
func (n node) ref() string {
	if n.at == nil || n.at.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(n.at.Content); i += 2 {
		if n.at.Content[i].Value == "$ref" {
			ref := n.at.Content[i+1].Value
			return ref[strings.LastIndexByte(ref, '/')+1:]
		}
	}
	return ""
}

// resolved follows aliases (of YAML) and references (of OpenAPI).
func (n node) resolved() node {
	for n.at != nil {
		if n.at.Kind == yaml.AliasNode {
			n.at = n.at.Alias
			continue
		}
		if n.ref() == "" {
			break
		}
		target := node{n.root, n.root}
		for i := 0; i+1 < len(n.at.Content); i += 2 {
			if n.at.Content[i].Value != "$ref" {
				continue
			}
			for _, part := range strings.Split(strings.TrimPrefix(n.at.Content[i+1].Value, "#/"), "/") {
				target = target.raw(part)
			}
		}
		n = target
	}
	return n
}

// get returns a field; the node of nothing when there is none.
func (n node) get(name string) node { return n.resolved().raw(name) }

func (n node) raw(name string) node {
	for key, v := range n.fields() {
		if key == name {
			return v
		}
	}
	return node{root: n.root}
}

// fields are the fields of an object, in the order of the file.
func (n node) fields() iter.Seq2[string, node] {
	return func(yield func(string, node) bool) {
		n = n.resolved()
		if n.at == nil || n.at.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.at.Content); i += 2 {
			if !yield(n.at.Content[i].Value, node{n.root, n.at.Content[i+1]}) {
				return
			}
		}
	}
}

func (n node) list() (ns []node) {
	n = n.resolved()
	if n.at == nil || n.at.Kind != yaml.SequenceNode {
		return nil
	}
	for _, c := range n.at.Content {
		ns = append(ns, node{n.root, c})
	}
	return ns
}

// text is a field that holds a text or a number.
func (n node) text(name string) string {
	if v := n.get(name).resolved(); v.at != nil && v.at.Kind == yaml.ScalarNode {
		return v.at.Value
	}
	return ""
}

func (n node) first() string {
	if l := n.list(); len(l) > 0 {
		return l[0].at.Value
	}
	return ""
}

// json writes an example as JSON, its fields in the order of the file.
func (n node) json() string { return string(n.appendJSON(nil, "\n")) }

func (n node) appendJSON(b []byte, line string) []byte {
	n = n.resolved()
	switch {
	case n.at == nil:
		return append(b, "null"...)
	case n.at.Kind == yaml.MappingNode:
		b = append(b, '{')
		first := true
		for name, v := range n.fields() {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendString(append(b, line+"  "...), name)
			b = v.appendJSON(append(b, ": "...), line+"  ")
		}
		if !first {
			b = append(b, line...)
		}
		return append(b, '}')
	case n.at.Kind == yaml.SequenceNode:
		b = append(b, '[')
		for i, v := range n.list() {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.appendJSON(append(b, line+"  "...), line+"  ")
		}
		if len(n.at.Content) > 0 {
			b = append(b, line...)
		}
		return append(b, ']')
	case n.at.Tag == "!!bool", n.at.Tag == "!!int", n.at.Tag == "!!float", n.at.Tag == "!!null":
		return append(b, n.at.Value...)
	}
	return appendString(b, n.at.Value)
}
