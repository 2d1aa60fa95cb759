package membership

import (
	"context"
	"time"
)

// CaptureReader reads in which windows bodies are captured.
type CaptureReader interface {
	// Capture returns the last window of a connection, which may have ended.
	// KindNotFound: it never had one.
	Capture(ctx context.Context, connection ID) (Capture, error)
	// Captures returns the last windows of all connections.
	Captures(ctx context.Context) ([]Capture, error)
}

// CaptureWriter opens and closes these windows.
type CaptureWriter interface {
	// PutCapture opens a window in the place of the connection's last one. When that
	// was closed stays known.
	PutCapture(ctx context.Context, c Capture) error
	// CloseCapture closes one, also after its end. KindNotFound: it is closed already, or
	// not the connection's last.
	CloseCapture(ctx context.Context, connection, id ID, at time.Time) error
}
