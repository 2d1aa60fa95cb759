package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What processes use is read from /proc; where there is none it is left out.

// tick is the unit of processor time in /proc on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// processStat is what is used of /proc/PID/stat.
type processStat struct {
	pid, parent int
	name        string
	cpu         time.Duration // its own
	reaped      time.Duration // of children that have ended
}

func statOf(pid int) (s processStat, ok bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return s, false
	}
	before, after, _ := strings.Cut(string(b), "(")
	end := strings.LastIndexByte(after, ')') // a name may hold anything
	if end < 0 {
		return s, false
	}
	fields := strings.Fields(after[end+1:])
	if len(fields) < 15 {
		return s, false
	}
	number := func(text string) int { n, _ := strconv.Atoi(strings.TrimSpace(text)); return n }
	return processStat{
		pid: number(before), parent: number(fields[1]), name: after[:end],
		cpu:    time.Duration(number(fields[11])+number(fields[12])) * tick,
		reaped: time.Duration(number(fields[13])+number(fields[14])) * tick,
	}, true
}

// tree is a process and all that came from it, the process first.
func tree(pid int) []processStat {
	root, ok := statOf(pid)
	if pid == 0 || !ok {
		return nil
	}
	children := map[int][]processStat{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if id, err := strconv.Atoi(e.Name()); err == nil {
			if s, ok := statOf(id); ok {
				children[s.parent] = append(children[s.parent], s)
			}
		}
	}
	found := []processStat{root}
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].pid]...)
	}
	return found
}

// cpuTime is the processor time that a process and all that came from it have
// used so far; 0 if that is unknown.
func cpuTime(pid int) (sum time.Duration) {
	for _, s := range tree(pid) {
		sum += s.cpu + s.reaped
	}
	return sum
}

// resident is the memory that processes hold, in bytes; 0 if that is unknown.
func resident(pids []int) (sum int64) {
	for _, pid := range pids {
		b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
		if fields := strings.Fields(string(b)); err == nil && len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64)
			sum += pages * int64(os.Getpagesize())
		}
	}
	return sum
}

func pidsOf(pid int) (pids []int) {
	for _, s := range tree(pid) {
		pids = append(pids, s.pid)
	}
	return pids
}

// memory is what a process held while it was watched, in bytes.
type memory struct{ before, peak int64 }

// watchMemory samples until the returned function is called, which tells.
func watchMemory(pid int) func() memory {
	pids := pidsOf(pid)
	m := memory{before: resident(pids)}
	m.peak = m.before
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		every := time.NewTicker(10 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-done:
				m.peak = max(m.peak, resident(pids))
				return
			case <-every.C:
				m.peak = max(m.peak, resident(pids))
			}
		}
	}()
	return func() memory {
		close(done)
		<-ended
		return m
	}
}

// postmaster finds the server that a backend belongs to, if it runs here.
func postmaster(backend int) int {
	s, ok := statOf(backend)
	if !ok || !slices.Contains([]string{"postgres", "postmaster"}, s.name) {
		return 0
	}
	return s.parent
}
