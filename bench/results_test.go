package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rounds makes the samples of a cell in which every request of a round takes
// equally long.
func rounds(s samples, server string, c cell, took ...time.Duration) {
	for _, d := range took {
		seen := outcome{answers: make([][]answer, len(c.kinds)), elapsed: time.Second}
		for kind := range seen.answers {
			seen.answers[kind] = []answer{{status: 204, first: d / 2, total: d}, {status: 204, first: d / 2, total: d}}
		}
		s.add(server, c, seen, 8*time.Microsecond, 0, memory{before: 1 << 20, peak: 3 << 20})
	}
}

func TestRows(t *testing.T) {
	c := patchOne(10)
	c.clients = 16
	s := samples{}
	rounds(s, ours, c, 2*time.Millisecond, 30*time.Millisecond, 4*time.Millisecond)
	rounds(s, "other", c, time.Millisecond, 10*time.Millisecond, 2*time.Millisecond)
	r := &results{}
	r.add(engine{name: sqliteEngine}, []*target{{name: ours}, {name: "other"}}, c, s)

	require.Len(t, r.Rows, 4, "add and remove, of two servers")
	mine := r.Rows[0]
	assert.Equal(t, "patch add 1", mine.Operation)
	assert.Equal(t, 6, mine.Requests)
	assert.Equal(t, 4.0, mine.P50)
	assert.Equal(t, 2.0, mine.FirstByte)
	assert.Equal(t, 4000.0, mine.PerSecond, "sixteen clients, four milliseconds each")
	assert.Equal(t, 2.0, mine.CPU, "of four requests in the round")
	assert.Equal(t, 2.0, mine.GrowthMB)
	assert.Equal(t, 2.0, mine.Against["other"].P50)
	assert.InDelta(t, .5, mine.Against["other"].PerSecond, 1e-9)
	assert.Empty(t, r.Rows[1].Against)
}

func TestGoals(t *testing.T) {
	patch := func(members, clients int, p50 float64, against ratio) row {
		return row{
			Engine: sqliteEngine, Server: ours, Operation: "patch add 1", Members: members, Clients: clients, P50: p50,
			Against: map[string]ratio{"skeleton": against},
		}
	}
	r := &results{Rows: []row{
		patch(10, 1, 1, ratio{}), patch(10_000, 1, 1, ratio{P50: 1.6}), patch(100_000, 1, 1.1, ratio{}),
		patch(10_000, 16, 5, ratio{PerSecond: .75}),
		{Engine: sqliteEngine, Server: ours, Operation: idleName, Users: 1, MemoryMB: 25},
		{Engine: sqliteEngine, Server: "skeleton", Operation: idleName, Users: 1, MemoryMB: 90},
	}}
	var met []string
	for _, g := range r.goals() {
		cells := g.cells()
		met = append(met, cells[0]+" "+cells[len(cells)-1])
	}
	assert.Equal(t, []string{"1 no", "1 yes", "2 yes", "6 yes"}, met)
}

func TestComparison(t *testing.T) {
	earlier := &results{Rows: []row{
		{Engine: sqliteEngine, Server: ours, Operation: "post user", Clients: 1, PerSecond: 100, P50: 4},
		{Engine: sqliteEngine, Server: ours, Operation: "gone", Clients: 1, PerSecond: 100},
	}}
	now := &results{Rows: []row{
		{Engine: sqliteEngine, Server: ours, Operation: "post user", Clients: 1, PerSecond: 150, P50: 3},
		{Engine: sqliteEngine, Server: ours, Operation: "post user", Clients: 16, PerSecond: 900},
		{Engine: sqliteEngine, Server: "other", Operation: "post user", Clients: 1, PerSecond: 900},
	}}
	t.Run("rows that both have", func(t *testing.T) {
		rows := changes(earlier, now).rows
		require.Len(t, rows, 1)
		assert.Equal(t, []string{"×1.50", "×0.75"}, rows[0][5:7])
	})
	t.Run("through a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "run.json")
		require.NoError(t, earlier.save(file))
		loaded, err := loadResults(file)
		require.NoError(t, err)
		assert.Equal(t, earlier, loaded)
		require.NoError(t, os.WriteFile(file, []byte("{}"), 0o600))
		_, err = loadResults(file)
		assert.Error(t, err)
	})
}

// A second run replaces what the first one wrote, and nothing else.
func TestMarkdown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte("before\n"+resultsBegin+"\n"+resultsEnd+"\nafter\n"), 0o600))
	r := &results{Rows: []row{{Engine: sqliteEngine, Server: ours, Operation: "post user", PerSecond: 1}}}
	require.NoError(t, writeMarkdown(file, r))
	r.Rows[0].PerSecond = 1234
	require.NoError(t, writeMarkdown(file, r))
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(page), "post user"))
	assert.Contains(t, string(page), "| post user |  |  |  | 1234 |")
	assert.True(t, strings.HasPrefix(string(page), "before\n") && strings.HasSuffix(string(page), "\nafter\n"))

	require.NoError(t, os.WriteFile(file, []byte("no place for them"), 0o600))
	assert.Error(t, writeMarkdown(file, r))
}

func TestOptions(t *testing.T) {
	t.Setenv(databaseURL, "")
	for _, args := range [][]string{
		{"--engines", "mysql"}, {"--engines", "postgres"}, {"--engines", "sqlite", "--run", "("},
		{"--engines", "sqlite", "--sizes", "10,100"}, {"--engines", "sqlite", "--clients", "16,1"},
		{"--engines", "sqlite", "--against", "x=http://192.0.2.1:80/scim/v2,token=t"}, {"--engines", "sqlite", "more"},
		{"--engines", "sqlite", "--markdown", "no such file"}, {"--engines", "sqlite", "--compare", "no such file"},
	} {
		assert.Equal(t, exitUsage, run(t.Context(), args, os.Stdout, new(strings.Builder)), "%v", args)
	}
	o, err := parseOptions([]string{"--short", "--engines", "sqlite", "--against",
		"x=http://127.0.0.1:1/scim/v2/,token=t"}, os.Stderr)
	require.NoError(t, err)
	assert.Equal(t, []otherServer{{name: "x", token: "t", address: "127.0.0.1:1", path: "/scim/v2"}}, o.against)
	assert.Equal(t, short.sizes, o.sizes)
	assert.Zero(t, o.budget, "another server takes time of its own")
}
