package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// ErrUnauthenticated is what every error of a credential that opens nothing is
// (errors.Is). The text of such an error is safe to show.
var ErrUnauthenticated = errors.New("unauthenticated")

type unauthenticated string

// Unauthenticated is an error that is ErrUnauthenticated, with a text that is safe to
// show.
func Unauthenticated(message string) error { return unauthenticated(message) }

func (e unauthenticated) Error() string        { return string(e) }
func (e unauthenticated) Is(target error) bool { return target == ErrUnauthenticated }

// What the store knows about a token gives one message: unknown,
// wrong, revoked and expired look the same. That a text is no token at all is
// no secret, and the most frequent mistake.
const (
	errNoBearer  = unauthenticated("a bearer token is required (Authorization: Bearer TOKEN)")
	errNoToken   = unauthenticated("the bearer token is no scimbridge token: it was cut, mistyped or belongs elsewhere")
	errNotOpened = unauthenticated("the bearer token is not valid")
)

// Verifier turns credentials into principals.
type Verifier struct {
	store  VerifierStore
	clock  membership.Clock
	usage  *Usage  // nil: uses are not recorded
	limits *Limits // nil: none
	cache  cache

	refusals *membership.Refusals
}

// NewVerifier returns a Verifier of the tokens in store.
func NewVerifier(store VerifierStore, clock membership.Clock) *Verifier {
	return &Verifier{store: store, clock: clock, refusals: membership.NewRefusals(credentialUpdater{store}, clock)}
}

// credentialUpdater is a membership.Updater over a CredentialUpdater.
type credentialUpdater struct{ store CredentialUpdater }

// Update implements membership.Updater.
func (u credentialUpdater) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) error {
	return u.store.UpdateCredentials(ctx, tenant, func(tx Tx) error { return fn(tx) })
}

// Refuse lets r record what is refused. Call it before the first Verify; without
// it the Verifier has one of its own, which never flushes.
func (v *Verifier) Refuse(r *membership.Refusals) { v.refusals = r }

// Report lets u hear of every use of a token. Call it before the first Verify.
func (v *Verifier) Report(u *Usage) { v.usage = u }

// Limit lets l hold callers back. Call it before the first Verify.
func (v *Verifier) Limit(l *Limits) { v.limits = l }

// Forget is to be called after a token was changed, or an OAuth client: the next
// Verify reads the token anew. Other replicas notice within a second.
func (v *Verifier) Forget(id membership.ID) {
	v.cache.forget(func(t Token) bool { return t.ID == id || t.Client == id })
}

// ForgetConnection is Forget after a connection was paused, resumed or removed,
// for all of its tokens.
func (v *Verifier) ForgetConnection(id membership.ID) {
	v.cache.forget(func(t Token) bool { return t.Connection == id })
}

func (v *Verifier) keeps(tenants map[membership.ID]struct{}) { v.cache.keeps(v.clock(), tenants) }

func (v *Verifier) unchanged(at time.Time) { v.cache.unchanged(at) }

func (v *Verifier) forgetTenants(tenants map[membership.ID]struct{}) {
	v.cache.forget(func(t Token) bool {
		_, forget := tenants[t.Tenant]
		return forget
	})
}

// Verify returns the principal of an Authorization header (RFC 6750 section
// 2.1). A credential that opens nothing gives an error that is
// ErrUnauthenticated; one that is used from outside its networks gives one of
// membership.KindForbidden, and an event; beyond the limits, it is one of
// membership.KindRateLimited or membership.KindBusy. Any other error means that the store could not
// answer. A token costs one query at most every few seconds.
func (v *Verifier) Verify(ctx context.Context, authorization string) (Principal, error) {
	text, ok := bearerText(authorization)
	if !ok {
		return Principal{}, errNoBearer
	}
	t, err := v.token(ctx, text)
	if err != nil {
		NoteOf(ctx).Rejected = true
		return Principal{}, v.limits.failed(ctx, err)
	}
	p := t.principal()
	NoteOf(ctx).is(p)
	if err := v.checkNetwork(ctx, t); err != nil {
		return Principal{}, err
	}
	if err := v.limits.request(ctx, p); err != nil {
		return Principal{}, err
	}
	if v.usage != nil {
		v.usage.Used(t, v.clock.Now())
	}
	return p, nil
}

// token returns the live token of a text form.
func (v *Verifier) token(ctx context.Context, text string) (Token, error) {
	if len(text) != textSize {
		return Token{}, errNoToken
	}
	key := tokenHash(sha256.Sum256([]byte(text)))
	now := v.clock() // not Clock.Now: what ages the cache is not set back with the wall clock
	note := NoteOf(ctx)
	if t, ok := v.cache.get(key, now); ok {
		note.Cached = true
		if why := t.ended(v.clock); why != "" {
			note.is(t.principal())
			note.Ended = t.endedAt()
			note.Refuse(why)
			return Token{}, errNotOpened
		}
		return t, nil
	}
	b, err := parse(text)
	if err != nil {
		return Token{}, errNoToken
	}
	note.Named = NamedCredential{Tenant: b.tenant, ID: b.id}
	// A token that was good before is worth a query at once.
	known := v.cache.known(key)
	if !known {
		done, err := v.limits.lookup(ctx)
		if err != nil {
			return Token{}, err
		}
		defer done()
	}
	changes := v.cache.reading()
	t, err := v.store.Token(ctx, b.tenant, b.id)
	if membership.KindOf(err) == membership.KindNotFound {
		note.Refuse("unauthenticated: there is no such token")
		return Token{}, errNotOpened
	}
	if err != nil {
		return Token{}, fmt.Errorf("find token: %w", err)
	}
	note.Named.Connection = t.Connection
	why := "unauthenticated: the secret is not that of the token"
	if subtle.ConstantTimeCompare(t.Hash, b.hash()) == 1 {
		if why = t.ended(v.clock); why != "" {
			note.Ended = t.endedAt()
			note.is(t.principal()) // who has the whole secret is its owner, or has stolen it
		}
	}
	if why != "" {
		note.Refuse(why)
		if known {
			v.Forget(b.id)
		}
		return Token{}, errNotOpened
	}
	v.cache.put(key, t, now, changes, v.clock)
	return t, nil
}

// bearerText returns the credential of the scheme Bearer, in any letter case
// (RFC 9110 section 11.1).
func bearerText(authorization string) (string, bool) {
	scheme, text, _ := strings.Cut(authorization, " ")
	text = strings.Trim(text, " ")
	return text, strings.EqualFold(scheme, "Bearer") && text != ""
}

func (t Token) principal() Principal {
	p := Principal{Tenant: t.Tenant, Kind: t.Kind}
	p.Credential = membership.Credential{Kind: membership.CredentialToken, ID: t.ID}
	if !t.Client.IsZero() {
		p.Credential = membership.Credential{Kind: membership.CredentialAccessToken, ID: t.ID, Owner: t.Client}
	}
	if t.Kind == KindSCIM {
		p.Connection, p.Permissions = t.Connection, t.Scopes
		p.Paused, p.CaptureUntil = !t.ConnectionPausedAt.IsZero(), t.CaptureUntil
		p.Actor = membership.Actor{Kind: membership.ActorConnection, ID: t.Connection.String()}
		return p
	}
	p.Actor = membership.Actor{Kind: cmp.Or(t.Principal, membership.ActorUser), ID: t.ID.String()}
	p.Permissions, p.Roles = ownership(t.Permissions, t.Roles)
	p.Name, p.CreatedAt, p.Person, p.Holder = t.Name, t.CreatedAt, t.Person, "token:"+t.first().String()
	return p
}
