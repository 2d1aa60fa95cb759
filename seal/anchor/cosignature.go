package anchor

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// cosignatureEd25519 is the type of timestamped cosignatures
// (c2sp.org/tlog-cosignature).
const cosignatureEd25519 = 4

// cosignatureVerifier verifies cosignatures of a witness on checkpoints.
type cosignatureVerifier struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

// NewCosignatureVerifier reads the vkey of a witness.
func NewCosignatureVerifier(vkey string) (note.Verifier, error) {
	bad := errors.New("not the key of a witness (a vkey of type 0x04, Ed25519)")
	name, rest, _ := strings.Cut(vkey, "+")
	id, key64, _ := strings.Cut(rest, "+")
	hash, err := strconv.ParseUint(id, 16, 32)
	key, err2 := base64.StdEncoding.DecodeString(key64)
	if name == "" || len(id) != 8 || err != nil || err2 != nil || len(key) != 1+ed25519.PublicKeySize ||
		key[0] != cosignatureEd25519 {
		return nil, bad
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	if binary.BigEndian.Uint32(sum[:]) != uint32(hash) {
		return nil, bad
	}
	return cosignatureVerifier{name, uint32(hash), key[1:]}, nil
}

func (v cosignatureVerifier) Name() string    { return v.name }
func (v cosignatureVerifier) KeyHash() uint32 { return v.hash }

func (v cosignatureVerifier) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	return at > 0 && at < 1<<63 && ed25519.Verify(v.public, cosigned(at, text), sig[8:])
}

// cosigned is what a witness signs of a checkpoint.
func cosigned(at uint64, text []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), text...)
}
