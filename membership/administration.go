package membership

import (
	"context"
	"crypto/rand"
	"slices"
)

// NewTenant makes a tenant inside a transaction that was opened for its id.
// There is nobody to ask yet: only the operator at the command line calls it.
func NewTenant(ctx context.Context, tx Tx, clock Clock, call Call, name string) (Tenant, error) {
	if err := checkText("tenant name", name, true); err != nil {
		return Tenant{}, err
	}
	t := Tenant{ID: call.Tenant, Name: name, CreatedAt: clock.Now()}
	if err := tx.InsertTenant(ctx, t); err != nil {
		return Tenant{}, err
	}
	return t, tx.AppendEvents(ctx, call.Event(t.CreatedAt, ActionTenantCreated, ID{}, ID{}, nil, Facts{"name": name}))
}

// NewConnection makes a connection inside a transaction.
func NewConnection(ctx context.Context, tx Tx, clock Clock, call Call, name, idp string) (Connection, error) {
	if err := checkText("connection name", name, true); err != nil {
		return Connection{}, err
	}
	if !slices.Contains(IDPs, idp) {
		return Connection{}, Invalidf("idp must be one of %v", IDPs)
	}
	c := Connection{
		Tenant: call.Tenant, ID: NewID(), Name: name, IDP: idp,
		LinkExistingUsers: true, GroupKind: GroupCustom, CursorKey: make([]byte, 32), CreatedAt: clock.Now(),
	}
	_, _ = rand.Read(c.CursorKey) // it never fails
	if err := tx.InsertConnection(ctx, c); err != nil {
		return Connection{}, err
	}
	return c, tx.AppendEvents(ctx, call.Event(c.CreatedAt, ActionConnectionCreated, ID{}, ID{}, nil,
		Facts{"connection_id": c.ID, "name": name, "idp": idp}))
}
