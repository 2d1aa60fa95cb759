package server

import "go.uber.org/zap/zapcore"

// sealedMessage is that of the line that each checkpoint is, at info.
const sealedMessage = "sealed"

// checkpointCore lets the lines of checkpoints through where the log's level would
// not: a log that is shipped elsewhere is an anchor, whatever its level.
type checkpointCore struct{ core zapcore.Core }

func (checkpointCore) Enabled(level zapcore.Level) bool { return level == zapcore.InfoLevel }

func (c checkpointCore) With(fields []zapcore.Field) zapcore.Core {
	return checkpointCore{c.core.With(fields)}
}

func (c checkpointCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if e.Level == zapcore.InfoLevel && e.Message == sealedMessage {
		return ce.AddCore(e, c)
	}
	return ce
}

func (c checkpointCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	return c.core.Write(e, fields)
}

func (c checkpointCore) Sync() error { return c.core.Sync() }
