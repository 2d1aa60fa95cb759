package requests

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// class is what requests are sorted by: of a tenant there are few.
type class struct {
	Connection membership.ID
	Operation  string
	Status     int
	ScimType   string
	Outcome    string
}

type classOf struct {
	tenant membership.ID
	class  int64
}

func newClass(r *membership.Request) class {
	return class{r.Connection, r.Operation, r.Status, r.ScimType, string(r.Outcome)}
}

func (c class) hash() int64 {
	h := sha256.New()
	h.Write(c.Connection[:])
	var status [8]byte
	binary.BigEndian.PutUint64(status[:], uint64(c.Status)) //nolint:gosec // a status is small
	h.Write(status[:])
	h.Write([]byte(strings.Join([]string{c.Operation, c.ScimType, c.Outcome}, "\x00")))
	return int64(binary.BigEndian.Uint64(h.Sum(nil))) //nolint:gosec // any bits will do
}

// The kinds of keys.
const (
	keyUser      = 'u'
	keyGroup     = 'g'
	keyRequestID = 'r'
	keyUserName  = 'n'
	keyExternal  = 'x'
)

const (
	keySize = 16
	// maxKeys is how many keys a request has at most.
	maxKeys = 250
)

func newKey(kind byte, value []byte) (key membership.ID) {
	sum := sha256.Sum256(append([]byte{kind}, value...))
	copy(key[:], sum[:])
	return key
}

// keysOf are the keys by which a request is found, each once.
func keysOf(r *membership.Request) (keys []membership.ID) {
	add := func(kind byte, value []byte) {
		if key := newKey(kind, value); len(keys) < maxKeys && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if r.RequestID != "" {
		add(keyRequestID, []byte(r.RequestID))
	}
	for _, id := range r.Groups {
		add(keyGroup, id[:])
	}
	for _, name := range r.UserNames {
		add(keyUserName, name[:])
	}
	for _, name := range r.ExternalIDs {
		add(keyExternal, name[:])
	}
	for _, id := range r.Users {
		add(keyUser, id[:])
	}
	return keys
}

// filterKeys are the keys that a filter asks for, those first that mostly are fewer.
func filterKeys(f membership.RequestFilter) (keys []membership.ID) {
	if f.RequestID != "" {
		keys = append(keys, newKey(keyRequestID, []byte(f.RequestID)))
	}
	if f.UserName != nil {
		keys = append(keys, newKey(keyUserName, f.UserName[:]))
	}
	if f.ExternalID != nil {
		keys = append(keys, newKey(keyExternal, f.ExternalID[:]))
	}
	if !f.User.IsZero() {
		keys = append(keys, newKey(keyUser, f.User[:]))
	}
	if !f.Group.IsZero() {
		keys = append(keys, newKey(keyGroup, f.Group[:]))
	}
	return keys
}

// asked reports whether a filter asks for some classes only.
func asked(f membership.RequestFilter) bool {
	return !f.Connection.IsZero() || f.Outcome != "" || f.Status != 0 || f.ScimType != "" || f.Operation != ""
}

func (c class) matches(f membership.RequestFilter) bool {
	return (f.Connection.IsZero() || c.Connection == f.Connection) &&
		(f.Outcome == "" || c.Outcome == string(f.Outcome)) &&
		(f.Status == 0 || c.Status == f.Status) &&
		(f.ScimType == "" || c.ScimType == f.ScimType) &&
		(f.Operation == "" || c.Operation == f.Operation)
}
