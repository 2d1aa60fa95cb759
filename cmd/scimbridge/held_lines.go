package main

import (
	"io"
	"sync"
	"time"
)

const (
	// lineDelay is for how long a line is held back. Under load a write for each
	// request would cost more than making its line.
	lineDelay = 100 * time.Millisecond
	// heldSize is how many bytes are held before they are written all the same.
	heldSize = 64 << 10
)

// heldLines is a zapcore.WriteSyncer that writes lines together: within
// lineDelay, or with the next Sync. zap's own would never write again after a
// write has failed once.
type heldLines struct {
	mu    sync.Mutex
	to    io.Writer
	lines []byte
	due   *time.Timer
	ended bool // nothing is held any more
}

func newHeldLines(to io.Writer) *heldLines {
	h := &heldLines{to: to}
	h.due = time.AfterFunc(lineDelay, func() { _ = h.Sync() })
	return h
}

// Write implements io.Writer.
func (h *heldLines) Write(line []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.lines) == 0 {
		h.due.Reset(lineDelay)
	}
	h.lines = append(h.lines, line...)
	if h.ended || len(h.lines) >= heldSize {
		return len(line), h.flush()
	}
	return len(line), nil
}

// Sync writes what is held. It does not wait for a disk.
func (h *heldLines) Sync() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.flush()
}

// end writes what is held; what comes afterwards is written at once.
func (h *heldLines) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	_ = h.flush() // there is no log to say it to
}

// flush drops what cannot be written: the next lines may find a better time.
func (h *heldLines) flush() error {
	if len(h.lines) == 0 {
		return nil
	}
	_, err := h.to.Write(h.lines)
	h.lines = h.lines[:0]
	return err
}
