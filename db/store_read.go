package db

import (
	"context"
	"errors"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// readOnce runs a transaction that reads. Without a slot it ends at its first
// scan.
func (s *Store) readOnce(
	ctx context.Context, tenant membership.ID, slot *scan, fn func(membership.Reader) error,
) error {
	if err := s.reads.take(ctx, tenant); err != nil {
		return err
	}
	defer s.reads.leave(tenant)
	return s.engine.Read(ctx, tenant, func(t engine.Tx) error {
		return fn(&session{tx: t, store: s, tenant: tenant, reads: true, slot: slot})
	})
}

// readScanning runs a transaction that has met a scan again, in a slot for it.
func (s *Store) readScanning(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) error {
	leave, err := s.scans.take(ctx, tenant)
	if err != nil {
		return err
	}
	defer leave()
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err = s.readOnce(limited, tenant, &scan{ctx: limited, cancel: cancel, left: scanTime}, fn)
	if errors.Is(context.Cause(limited), errLongScan) {
		return errLongScan
	}
	return err
}
