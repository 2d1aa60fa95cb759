package auth

import (
	"encoding/binary"
	"sync"

	"github.com/scimbridge/scimbridge/membership"
)

// The bounds of what is remembered of one operation.
const (
	maxAllowed      = 1000
	maxAllowedBytes = 256 // of one principal
)

// allowedMemo is a cache of permits of the default policies for one operation. They
// decide by nothing but the type and the permissions of the principal, which a test
// checks, so equal principals get equal answers.
// Refusals are not remembered: they say why. A nil memo remembers nothing.
type allowedMemo struct {
	mu  sync.RWMutex
	who map[string]struct{} // by allowedKey
}

func (m *allowedMemo) has(c membership.Call) bool {
	if m == nil {
		return false
	}
	var room [maxAllowedBytes]byte
	key, ok := allowedKey(room[:0], c)
	if !ok {
		return false
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, ok = m.who[string(key)]
	return ok
}

func (m *allowedMemo) add(c membership.Call) {
	if m == nil {
		return
	}
	key, ok := allowedKey(nil, c)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.who == nil || len(m.who) >= maxAllowed {
		m.who = make(map[string]struct{})
	}
	m.who[string(key)] = struct{}{}
}

// allowedKey appends all that the default policies look at; false if it is too
// long to be remembered.
func allowedKey(b []byte, c membership.Call) ([]byte, bool) {
	t, ok := principalType(c)
	b = appendPart(b, string(t))
	for _, p := range c.Permissions {
		if len(b)+len(p)+binary.MaxVarintLen64 > maxAllowedBytes {
			return nil, false
		}
		b = appendPart(b, p)
	}
	return b, ok
}

// appendPart says how long a part is, so that no two lists are the same bytes.
func appendPart(b []byte, part string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}
