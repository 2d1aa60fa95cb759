package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// maxResults bounds what is remembered of the JWTs of one tenant.
const maxResults = 1000

// Only the sender of a JWT that is signed for the tenant learns what is wrong with
// it. Everything else looks the same: no issuer of that name, another
// key, another tenant, no such tenant.
const errNotTrusted = unauthenticated(
	"the bearer token is not valid: it is no JWT that an issuer of the tenant has signed for it")

// JWTs verifies JWTs (RFC 7519, signed as RFC 7515) of the issuers that tenants
// trust.
type JWTs struct {
	store   IssuerReader
	keys    *KeySets
	clock   membership.Clock
	issuers *setCache[issuerSet]
	limits  *Limits // nil: none
}

// issuerSet is what is known of a tenant's issuers until one of them changes.
type issuerSet struct {
	byName map[string]Issuer

	mu sync.RWMutex
	// results are the JWTs that were verified a moment ago. They go with the set.
	results map[tokenHash]result
}

type result struct {
	principal Principal
	until     time.Time
}

// NewJWTs returns a JWTs for the issuers in store, whose keys are read through
// keys.
func NewJWTs(store IssuerReader, keys *KeySets, clock membership.Clock) *JWTs {
	return &JWTs{store: store, keys: keys, clock: clock, issuers: newSetCache(setSource[issuerSet]{
		what: "issuers", version: store.IssuerVersion,
		read: func(ctx context.Context, tenant membership.ID) (*issuerSet, int64, int, error) {
			all, version, err := store.Issuers(ctx, tenant)
			s := &issuerSet{byName: make(map[string]Issuer, len(all)), results: make(map[tokenHash]result)}
			size := 0
			for _, i := range all {
				s.byName[i.Issuer] = i
				size += len(i.JWKS) + 4*maxWord
			}
			return s, version, size, err
		},
		// A forged JWT can name any tenant: it must not evict the tenants that
		// have issuers.
		skip: func(s *issuerSet) bool { return len(s.byName) == 0 },
	}, clock)}
}

// Forget is to be called after a tenant's issuers were changed: the next Verify
// reads them anew. Other replicas notice within a second.
func (j *JWTs) Forget(tenant membership.ID) { j.issuers.expire(tenant) }

// Limit lets l hold callers back. Call it before the first Verify.
func (j *JWTs) Limit(l *Limits) { j.limits = l }

// Verify returns the principal of a JWT. named is the tenant that the request
// is about; zero, or not the one of the JWT: then its own is the one that it
// says it is of, if it says so by an id. The principal is of a tenant whose
// issuer signed the JWT for that tenant. Errors are ErrUnauthenticated, of
// membership.KindRateLimited, or mean that the store or the issuer's keys could
// not be read. A JWT costs no query and no signature check when it was verified
// a moment ago.
func (j *JWTs) Verify(ctx context.Context, text string, named membership.ID) (Principal, error) {
	p, err := j.principal(ctx, text, named)
	if err != nil {
		return Principal{}, j.limits.failed(ctx, err)
	}
	NoteOf(ctx).is(p)
	return p, j.limits.request(ctx, p)
}

func (j *JWTs) principal(ctx context.Context, text string, named membership.ID) (Principal, error) {
	if len(text) > maxJWT {
		return Principal{}, errNotTrusted
	}
	key := tokenHash(sha256.Sum256([]byte(text)))
	err := error(errNotTrusted)
	if !named.IsZero() {
		var p Principal
		if p, err = j.within(ctx, named, text, key); !errors.Is(err, ErrUnauthenticated) {
			return p, err
		}
	}
	own := ownTenant(text)
	if own.IsZero() || own == named {
		return Principal{}, err
	}
	p, ownErr := j.within(ctx, own, text, key)
	if !named.IsZero() && errors.Is(ownErr, ErrUnauthenticated) {
		return Principal{}, err
	}
	return p, ownErr
}

// within verifies a JWT as a credential of one tenant.
func (j *JWTs) within(ctx context.Context, tenant membership.ID, text string, key tokenHash) (Principal, error) {
	set, err := j.trusted(ctx, tenant, key)
	if err != nil {
		return Principal{}, err
	}
	now := j.clock()
	if p, ok := set.result(key, now); ok {
		NoteOf(ctx).Cached = true
		return p, nil
	}
	issuer, ok := set.byName[unverified(text).Issuer]
	if !ok {
		return Principal{}, errNotTrusted
	}
	c, err := j.keys.Verify(ctx, issuer.keys(), text)
	switch {
	case errors.Is(err, ErrBadJWT):
		return Principal{}, errNotTrusted
	case err != nil:
		return Principal{}, err
	}
	p, err := issuer.principal(c, now)
	if err != nil {
		return Principal{}, err
	}
	if p.Actor.ID, err = j.apart(ctx, p); err != nil {
		return Principal{}, err
	}
	until := now.Add(cacheLife)
	if c.ExpiresAt.Before(until) {
		until = c.ExpiresAt
	}
	set.remember(key, result{p, until}, now)
	return p, nil
}

// trusted returns the issuers of a tenant, for a JWT of theirs. One that was good
// before is worth a query at once.
func (j *JWTs) trusted(ctx context.Context, tenant membership.ID, key tokenHash) (*issuerSet, error) {
	if set, err := j.issuers.held(tenant); err != nil || !set.knows(key) {
		done, err := j.limits.lookup(ctx)
		if err != nil {
			return nil, err
		}
		defer done()
	}
	return j.issuers.current(ctx, tenant)
}

// apart returns the id of the actor of a JWT. A subject that is the id of a token
// of the tenant gets its issuer in front: the issuer chooses subjects, and must not
// pass one off as the token, in granted_by or before a policy. The id of a later token
// cannot be guessed.
func (j *JWTs) apart(ctx context.Context, p Principal) (string, error) {
	id, err := membership.ParseID(p.Actor.ID)
	if err != nil {
		return p.Actor.ID, nil
	}
	switch _, err := j.store.Token(ctx, p.Tenant, id); {
	case membership.KindOf(err) == membership.KindNotFound:
		return p.Actor.ID, nil
	case err != nil:
		return "", err
	}
	return p.Credential.Owner.String() + ":" + p.Actor.ID, nil
}

func (s *issuerSet) result(key tokenHash, now time.Time) (Principal, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.results[key]
	return r.principal, ok && now.Before(r.until)
}

// knows reports whether a JWT was good before.
func (s *issuerSet) knows(key tokenHash) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.results[key]
	return ok
}

func (s *issuerSet) remember(key tokenHash, r result, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.results) >= maxResults {
		for k, old := range s.results {
			if !now.Before(old.until) || len(s.results) > maxResults/4*3 {
				delete(s.results, k)
			}
		}
	}
	s.results[key] = r
}
