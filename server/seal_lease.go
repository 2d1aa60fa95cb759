package server

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
)

// releaseTime bounds what a server that stops takes to let go of its logs. Those that
// are left others seal when their time is over.
const releaseTime = 2 * time.Second

// holdLog makes this server the one that seals a log for a while; held says whether it is.
func (s *Sealer) holdLog(ctx context.Context, tenant membership.ID) (held bool, err error) {
	now := s.now()
	until := now.Add(s.hold)
	if held, err = s.store.HoldSealLog(ctx, tenant, s.holder, now, until); err != nil || !held {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds[tenant] = until
	return true, nil
}

// release lets others seal what this server holds.
func (s *Sealer) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, releaseTime)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for tenant, until := range s.holds {
		delete(s.holds, tenant)
		if !until.After(s.now()) {
			continue
		}
		if err := s.store.ReleaseSealLog(ctx, tenant, s.holder); err != nil {
			s.log.Warn("other servers wait before they seal what this one did", zap.Error(err))
			return
		}
	}
}
