package membership

import (
	"context"
	"time"
)

// CaptureReader reads in which windows bodies are captured.
type CaptureReader interface {
	// Capture returns the window of a connection that is open at a time. KindNotFound:
	// there is none.
	Capture(ctx context.Context, connection ID, at time.Time) (Capture, error)
}

// CaptureWriter opens and closes these windows.
type CaptureWriter interface {
	// PutCapture opens a window in the place of the connection's last one.
	PutCapture(ctx context.Context, c Capture) error
	// DeleteCapture deletes one that is open at a time, or is KindNotFound.
	DeleteCapture(ctx context.Context, connection, id ID, at time.Time) error
}
