package server

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
)

// The lines of checkpoints are written at every level of the log, once.
func TestCheckpointsAreAlwaysLogged(t *testing.T) {
	for _, level := range []string{"debug", "info", "warn", "error"} {
		c := config.Default()
		c.LogLevel = level
		var out bytes.Buffer
		log := NewLogger(c, &out).Named("seal").With(zap.String("a", "b"))
		log.Info(sealedMessage, zap.Int64("size", 5))
		assert.Equal(t, 1, bytes.Count(out.Bytes(), []byte(`"size":5`)), level)
		assert.Contains(t, out.String(), `"a":"b"`)
		out.Reset()
		log.Info("another")
		log.Warn("a warning")
		assert.Equal(t, level == "debug" || level == "info", bytes.Contains(out.Bytes(), []byte("another")), level)
		assert.Equal(t, level != "error", bytes.Contains(out.Bytes(), []byte("a warning")), level)
	}
}
