package server

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// removeBodies removes the captured bodies of a tenant that are not kept any more.
func (k *RequestKeeper) removeBodies(ctx context.Context, tenant membership.ID, now time.Time) error {
	bodies, err := k.kept.KeptBodies(ctx, tenant)
	if err != nil || len(bodies) == 0 {
		return err
	}
	var windows []membership.Capture
	if err := k.store.Read(ctx, tenant, func(r membership.Reader) (err error) {
		windows, err = r.Captures(ctx)
		return err
	}); err != nil {
		return err
	}
	return k.kept.RemoveBodiesOf(ctx, tenant, membership.EndedBodies(windows, bodies, now))
}
