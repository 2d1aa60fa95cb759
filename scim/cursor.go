package scim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// cursorTimeout is how long a cursor can be used (RFC 9865 section 4).
const cursorTimeout = time.Hour

// cursor is a position in a list. Callers get it encrypted: it holds a part of a
// resource, and the server stores nothing of it. It opens for the connection that got
// it, and with the filter and order that it was made for.
type cursor struct {
	Key     string        `json:"k,omitempty"`
	Absent  bool          `json:"a,omitempty"`
	ID      membership.ID `json:"i"`
	Before  bool          `json:"b,omitempty"` // it leads back
	Expires int64         `json:"e"`           // seconds since 1970
}

// errSealed is of everything that was not sealed for this list.
var errSealed = errors.New("not a cursor of this list")

// sealer seals the cursors of one list with the connection's key.
type sealer struct {
	aead cipher.AEAD
	// scope is what the list is of: its type, filter and order.
	scope []byte
}

func newSealer(key []byte, scope ...string) (sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return sealer{}, err
	}
	s, err := json.Marshal(scope) // so that no two lists read the same
	return sealer{aead, s}, err
}

func (s sealer) seal(c cursor) (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, text, s.scope)), nil
}

func (s sealer) open(text string) (c cursor, err error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	n := s.aead.NonceSize()
	if err != nil || len(sealed) < n {
		return c, errSealed
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], s.scope)
	if err != nil {
		return c, errSealed
	}
	return c, json.Unmarshal(plain, &c)
}

func (c cursor) position() *membership.Cursor {
	return &membership.Cursor{Key: c.Key, Absent: c.Absent, ID: c.ID}
}
