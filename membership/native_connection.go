package membership

import "context"

// CreateConnection makes a connection of the tenant.
func (d *Directory) CreateConnection(ctx context.Context, call Call, s ConnectionSpec) (c Connection, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return Connection{}, err
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		c, err = newConnection(ctx, tx, d.clock, call, s)
		return err
	})
	return c, err
}

// Connection returns one connection of the tenant.
func (d *Directory) Connection(ctx context.Context, call Call, id ID) (c Connection, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return Connection{}, err
	}
	err = d.store.View(ctx, call.Tenant, func(r Reader) error {
		c, err = r.Connection(ctx, id)
		return err
	})
	return c, err
}

// Connections lists at most limit of the tenant's connections in the order of
// their ids, those with greater ids than after.
func (d *Directory) Connections(ctx context.Context, call Call, after ID, limit int) (cs []Connection, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return nil, err
	}
	err = d.store.View(ctx, call.Tenant, func(r Reader) error {
		cs, err = r.Connections(ctx, after, limit)
		return err
	})
	return cs, err
}
