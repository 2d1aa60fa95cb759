package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The bounds of sessions.
const (
	// SessionLife is how long a session lives at most.
	SessionLife = 12 * time.Hour
	// MaxActorSessions are the sessions of one token or person: a further one ends the
	// oldest.
	MaxActorSessions = 20
	// MaxSessions are those of one tenant.
	MaxSessions = 10_000
)

// Session is a login of a person at the console, without its secret. It is bound to
// what was shown then, an API token or a JWT of an issuer, and ends with it.
type Session struct {
	Tenant membership.ID
	ID     membership.ID
	Hash   []byte // SHA-256 of the secret
	Token  membership.ID
	// Of a session with a JWT: the issuer and when it had last been changed, and what
	// its JWT said. Of one with a token, that says it.
	Issuer      membership.ID
	IssuerAt    time.Time
	Actor       membership.Actor
	Permissions []string
	Roles       []string
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// sessionKey is the text form of a session: ids and a secret of 32 bytes, in base64url
// without padding. It is what the cookie holds, and nothing else has it.
type sessionKey struct {
	tenant, id membership.ID
	secret     [secretSize]byte
}

const sessionKeySize = 2*len(membership.ID{}) + secretSize

func newSessionKey(tenant, id membership.ID) (k sessionKey) {
	k.tenant, k.id = tenant, id
	_, _ = rand.Read(k.secret[:]) // never fails (it ends the program instead)
	return k
}

func (k sessionKey) String() string {
	b := append(append(append(make([]byte, 0, sessionKeySize), k.tenant[:]...), k.id[:]...), k.secret[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseSessionKey takes only what String writes.
func parseSessionKey(text string) (k sessionKey, ok bool) {
	if len(text) != base64.RawURLEncoding.EncodedLen(sessionKeySize) {
		return k, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != sessionKeySize {
		return k, false
	}
	rest := b[copy(k.tenant[:], b):]
	copy(k.secret[:], rest[copy(k.id[:], rest):])
	return k, true
}

func (k sessionKey) hash() []byte {
	h := sha256.Sum256(k.secret[:])
	return h[:]
}

// Derived is a text that only who has a secret can make, for one purpose: the token of
// a form, say. It does not give the secret away.
func Derived(secret, purpose string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// IsDerived reports whether a text is the one of Derived.
func IsDerived(text, secret, purpose string) bool {
	return subtle.ConstantTimeCompare([]byte(text), []byte(Derived(secret, purpose))) == 1
}
