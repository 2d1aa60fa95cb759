package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Messages about sessions that open nothing. One that is unknown, wrong, expired or
// ended looks the same.
const (
	errNoSession    = unauthenticated("the session has ended: log in")
	errSCIMAtLogin  = unauthenticated("this is a SCIM token, for an identity provider: use an API token")
	maxKnownSession = 10_000
)

// Sessions are the logins of people: each begins with a credential and ends with it,
// by a logout, or after SessionLife. They are in the store, so that every server knows
// them, and nothing of them is believed longer than one request.
type Sessions struct {
	store  SessionStore
	tokens *Verifier
	jwts   *JWTs
	limits *Limits
	clock  membership.Clock
	links  *LoginLinks // nil: there are none

	mu    sync.Mutex
	known map[tokenHash]struct{} // were good: they wait in no queue of unknown credentials
}

// NewSessions returns the sessions in a store. They are verified as the tokens and JWTs
// that they began with are, within the same limits.
func NewSessions(store SessionStore, tokens *Verifier, jwts *JWTs, l *Limits, clock membership.Clock) *Sessions {
	return &Sessions{store: store, tokens: tokens, jwts: jwts, limits: l, clock: clock,
		known: make(map[tokenHash]struct{})}
}

// Links lets login links begin sessions as well.
func (s *Sessions) Links(l *LoginLinks) { s.links = l }

// LogIn begins a session with an API token, or with a login link. The text that it
// returns exists nowhere else. Errors are those of Verifier.Verify, and of
// membership.KindTooMany.
func (s *Sessions) LogIn(ctx context.Context, requestID, token string) (text string, expires time.Time, err error) {
	if code := loginCode(token); code != "" && s.links != nil {
		return s.logInByLink(ctx, requestID, code)
	}
	p, err := s.tokens.Verify(ctx, "Bearer "+token)
	if err != nil {
		return "", time.Time{}, err
	}
	if p.Kind != KindAPI {
		return "", time.Time{}, s.limits.failed(ctx, errSCIMAtLogin)
	}
	t, err := s.tokens.store.Token(ctx, p.Tenant, p.Credential.ID)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("find token: %w", err)
	}
	if t.ended(s.clock) != "" { // a moment ago, on another server
		return "", time.Time{}, s.limits.failed(ctx, errNotOpened)
	}
	return s.begin(ctx, p.Call(requestID, ""), Session{Token: t.ID, ExpiresAt: t.ExpiresAt})
}

func (s *Sessions) logInByLink(
	ctx context.Context, requestID, code string,
) (text string, expires time.Time, err error) {
	var link loginLink
	err = s.Attempt(ctx, func() (err error) {
		link, err = s.links.take(code)
		return err
	})
	if err != nil {
		NoteOf(ctx).Rejected = true
		return "", time.Time{}, err
	}
	p, err := s.principal(ctx, Session{Tenant: link.tenant, Token: link.token})
	if err != nil {
		return "", time.Time{}, err
	}
	t, err := s.tokens.store.Token(ctx, link.tenant, link.token)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("find token: %w", err)
	}
	return s.begin(ctx, p.Call(requestID, ""), Session{Token: t.ID, ExpiresAt: t.ExpiresAt})
}

// LogInJWT is LogIn with the ID token of an OpenID Provider, that an issuer of the tenant
// has to take like any JWT; tenant may be zero where the token says it. The session ends
// when the issuer is changed, and lives no longer than its JWTs may.
func (s *Sessions) LogInJWT(
	ctx context.Context, requestID, token string, tenant membership.ID,
) (text string, err error) {
	p, err := s.jwts.Verify(ctx, token, tenant)
	if err != nil {
		return "", err
	}
	i, err := s.jwts.issuer(ctx, p.Tenant, p.Issuer)
	if err != nil {
		return "", err
	}
	text, _, err = s.begin(ctx, p.Call(requestID, ""), Session{
		Issuer: i.ID, IssuerAt: p.IssuerAt, Permissions: p.Permissions, Roles: p.Roles,
		ExpiresAt: s.clock.Now().Add(i.MaxAge),
	})
	return text, err
}

// Attempt runs what checks a credential that is not known to be good, within the limits
// of those, and counts it if it fails with ErrUnauthenticated.
func (s *Sessions) Attempt(ctx context.Context, check func() error) error {
	done, err := s.limits.lookup(ctx)
	if err != nil {
		return err
	}
	defer done()
	return s.limits.failed(ctx, check())
}

func (s *Sessions) begin(
	ctx context.Context, call membership.Call, n Session,
) (text string, expires time.Time, err error) {
	now := s.clock.Now()
	key := newSessionKey(call.Tenant, membership.NewID())
	n.Tenant, n.ID, n.Hash, n.Actor, n.CreatedAt = call.Tenant, key.id, key.hash(), call.Actor, now
	if latest := now.Add(SessionLife); n.ExpiresAt.IsZero() || n.ExpiresAt.After(latest) {
		n.ExpiresAt = latest
	}
	err = s.store.UpdateSessions(ctx, call.Tenant, func(tx SessionTx) error {
		if _, err := tx.DropSessions(ctx, now, MaxSessions); err != nil {
			return err
		}
		if err := tx.DropOldSessions(ctx, n.Actor, MaxActorSessions-1); err != nil {
			return err
		}
		if all, err := tx.CountSessions(ctx); err != nil {
			return err
		} else if all >= MaxSessions {
			return &membership.Error{Kind: membership.KindBusy, RetryAfter: time.Minute,
				Message: "the tenant has too many sessions: try again when some have ended"}
		}
		if err := tx.InsertSession(ctx, n); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, membership.ActionSessionStarted, membership.ID{}, membership.ID{},
			nil, membership.Facts{"session_id": n.ID, "expires_at": membership.Timestamp(n.ExpiresAt)}))
	})
	if err != nil {
		return "", time.Time{}, err
	}
	return key.String(), n.ExpiresAt, nil
}

// Verify returns the principal of a session by its text form, as what it began with
// would give it now. Errors are ErrUnauthenticated, of membership.KindForbidden where
// a token is used from outside its networks, of membership.KindRateLimited or
// membership.KindBusy, or mean that the store cannot answer.
func (s *Sessions) Verify(ctx context.Context, text string) (Principal, Session, error) {
	n, err := s.session(ctx, text)
	if err != nil {
		NoteOf(ctx).Rejected = true
		return Principal{}, Session{}, s.limits.failed(ctx, err)
	}
	p, err := s.principal(ctx, n)
	if err != nil {
		return Principal{}, Session{}, err
	}
	return p, n, s.limits.request(ctx, p)
}

func (s *Sessions) session(ctx context.Context, text string) (Session, error) {
	key, ok := parseSessionKey(text)
	if !ok {
		return Session{}, errNoSession
	}
	hash := tokenHash(sha256.Sum256([]byte(text)))
	if !s.knows(hash) {
		done, err := s.limits.lookup(ctx)
		if err != nil {
			return Session{}, err
		}
		defer done()
	}
	n, err := s.store.Session(ctx, key.tenant, key.id)
	switch {
	case membership.KindOf(err) == membership.KindNotFound:
		NoteOf(ctx).Refuse("unauthenticated: there is no such session")
		return Session{}, errNoSession
	case err != nil:
		return Session{}, fmt.Errorf("find session: %w", err)
	case subtle.ConstantTimeCompare(n.Hash, key.hash()) != 1:
		NoteOf(ctx).Refuse("unauthenticated: the secret is not that of the session")
		return Session{}, errNoSession
	case !s.clock.Now().Before(n.ExpiresAt):
		NoteOf(ctx).Refuse("unauthenticated: the session has expired")
		return Session{}, errNoSession
	}
	s.know(hash)
	return n, nil
}

// principal is the caller of a session, by what the store has of its credential:
// a token that was revoked a moment ago on another server opens nothing.
func (s *Sessions) principal(ctx context.Context, n Session) (Principal, error) {
	if n.Token.IsZero() {
		return s.jwts.ofSession(ctx, n)
	}
	t, err := s.tokens.store.Token(ctx, n.Tenant, n.Token)
	if membership.KindOf(err) == membership.KindNotFound {
		return Principal{}, errNoSession
	}
	if err != nil {
		return Principal{}, fmt.Errorf("find token: %w", err)
	}
	p := t.principal()
	NoteOf(ctx).is(p)
	if why := t.ended(s.clock); why != "" {
		NoteOf(ctx).Refuse(why)
		return Principal{}, errNoSession
	}
	if err := s.tokens.checkNetwork(ctx, t); err != nil {
		return Principal{}, err
	}
	if s.tokens.usage != nil {
		s.tokens.usage.Used(t, s.clock.Now())
	}
	return p, nil
}

// LogOut ends a session by its text form. One that has ended already is no error.
func (s *Sessions) LogOut(ctx context.Context, requestID, text string) error {
	n, err := s.session(ctx, text)
	if errors.Is(err, ErrUnauthenticated) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := s.principal(ctx, n)
	switch {
	case errors.Is(err, ErrUnauthenticated): // its credential has ended: so has the session
		p = Principal{Tenant: n.Tenant, Actor: n.Actor}
	case err != nil && membership.KindOf(err) != membership.KindForbidden:
		return err
	}
	call := p.Call(requestID, "")
	call.Tenant, call.Actor = n.Tenant, n.Actor
	err = s.store.UpdateSessions(ctx, n.Tenant, func(tx SessionTx) error {
		if err := tx.DeleteSession(ctx, n.ID); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(s.clock.Now(), membership.ActionSessionEnded, membership.ID{},
			membership.ID{}, membership.Facts{"session_id": n.ID}, nil))
	})
	if membership.KindOf(err) == membership.KindNotFound { // by another request
		return nil
	}
	return err
}

func (s *Sessions) knows(hash tokenHash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.known[hash]
	return ok
}

func (s *Sessions) know(hash tokenHash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnownSession {
		clear(s.known)
	}
	s.known[hash] = struct{}{}
}
