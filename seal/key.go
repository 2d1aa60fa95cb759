package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// Key signs checkpoints: Ed25519, the same for all logs of a server. Each log signs
// under its own name, its origin.
type Key struct{ private ed25519.PrivateKey }

// NewKey makes a key.
func NewKey() (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return Key{private}, err
}

// Public is the public part.
func (k Key) Public() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

// Signer signs for a log.
func (k Key) Signer(origin string) note.Signer { return signer{origin, k} }

// VerifierKey is what verifies signatures for a log: its vkey.
func (k Key) VerifierKey(origin string) (string, error) { return VerifierKey(origin, k.Public()) }

// VerifierKey is the vkey of a public key and a log.
func VerifierKey(origin string, public ed25519.PublicKey) (string, error) {
	return note.NewEd25519VerifierKey(origin, public)
}

type signer struct {
	origin string
	key    Key
}

func (s signer) Name() string { return s.origin }

// The type of signatures in notes that is Ed25519.
const noteEd25519 = 1

func (s signer) KeyHash() uint32 { return keyID(s.origin, noteEd25519, s.key.Public()) }

func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key.private, text), nil }

// keyID is that of c2sp.org/signed-note: the first four bytes of a hash.
func keyID(name string, algorithm byte, public []byte) uint32 {
	sum := sha256.Sum256(append(append([]byte(name), '\n', algorithm), public...))
	return binary.BigEndian.Uint32(sum[:])
}

// Keys are the keys of a key file. The first is the one in use; the others sign
// beside it, so that who knows only an older one can verify while it is replaced.
type Keys []Key

// Signers sign for a log, the key in use first.
func (ks Keys) Signers(origin string) []note.Signer {
	signers := make([]note.Signer, len(ks))
	for i, k := range ks {
		signers[i] = k.Signer(origin)
	}
	return signers
}

// VerifierKeys are the vkeys for a log, one a line, that of the key in use first.
func (ks Keys) VerifierKeys(origin string) (string, error) {
	text := ""
	for _, k := range ks {
		vkey, err := k.VerifierKey(origin)
		if err != nil {
			return "", err
		}
		text += vkey + "\n"
	}
	return text, nil
}

// Has reports whether a public key is one of them.
func (ks Keys) Has(public ed25519.PublicKey) bool {
	for _, k := range ks {
		if k.Public().Equal(public) {
			return true
		}
	}
	return false
}

const pemType = "PRIVATE KEY" // PKCS #8, RFC 5958

// appendPEM appends keys as PEM, the key in use first.
func (ks Keys) appendPEM(b []byte) ([]byte, error) {
	for _, k := range ks {
		der, err := x509.MarshalPKCS8PrivateKey(k.private)
		if err != nil {
			return nil, err
		}
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})...)
	}
	return b, nil
}

// parseKeys reads what appendPEM wrote, or another program in that format, such as
// openssl genpkey -algorithm ed25519.
func parseKeys(text []byte) (ks Keys, err error) {
	for len(text) > 0 {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		private, ok := parsed.(ed25519.PrivateKey)
		if err != nil || block.Type != pemType || !ok {
			return nil, fmt.Errorf("block %d is no Ed25519 private key in PKCS #8", len(ks)+1)
		}
		ks = append(ks, Key{private})
	}
	if len(ks) == 0 {
		return nil, errors.New("it holds no private key in PEM")
	}
	return ks, nil
}
