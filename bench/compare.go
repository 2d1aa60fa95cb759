package main

import (
	"fmt"
	"io"
	"strings"
)

// changes are this run by an earlier one, a row for each that both have: above 1
// is faster in the first column, slower in the others.
func changes(earlier, now *results) (t table) {
	t.head = []string{"engine", "operation", "members", "users", "clients", "requests/s", "p50", "p99", "server µs",
		"memory"}
	for _, r := range now.Rows {
		for _, was := range earlier.Rows {
			if r.Server != ours || was.Server != ours || !r.same(was) {
				continue
			}
			t.rows = append(t.rows, []string{
				r.Engine, r.Operation, whole(r.Members), whole(r.Users), whole(r.Clients),
				by(r.PerSecond, was.PerSecond), by(r.P50, was.P50), by(r.P99, was.P99), by(r.CPU, was.CPU),
				by(r.MemoryMB, was.MemoryMB),
			})
		}
	}
	return t
}

func by(a, b float64) string {
	if a == 0 || b == 0 {
		return ""
	}
	return "×" + figure(a/b)
}

// printComparison shows what has changed since an earlier run.
func printComparison(w io.Writer, earlier, now *results) error {
	var text strings.Builder
	t := changes(earlier, now)
	t.title = "now by then, " + earlier.Began.Format("2006-01-02 15:04 MST")
	if earlier.Machine.Version != "" {
		t.title += ", " + earlier.Machine.Version
	}
	t.print(&text)
	if earlier.Machine.CPU != now.Machine.CPU || earlier.Machine.Cores != now.Machine.Cores {
		fmt.Fprintf(&text, "\nThat was another machine: %s\n", earlier.Machine.lines()[0])
	}
	_, err := io.WriteString(w, text.String())
	return err
}
