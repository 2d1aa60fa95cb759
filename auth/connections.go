package auth

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// Connections has the use cases of connections that their credentials have to
// do with.
type Connections struct {
	store     Store
	directory *membership.Directory
	clock     membership.Clock
	changed   func(membership.ID)
}

// NewConnections returns the use cases over a store. The directory asks the
// policy. changed, unless nil, is called for every connection that may have
// changed, afterwards: Verifier.ForgetConnection.
func NewConnections(
	store Store, d *membership.Directory, clock membership.Clock, changed func(membership.ID),
) *Connections {
	if changed == nil {
		changed = func(membership.ID) {}
	}
	return &Connections{store: store, directory: d, clock: clock, changed: changed}
}

// Change alters a connection. Whether it is paused counts on this replica at
// once, on others within a second.
func (cs *Connections) Change(
	ctx context.Context, call membership.Call, id membership.ID, c membership.ConnectionChange,
) (membership.Connection, error) {
	// Also after an error: the transaction may have been committed all the same.
	defer cs.changed(id)
	return cs.directory.ChangeConnection(ctx, call, id, c)
}

// OpenCapture opens a window in which whole bodies of a connection's requests are
// kept: at once on this replica, on others within a second.
func (cs *Connections) OpenCapture(
	ctx context.Context, call membership.Call, id membership.ID, hours int64,
) (membership.Capture, error) {
	defer cs.changed(id)
	return cs.directory.OpenCapture(ctx, call, id, hours)
}

// CloseCapture ends such a window before its time.
func (cs *Connections) CloseCapture(ctx context.Context, call membership.Call, connection, id membership.ID) error {
	defer cs.changed(connection)
	return cs.directory.CloseCapture(ctx, call, connection, id)
}
