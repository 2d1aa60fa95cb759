package db

import (
	"context"
	"maps"
)

// Part implements membership.PartWriter.
func (s *session) Part(ctx context.Context, fn func() error) error {
	totals, credentials, held := maps.Clone(s.totals), s.credentials, maps.Clone(s.held)
	whole := false
	defer func() {
		if !whole { // also when fn panics
			s.totals, s.credentials, s.held = totals, credentials, held
		}
	}()
	err := s.store.translate(s.tx.Part(ctx, fn))
	whole = err == nil
	return err
}
