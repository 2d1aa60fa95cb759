package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/membership"
)

// requestKey hashes the userNames and externalIds in the request log. It is kept
// outside the database: who has only that cannot try names.
type requestKey []byte

// requestKeyFile is beside the key that seals events; "": nowhere.
func requestKeyFile(c config.Config) string {
	path := KeyFile(c)
	if path == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(path), "scimbridge-requests.key")
}

// loadRequestKey reads the key, and makes it where there is none.
func loadRequestKey(path string) (requestKey, error) {
	k, err := readRequestKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".requests-key-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // only the name
	k = make(requestKey, sha256.Size)
	_, _ = rand.Read(k) // never fails
	if _, err = f.WriteString(hex.EncodeToString(k) + "\n"); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return readRequestKey(path) // another server was first
	} else if err != nil {
		return nil, err
	}
	return k, nil
}

func readRequestKey(path string) (requestKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the key file %s must be a file that only its owner can read (mode 0600), and has "+
			"%s", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(k) != sha256.Size {
		return nil, fmt.Errorf("the key file %s must have %d bytes in hexadecimal", path, sha256.Size)
	}
	return k, nil
}

// UserName is the keyed hash of a userName; nil: there is no key.
func (k requestKey) UserName(name string) *membership.RequestName {
	return k.hash("userName", strings.ToLower(strings.TrimSpace(name)))
}

// ExternalID is the keyed hash of an externalId; nil: there is no key.
func (k requestKey) ExternalID(id string) *membership.RequestName { return k.hash("externalId", id) }

func (k requestKey) hash(kind, value string) *membership.RequestName {
	if k == nil || value == "" {
		return nil
	}
	h := hmac.New(sha256.New, k)
	h.Write([]byte(kind + "\x00" + value))
	name := membership.RequestName(h.Sum(nil)[:16])
	return &name
}
