package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// columns are the head of the tables; ratios follow, one for each other server.
var columns = []string{
	"operation", "members", "users", "clients", "requests/s", "p50 ms", "p99 ms", "1st byte ms",
	"server µs", "database µs", "memory MB", "growth MB",
}

// cells are a row's own.
func (r row) cells() []string {
	operation := r.Operation
	if r.Errors > 0 {
		operation += fmt.Sprintf(" (%d ERRORS)", r.Errors)
	}
	return []string{
		operation, whole(r.Members), whole(r.Users), whole(r.Clients), figure(r.PerSecond), figure(r.P50),
		figure(r.P99),
		figure(r.FirstByte), figure(r.CPU), figure(r.DatabaseCPU), figure(r.MemoryMB), figure(r.GrowthMB),
	}
}

// ratios are ours by each of the others, as throughput and as p50.
func (r row) ratios(others []string) (cells []string) {
	for _, name := range others {
		cell := ""
		if of, ok := r.Against[name]; ok {
			if cell = figure(of.PerSecond); of.P50 > 0 {
				cell += " / " + figure(of.P50)
			}
		}
		cells = append(cells, cell)
	}
	return cells
}

// table is what was measured on one server and one engine.
type table struct {
	title string
	head  []string
	rows  [][]string
}

func (r *results) tables() (ts []table) {
	type key struct{ engine, server string }
	var keys []key
	others := map[string][]string{}
	for _, one := range r.Rows {
		if k := (key{one.Engine, one.Server}); !slices.Contains(keys, k) {
			keys = append(keys, k)
			if one.Server != ours {
				others[one.Engine] = append(others[one.Engine], one.Server)
			}
		}
	}
	for _, k := range keys {
		t := table{title: k.server + " on " + k.engine, head: slices.Clone(columns)}
		if k.server == ours {
			for _, name := range others[k.engine] {
				t.head = append(t.head, "by "+name+": rate / p50")
			}
		}
		for _, one := range r.Rows {
			if one.Engine == k.engine && one.Server == k.server {
				cells := one.cells()
				if k.server == ours {
					cells = append(cells, one.ratios(others[k.engine])...)
				}
				t.rows = append(t.rows, cells)
			}
		}
		ts = append(ts, t)
	}
	return ts
}

// printResults prints tables for a terminal, and what went wrong.
func printResults(w io.Writer, r *results) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%s\n", strings.Join(r.Machine.lines(), "\n"), r.about())
	for _, t := range r.tables() {
		t.print(&text)
	}
	for _, one := range r.Rows {
		if one.Errors > 0 {
			fmt.Fprintf(&text, "\n%s on %s, %s: %d errors, such as: %s\n", one.Server, one.Engine, one.Operation,
				one.Errors, one.Failure)
		}
	}
	if len(r.Goals) > 0 {
		t := table{title: "goals", head: goalColumns}
		for _, g := range r.Goals {
			t.rows = append(t.rows, g.cells())
		}
		t.print(&text)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// about says how it was measured.
func (r *results) about() string {
	text := fmt.Sprintf("%s, %.0f s, medians of %d rounds, %s a cell", r.Began.Format("2006-01-02 15:04 MST"),
		r.Seconds, r.Rounds, r.Cell)
	if r.CutShort {
		text += "; some cells have fewer rounds, as the time was over"
	}
	return text
}

func (t table) print(text *strings.Builder) {
	fmt.Fprintf(text, "\n%s\n", t.title)
	w := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	for _, cells := range append([][]string{t.head}, t.rows...) {
		say(w, "%s", strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	_ = w.Flush() // into memory
}

func whole(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// figure shows three digits that count.
func figure(f float64) string {
	switch {
	case f == 0:
		return ""
	case f >= 99.5 || f <= -99.5:
		return strconv.FormatFloat(f, 'f', 0, 64)
	case f >= 9.95 || f <= -9.95:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}
