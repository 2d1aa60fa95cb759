package server

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
)

// sink keeps what is written to it, or fails.
type sink struct {
	mu     sync.Mutex
	all    bytes.Buffer
	writes int
	broken bool
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return 0, errors.New("no space")
	}
	s.writes++
	return s.all.Write(p)
}

func (s *sink) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.SplitAfter(strings.TrimSuffix(s.all.String(), "\n"), "\n")
}

func (s *sink) setBroken(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// No line is lost, none is cut, and all are in their order.
func TestBufferedLinesAreAllWritten(t *testing.T) {
	const writers, each = 8, 2000
	to := &sink{}
	held := newLogWriter(to)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				_, err := fmt.Fprintf(held, "%d %06d %s\n", w, i, strings.Repeat("x", 100))
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	held.end()
	lines := to.lines()
	require.Len(t, lines, writers*each)
	assert.Less(t, to.writes, writers*each/10, "and not each by itself")
	next := make([]int, writers)
	for _, line := range lines {
		var w, i int
		_, err := fmt.Sscanf(line, "%d %d", &w, &i)
		require.NoError(t, err, line)
		require.Equal(t, next[w], i)
		next[w]++
	}
	_, err := held.Write([]byte("last\n"))
	require.NoError(t, err)
	assert.Equal(t, "last", to.lines()[writers*each], "after the end nothing is held")
}

// A line is written without another one after it.
func TestBufferedLineIsWrittenByItself(t *testing.T) {
	to := &sink{}
	log, end := NewBufferedLogger(config.Default(), to)
	defer end()
	for _, word := range []string{"first", "second"} { // also after a pause
		log.Info(word)
		require.Eventually(t, func() bool { return strings.Contains(to.lines()[len(to.lines())-1], word) },
			time.Minute, time.Millisecond)
	}
}

// A warning is there when the call returns, behind what came before it.
func TestWarningsAreNotBuffered(t *testing.T) {
	to := &sink{}
	log, end := NewBufferedLogger(config.Default(), to)
	defer end()
	named := log.Named("part").With(zap.Int("n", 1))
	named.Info("before")
	named.Warn("the warning")
	lines := to.lines()
	require.Len(t, lines, 2)
	assert.Contains(t, lines[0], `"msg":"before"`)
	assert.Contains(t, lines[1], `"msg":"the warning"`)
}

// A full disk that has room again gets lines again.
func TestBufferedLogGoesOnAfterAFailure(t *testing.T) {
	to := &sink{}
	held := newLogWriter(to)
	to.setBroken(true)
	_, _ = held.Write([]byte("lost\n"))
	require.Error(t, held.Sync())
	to.setBroken(false)
	_, _ = held.Write([]byte("kept\n"))
	require.NoError(t, held.Sync())
	assert.Equal(t, []string{"kept"}, to.lines())
}
