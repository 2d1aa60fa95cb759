package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// The text form of a token is
//
//	scimbridge_<public>_<secret>
//	public = base32(tenant id, token id)           32 bytes
//	secret = base32(secret, CRC-32 of the above)   32 + 4 bytes
//
// in the alphabet of RFC 4648 section 6, lower case, without padding. The
// checksum (IEEE, big endian, over tenant id, token id and secret) tells a
// mistyped token from a revoked one, and a leaked one from a lookalike, without
// asking the store.
const (
	prefix     = "scimbridge_"
	secretSize = 32
	textSize   = len(prefix) + 52 + 1 + 58
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

var errMalformed = errors.New("malformed token")

// bearer is what the text form of a token says.
type bearer struct {
	tenant, id membership.ID
	secret     [secretSize]byte
}

// Mint gives t an id, unless it has one, and a new secret, whose hash it keeps.
// The text form that it returns exists nowhere else.
func Mint(t Token) (Token, string) {
	if t.ID.IsZero() {
		t.ID = membership.NewID()
	}
	b := mintBearer(t.Tenant, t.ID)
	t.Hash = b.hash()
	return t, b.String()
}

func mintBearer(tenant, id membership.ID) bearer {
	b := bearer{tenant: tenant, id: id}
	_, _ = rand.Read(b.secret[:]) // never fails (it ends the program instead)
	return b
}

func (b bearer) hash() []byte {
	h := sha256.Sum256(b.secret[:])
	return h[:]
}

// String returns the text form of a token.
func (b bearer) String() string { return b.text(prefix) }

// text returns the text form of what has a prefix of its own.
func (b bearer) text(prefix string) string {
	public := slices.Concat(b.tenant[:], b.id[:])
	sum := crc32.ChecksumIEEE(slices.Concat(public, b.secret[:]))
	secret := binary.BigEndian.AppendUint32(slices.Clone(b.secret[:]), sum)
	return prefix + encoding.EncodeToString(public) + "_" + encoding.EncodeToString(secret)
}

// parse reads the text form of a token. It takes only what String writes: one token
// has one spelling.
func parse(s string) (bearer, error) { return parseText(prefix, s) }

// parseText is parse for another prefix.
func parseText(prefix, s string) (bearer, error) {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return bearer{}, errMalformed
	}
	public, secret, ok := strings.Cut(rest, "_")
	if !ok {
		return bearer{}, errMalformed
	}
	var b bearer
	ids, err := encoding.DecodeString(public)
	if err != nil || len(ids) != len(b.tenant)+len(b.id) {
		return bearer{}, errMalformed
	}
	sealed, err := encoding.DecodeString(secret)
	if err != nil || len(sealed) != secretSize+crc32.Size {
		return bearer{}, errMalformed
	}
	copy(b.id[:], ids[copy(b.tenant[:], ids):])
	copy(b.secret[:], sealed)
	// Writing it again checks the checksum, and the bits that base32 leaves over.
	if b.text(prefix) != s {
		return bearer{}, errMalformed
	}
	return b, nil
}

// TokenHint shows which token an Authorization header has, without being of use: the
// beginning that all have and its last four characters, which are of the checksum.
// It is empty where there is no token.
func TokenHint(authorization string) string {
	text, ok := bearerText(authorization)
	if !ok || len(text) != textSize || !strings.HasPrefix(text, prefix) {
		return ""
	}
	return prefix + "…" + text[textSize-4:]
}
