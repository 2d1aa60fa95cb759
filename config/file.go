package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// entry is one value of the YAML file, and where it stands.
type entry struct{ value, origin string }

// readFile reads a flat mapping of keys to values. What is wrong with one key
// does not hide what is wrong with another.
func readFile(path string) (map[string]entry, Problems) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, Problems{reason(err).Error()}
	}
	lines, err := mapping(b)
	if err != nil {
		return nil, Problems{path + ": " + strings.ReplaceAll(err.Error(), "\n", " ")}
	}
	var found Problems
	entries := make(map[string]entry, len(lines)/2)
	for pair := range slices.Chunk(lines, 2) {
		key, value := pair[0], pair[1]
		origin := fmt.Sprintf("%s:%d: %s", path, key.Line, key.Value)
		_, twice := entries[key.Value]
		switch {
		case !slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Key == key.Value }):
			found = append(found, origin+": there is no such setting")
		case twice:
			found = append(found, origin+": is set twice")
		case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
			found = append(found, origin+": must have one value")
		default:
			entries[key.Value] = entry{value: value.Value, origin: origin}
		}
	}
	return entries, found
}

// mapping returns the keys and values, alternating, of a file's one document.
func mapping(b []byte) ([]*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil // empty, or comments only
	} else if err != nil {
		return nil, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("must be one document")
	}
	if root := doc.Content[0]; root.Kind == yaml.MappingNode {
		return root.Content, nil
	}
	return nil, errors.New("must be keys with values")
}
