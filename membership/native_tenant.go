package membership

import "context"

// Tenant returns the caller's tenant.
func (d *Directory) Tenant(ctx context.Context, call Call) (t Tenant, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return Tenant{}, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		t, err = r.Tenant(ctx)
		return err
	})
	return t, err
}
