package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A few small cells against the real server: nothing fails, and everything that
// was asked for is in the results.
func TestBench(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "run.json")
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{
		"--short", "--engines", "sqlite", "--dir", dir, "--json", file, "--cell", "30ms", "--cycle", "40",
		"--few-users", "20",
		"--run",
		`^patch 1 members=10 clients=16$|^v1 1 members=1000 clients=1$|^filter userName users=20 clients=1$|^cycle$`,
		"--sizes", "10,1000,1000",
	}, &stdout, &stderr)
	require.Zero(t, status, "%s\n%s", &stderr, &stdout)
	r, err := loadResults(file)
	require.NoError(t, err)
	var operations []string
	for _, one := range r.Rows {
		operations = append(operations, one.Operation)
		assert.Zero(t, one.Errors, one.Operation)
		assert.Positive(t, one.PerSecond, one.Operation)
		assert.Positive(t, one.Requests, one.Operation)
	}
	assert.Equal(t, []string{
		cycleUsers, cycleMembers, "filter userName", "patch add 1", "patch remove 1", "v1 add 1", "v1 remove 1",
	}, operations)
	assert.Contains(t, stdout.String(), "scimbridge on sqlite")

	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1, "only the results are left")
}

// The cells of --neighbours are measured, in tenants as small as they can be.
func TestNeighbours(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{
		"--neighbours", "--engines", "sqlite", "--dir", dir, "--sizes", "10,20,200", "--neighbour-time", "300ms",
		"--run", "^large|refusals|unread exports",
	}, &stdout, &stderr)
	require.Zero(t, status, "%s\n%s", &stderr, &stdout)
	for _, name := range []string{
		quietCell, "refusals", "unread exports", largeHeld, largeChange, largeDelete, largeRemove,
	} {
		assert.Contains(t, stdout.String(), "\n"+name+"  ", name)
	}
}

// Every kind of request of --growth is answered, in tenants as small as they can be.
func TestGrowth(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{
		"--growth", "--short", "--engines", "sqlite", "--dir", dir, "--growth-users", "200,300",
	}, &stdout, &stderr)
	require.Zero(t, status, "%s\n%s", &stderr, &stdout)
	for _, q := range questions() {
		assert.Contains(t, stdout.String(), "\n"+q.name+"  ", q.name)
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}
