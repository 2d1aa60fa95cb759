package main

import (
	"fmt"
	"os"
	"strings"
)

// The lines between which a file's results stand.
const (
	resultsBegin = "<!-- results -->"
	resultsEnd   = "<!-- end of results -->"
)

// splitMarkdown returns what stands around the results, with both lines.
func splitMarkdown(file string) (around [2]string, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return around, err
	}
	before, rest, begins := strings.Cut(string(b), resultsBegin)
	_, after, ends := strings.Cut(rest, resultsEnd)
	if !begins || !ends {
		return around, fmt.Errorf("%s has no lines %s and %s", file, resultsBegin, resultsEnd)
	}
	return [2]string{before + resultsBegin, resultsEnd + after}, nil
}

// writeMarkdown puts the results into a file.
func writeMarkdown(file string, r *results) error {
	around, err := splitMarkdown(file)
	if err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString("\n\n")
	for _, line := range append(r.Machine.lines(), r.about()) {
		fmt.Fprintf(&text, "- %s\n", line)
	}
	if len(r.Goals) > 0 {
		t := table{title: "Goals", head: goalColumns}
		for _, g := range r.Goals {
			t.rows = append(t.rows, g.cells())
		}
		t.markdown(&text)
	}
	for _, t := range r.tables() {
		t.markdown(&text)
	}
	text.WriteByte('\n')
	return os.WriteFile(file, []byte(around[0]+text.String()+around[1]), 0o600)
}

func (t table) markdown(text *strings.Builder) {
	fmt.Fprintf(text, "\n### %s\n\n| %s |\n|%s\n", t.title, strings.Join(t.head, " | "),
		strings.Repeat("---|", len(t.head)))
	for _, cells := range t.rows {
		fmt.Fprintf(text, "| %s |\n", strings.Join(cells, " | "))
	}
}
