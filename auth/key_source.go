package auth

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
)

// keySource is the cache of one source of keys.
type keySource struct {
	uri      string        // empty: the set was given, and never changes
	used     time.Time     // guarded by KeySets.mu
	fetching chan struct{} // a lock that a context can interrupt: one fetch at a time

	mu      sync.Mutex
	set     keySet
	fetched time.Time // when the set was; zero: never
	failed  time.Time // when fetching failed last
	forced  time.Time // when it was fetched for a key that it did not have
}

// current returns the set, fetched anew if it is old. While one request does
// that, the others use what there is.
func (s *keySource) current(ctx context.Context, k *KeySets, now time.Time) (keySet, error) {
	if s.uri == "" {
		return s.set, nil
	}
	set, age, ok := s.usable(now)
	if ok && age < keysFresh {
		return set, nil
	}
	if ok {
		select {
		case s.fetching <- struct{}{}:
		default:
			return set, nil
		}
	} else if err := s.wait(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.fetching }()
	if set, age, ok := s.usable(now); ok && age < keysFresh { // fetched while this one waited
		return set, nil
	}
	s.fetch(ctx, k, now)
	if set, _, ok = s.usable(now); !ok {
		return nil, errNoKeys
	}
	return set, nil
}

// renewed returns the set after looking for a key that it did not have, at most
// once every keysRetry.
func (s *keySource) renewed(ctx context.Context, k *KeySets, now time.Time, keyID string) (keySet, error) {
	if s.uri == "" {
		return s.set, nil
	}
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.fetching }()
	set, _, _ := s.usable(now)
	if set.has(keyID) {
		return set, nil
	}
	s.mu.Lock()
	due := s.forced.IsZero() || now.Sub(s.forced) >= keysRetry
	if due {
		s.forced = now
	}
	s.mu.Unlock()
	if due {
		s.fetch(ctx, k, now)
		set, _, _ = s.usable(now)
	}
	return set, nil
}

func (s *keySource) wait(ctx context.Context) error {
	select {
	case s.fetching <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// usable returns the set, unless there is none or it is too old to be believed.
func (s *keySource) usable(now time.Time) (set keySet, age time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age = now.Sub(s.fetched)
	return s.set, age, !s.fetched.IsZero() && age < keysMaxAge
}

// fetch asks the source, unless it failed a moment ago. The caller holds fetching.
// Its context does not end the request: others wait for the same set.
func (s *keySource) fetch(ctx context.Context, k *KeySets, now time.Time) {
	s.mu.Lock()
	wait := !s.failed.IsZero() && now.Sub(s.failed) < keysRetry
	s.mu.Unlock()
	if wait {
		return
	}
	set, err := k.fetcher.fetch(context.WithoutCancel(ctx), s.uri)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed = now
		k.log.Warn("keys could not be fetched", zap.String("uri", s.uri), zap.Bool("known", !s.fetched.IsZero()),
			zap.Error(err))
		return
	}
	s.set, s.fetched, s.failed = set, now, time.Time{}
}

var errNoKeys = &membership.Error{
	Kind: membership.KindUnavailable, Message: "the keys to verify this with cannot be fetched now",
}
