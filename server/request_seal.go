package server

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"

	"github.com/scimbridge/scimbridge/membership"
)

// Captures implements membership.KeptRequests.
func (k requestKey) Captures() bool { return k != nil }

// aead is AES-256-GCM with a key that is derived for bodies alone.
func (k requestKey) aead() (cipher.AEAD, error) {
	if k == nil {
		return nil, errors.New("there is no key")
	}
	key, err := hkdf.Key(sha256.New, k, nil, "scimbridge captured bodies", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealBody encrypts a body for its tenant and request.
func (k requestKey) sealBody(tenant, id membership.ID, text string) ([]byte, error) {
	a, err := k.aead()
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, nil, []byte(text), bodyOf(tenant, id)), nil
}

// OpenBody implements membership.KeptRequests.
func (k requestKey) OpenBody(tenant, id membership.ID, box []byte) (string, error) {
	a, err := k.aead()
	if err != nil {
		return "", err
	}
	text, err := a.Open(nil, nil, box, bodyOf(tenant, id))
	return string(text), err
}

// bodyOf is the additional data: a body opens as that of its own request only.
func bodyOf(tenant, id membership.ID) []byte {
	return append(tenant[:len(tenant):len(tenant)], id[:]...)
}
