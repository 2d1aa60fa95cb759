package server

import (
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/scimbridge/scimbridge/config"
)

// NewLogger returns the program's log: one line for each entry, JSON for
// machines or columns for people, times in UTC.
func NewLogger(c config.Config, to io.Writer) *zap.Logger {
	return loggerTo(c, zapcore.Lock(zapcore.AddSync(to)))
}

// NewBufferedLogger is NewLogger for a server: lines are held for a moment and
// written together, but a warning or worse is written at once, with all before
// it. end writes what is left.
func NewBufferedLogger(c config.Config, to io.Writer) (log *zap.Logger, end func()) {
	held := newLogWriter(to)
	return loggerTo(c, held, zap.Hooks(func(e zapcore.Entry) error {
		if e.Level < zapcore.WarnLevel {
			return nil
		}
		return held.Sync()
	})), held.end
}

func loggerTo(c config.Config, to zapcore.WriteSyncer, options ...zap.Option) *zap.Logger {
	level, err := zapcore.ParseLevel(c.LogLevel)
	if err != nil {
		level = zapcore.InfoLevel // the configuration was checked before
	}
	shape := zap.NewProductionEncoderConfig()
	shape.TimeKey = "time"
	shape.EncodeTime = utcTime
	encoder := zapcore.NewJSONEncoder(shape) // durations in seconds
	if c.LogFormat == "console" {
		shape.EncodeDuration = zapcore.StringDurationEncoder
		shape.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(shape)
	}
	core := zapcore.NewCore(encoder, to, level)
	if level > zapcore.InfoLevel {
		core = zapcore.NewTee(core, checkpointCore{zapcore.NewCore(encoder, to, zapcore.InfoLevel)})
	}
	return zap.New(core, options...)
}

var asMicroseconds = zapcore.TimeEncoderOfLayout("2006-01-02T15:04:05.000000Z")

func utcTime(t time.Time, to zapcore.PrimitiveArrayEncoder) { asMicroseconds(t.UTC(), to) }
