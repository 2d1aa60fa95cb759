package membership

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ID is a UUIDv7 (RFC 9562, section 5.7). The zero value stands for "none".
// Its text form is the canonical lower-case one of 36 characters; a store gets
// the 16 bytes.
type ID [16]byte

var errBadID = errors.New("not a UUID")

// lastID keeps ids of one process strictly ascending, so that rows made in one
// transaction keep their order.
var lastID struct {
	sync.Mutex
	ms  int64
	seq uint16
}

// NewID returns a new UUIDv7. Ids of one process ascend strictly.
func NewID() ID {
	var id ID
	// crypto/rand.Read never fails (it ends the program instead).
	_, _ = rand.Read(id[8:])

	lastID.Lock()
	ms := time.Now().UnixMilli()
	if ms > lastID.ms {
		lastID.ms, lastID.seq = ms, uint16(id[15])
	} else {
		lastID.seq++
		if lastID.seq > 0x0fff { // 4096 ids in one millisecond: borrow the next one
			lastID.ms, lastID.seq = lastID.ms+1, 0
		}
	}
	ms, seq := lastID.ms, lastID.seq
	lastID.Unlock()

	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(ms)) //nolint:gosec // a time after 1970
	copy(id[:6], b[2:])
	binary.BigEndian.PutUint16(id[6:8], 0x7000|seq)
	id[8] = id[8]&0x3f | 0x80
	return id
}

// NewIDAt returns a new UUIDv7 of a time.
func NewIDAt(t time.Time) ID {
	id := FirstID(t)
	_, _ = rand.Read(id[8:])
	// The fraction of the millisecond is in it, too (RFC 9562 section 6.2, method 3).
	fraction := uint16(t.Nanosecond() % 1e6 * 4096 / 1e6) //nolint:gosec // below 4096
	binary.BigEndian.PutUint16(id[6:8], 0x7000|fraction)
	id[8] = id[8]&0x3f | 0x80
	return id
}

// FirstID is below every UUIDv7 of a time, to the millisecond, and above every
// earlier one.
func FirstID(t time.Time) (id ID) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(max(t.UnixMilli(), 0))) //nolint:gosec // not negative
	copy(id[:6], b[2:])
	return id
}

// Time is the time of a UUIDv7, to the millisecond.
func (id ID) Time() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)).UTC() //nolint:gosec // of 48 bits
}

// ParseID reads the 36-character text form, in either case.
func ParseID(s string) (ID, error) { return ParseIDOf(s) }

// ParseIDOf is ParseID of a text in either form.
func ParseIDOf[T string | []byte](s T) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, errBadID
	}
	var digits [32]byte
	n := copy(digits[:], s[:8])
	n += copy(digits[n:], s[9:13])
	n += copy(digits[n:], s[14:18])
	n += copy(digits[n:], s[19:23])
	copy(digits[n:], s[24:])
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return ID{}, errBadID
	}
	return id, nil
}

// IsZero reports whether the id stands for "none".
func (id ID) IsZero() bool { return id == ID{} }

// String returns the canonical text form.
func (id ID) String() string { return string(id.AppendText(make([]byte, 0, 36))) }

// AppendText appends the canonical text form to b.
func (id ID) AppendText(b []byte) []byte {
	b = hex.AppendEncode(b, id[0:4])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[4:6])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[6:8])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[8:10])
	b = append(b, '-')
	return hex.AppendEncode(b, id[10:16])
}

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(nil), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(b []byte) error {
	v, err := ParseIDOf(b)
	if err != nil {
		return err
	}
	*id = v
	return nil
}

// Scan implements sql.Scanner: 16 bytes, the text form, or NULL (the zero id).
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID{}
		return nil
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
		return id.UnmarshalText(v)
	case string:
		return id.UnmarshalText([]byte(v))
	case [16]byte:
		*id = v
		return nil
	}
	return fmt.Errorf("cannot read an id from %T", src)
}

// Compare orders ids by their bytes, which is the order of both engines.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }
