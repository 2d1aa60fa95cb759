package main

import (
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/scimbridge/scimbridge/config"
)

// newLogger returns the program's log: one line for each entry, JSON for
// machines or columns for people, times in UTC.
func newLogger(c config.Config, to io.Writer) *zap.Logger {
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
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(to)), level))
}

func utcTime(t time.Time, to zapcore.PrimitiveArrayEncoder) {
	to.AppendString(t.UTC().Format("2006-01-02T15:04:05.000000Z"))
}
