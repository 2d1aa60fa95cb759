package membership

import "context"

// PartWriter does a part of a transaction that may fail alone.
type PartWriter interface {
	// Part runs fn, once: if it fails what it wrote is undone, and the transaction goes
	// on. Of its errors KindUnavailable means that the whole may be tried again.
	Part(ctx context.Context, fn func() error) error
}
