package membership

import (
	"cmp"
	"context"
	"crypto/rand"
)

// NewTenant makes a tenant inside a transaction that was opened for its id.
// No policy exists yet: only the operator at the command line calls it.
func NewTenant(ctx context.Context, tx interface {
	TenantWriter
	EventWriter
}, clock Clock, call Call, name string) (Tenant, error) {
	if err := checkText("tenant name", name, true); err != nil {
		return Tenant{}, err
	}
	t := Tenant{ID: call.Tenant, Name: name, CreatedAt: clock.Now()}
	if err := tx.InsertTenant(ctx, t); err != nil {
		return Tenant{}, err
	}
	return t, tx.AppendEvents(ctx, call.Event(t.CreatedAt, ActionTenantCreated, ID{}, ID{}, nil, Facts{"name": name}))
}

// connectionCreator is what makes a connection.
type connectionCreator interface {
	ConnectionWriter
	EventWriter
}

// NewConnection makes a connection inside a transaction, with the default
// settings. It asks no policy either.
func NewConnection(
	ctx context.Context, tx connectionCreator, clock Clock, call Call, name, idp string,
) (Connection, error) {
	return newConnection(ctx, tx, clock, call, ConnectionSpec{Name: name, IDP: idp})
}

func newConnection(
	ctx context.Context, tx connectionCreator, clock Clock, call Call, s ConnectionSpec,
) (Connection, error) {
	c := Connection{
		Tenant: call.Tenant, ID: NewID(), Name: s.Name, IDP: s.IDP,
		LinkExistingUsers: s.LinkExistingUsers == nil || *s.LinkExistingUsers,
		GroupKind:         cmp.Or(s.GroupKind, GroupCustom), CursorKey: make([]byte, 32), CreatedAt: clock.Now(),
	}
	if err := c.check(); err != nil {
		return Connection{}, err
	}
	_, _ = rand.Read(c.CursorKey) // it never fails
	if err := tx.InsertConnection(ctx, c); err != nil {
		return Connection{}, err
	}
	return c, tx.AppendEvents(ctx, call.Event(c.CreatedAt, ActionConnectionCreated, ID{}, ID{}, nil, Facts{
		"connection_id": c.ID, "name": c.Name, "idp": c.IDP,
		"link_existing_users": c.LinkExistingUsers, "group_kind": c.GroupKind,
	}))
}
