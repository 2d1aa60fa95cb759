package auth

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// usageEvery is how often uses are written, and at most how often for one
	// token, however many replicas there are.
	usageEvery = time.Minute
	// usageSize bounds the memory: when it is full, further tokens are
	// noted on their next use after a flush.
	usageSize = 10_000
	// usageTimeout bounds one round of writing, the last before the end too.
	usageTimeout = 10 * time.Second
)

// Observer is called for each warning that was written: a token in use expires
// within so many days (30, 7 or 1).
type Observer interface {
	TokenExpiring(withinDays int)
}

// Usage writes when each token was used last, apart from the requests: a use is
// noted in memory, and all are written every minute. It also warns of tokens in
// use that expire soon, at most once a day.
type Usage struct {
	store    CredentialUpdater
	clock    membership.Clock
	observer Observer
	log      *zap.Logger

	mu   sync.Mutex
	uses map[tokenKey]use
}

type tokenKey struct{ tenant, id membership.ID }

type use struct{ at, expires time.Time }

// NewUsage returns a Usage that writes once it runs.
func NewUsage(store CredentialUpdater, clock membership.Clock, o Observer, log *zap.Logger) *Usage {
	return &Usage{store: store, clock: clock, observer: o, log: log, uses: make(map[tokenKey]use)}
}

// Used notes a use. It never waits for the store. Access tokens of clients are
// left out: the client shows when one was issued, and their end needs no warning.
func (u *Usage) Used(t Token, at time.Time) {
	if !t.Client.IsZero() {
		return
	}
	u.note(tokenKey{t.Tenant, t.ID}, use{at: at, expires: t.ExpiresAt})
}

func (u *Usage) note(k tokenKey, n use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	have, known := u.uses[k]
	if !known && len(u.uses) >= usageSize || known && !n.at.After(have.at) {
		return
	}
	u.uses[k] = n
}

// Run writes every minute until ctx ends, and what is left then.
func (u *Usage) Run(ctx context.Context) {
	tick := time.NewTicker(usageEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			u.Flush(ctx)
		case <-ctx.Done():
			u.Flush(context.WithoutCancel(ctx))
			return
		}
	}
}

// Flush writes what was noted so far. What cannot be written now is for the
// next time.
func (u *Usage) Flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, usageTimeout)
	defer cancel()
	u.mu.Lock()
	uses := u.uses
	u.uses = make(map[tokenKey]use)
	u.mu.Unlock()

	tenants := make(map[membership.ID][]membership.ID)
	for k := range uses {
		tenants[k.tenant] = append(tenants[k.tenant], k.id)
	}
	failed := 0
	var reason error
	for tenant, ids := range tenants {
		if err := u.write(ctx, tenant, ids, uses); err != nil {
			failed, reason = failed+len(ids), err
			for _, id := range ids {
				u.note(tokenKey{tenant, id}, uses[tokenKey{tenant, id}])
			}
		}
	}
	if failed > 0 {
		u.log.Warn("the last use of tokens could not be written", zap.Int("tokens", failed), zap.Error(reason))
	}
}

// write is one transaction for the tokens of one tenant.
func (u *Usage) write(ctx context.Context, tenant membership.ID, ids []membership.ID, uses map[tokenKey]use) error {
	slices.SortFunc(ids, membership.ID.Compare) // replicas that lock in one order do not deadlock
	var warned []int
	err := u.store.UpdateCredentials(ctx, tenant, func(tx Tx) error {
		warned = nil
		for _, id := range ids {
			n := uses[tokenKey{tenant, id}]
			if err := tx.UseToken(ctx, id, n.at, n.at.Add(-usageEvery)); err != nil {
				return err
			}
			days, err := u.warn(ctx, tx, tenant, id, n)
			if err != nil {
				return err
			}
			if days > 0 {
				warned = append(warned, days)
			}
		}
		return nil
	})
	if err == nil {
		for _, days := range warned {
			u.observer.TokenExpiring(days)
		}
	}
	return err
}
