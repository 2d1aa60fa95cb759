package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// machine is what has to be known of a computer to read figures from it. What
// could not be found out is empty.
type machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	MemoryMB   int    `json:"memory_mb,omitempty"`
	System     string `json:"system"`
	Load       string `json:"load,omitempty"` // of the minute before
	Go         string `json:"go"`
	Version    string `json:"version,omitempty"`     // of scimbridge
	FileSystem string `json:"file_system,omitempty"` // under SQLite
	PostgreSQL string `json:"postgresql,omitempty"`  // with what it promises when it commits
}

func thisMachine(dir string) machine {
	m := machine{
		CPU: runtime.GOARCH, Cores: runtime.NumCPU(), System: runtime.GOOS, Go: runtime.Version(),
		FileSystem: fileSystem(dir),
	}
	if v := field("/proc/cpuinfo", "model name"); v != "" {
		m.CPU = v
	}
	if kb, err := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB")); err == nil {
		m.MemoryMB = kb / 1024
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.System += " " + strings.TrimSpace(string(b))
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(b), " ")
	}
	return m
}

// field reads "name : value" from one of the kernel's files.
func field(file, name string) string {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// fileSystem names the kind of file system that a folder is on: a commit costs
// nothing where it is only memory.
func fileSystem(dir string) (kind string) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	longest := -1
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		inside := f[1] == "/" || dir == f[1] || strings.HasPrefix(dir, f[1]+"/")
		if inside && len(f[1]) >= longest {
			longest, kind = len(f[1]), f[2]
		}
	}
	return kind
}

// lines describe the machine to a reader.
func (m machine) lines() []string {
	lines := []string{fmt.Sprintf("%s, %d cores, %d MB, %s, %s", m.CPU, m.Cores, m.MemoryMB, m.System, m.Go)}
	if m.Load != "" {
		lines[0] += ", load before the run " + m.Load
	}
	if m.Version != "" {
		lines = append(lines, "scimbridge "+m.Version)
	}
	if m.FileSystem != "" {
		lines = append(lines, "SQLite on "+m.FileSystem+", synchronous full")
	}
	if m.PostgreSQL != "" {
		lines = append(lines, "PostgreSQL "+m.PostgreSQL)
	}
	return lines
}
