package server

import (
	"io"
	"sync"
	"time"
)

const (
	// logDelay is for how long a line is held back. Under load a write for each
	// request would cost more than making its line.
	logDelay = 100 * time.Millisecond
	// logBufferSize is how many bytes are held before they are written all the same.
	logBufferSize = 64 << 10
)

// logWriter is a zapcore.WriteSyncer that writes lines in batches: within
// logDelay, or with the next Sync. zap's own would never write again after a
// write has failed once.
type logWriter struct {
	mu    sync.Mutex
	to    io.Writer
	lines []byte
	due   *time.Timer
	ended bool // nothing is held any more
}

func newLogWriter(to io.Writer) *logWriter {
	h := &logWriter{to: to}
	h.due = time.AfterFunc(logDelay, func() { _ = h.Sync() })
	return h
}

// Write implements io.Writer.
func (h *logWriter) Write(line []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.lines) == 0 {
		h.due.Reset(logDelay)
	}
	h.lines = append(h.lines, line...)
	if h.ended || len(h.lines) >= logBufferSize {
		return len(line), h.flush()
	}
	return len(line), nil
}

// Sync writes what is held. It does not wait for a disk.
func (h *logWriter) Sync() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.flush()
}

// end writes what is held; what comes afterwards is written at once.
func (h *logWriter) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	_ = h.flush() // there is no log to say it to
}

// flush drops what cannot be written: the next lines may find a better time.
func (h *logWriter) flush() error {
	if len(h.lines) == 0 {
		return nil
	}
	_, err := h.to.Write(h.lines)
	h.lines = h.lines[:0]
	return err
}
