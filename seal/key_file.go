package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// maxKeyFile is in bytes; a key takes 119.
	maxKeyFile = 1 << 16
	// others are the bits of a mode that let group and world read or write.
	others fs.FileMode = 0o077
)

// LoadKeys reads a key file, and makes it with a new key where there is none. A
// file that others could read or write is refused: who has the key can rewrite
// history.
func LoadKeys(path string) (ks Keys, made bool, err error) {
	ks, err = ReadKeys(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return ks, false, err
	}
	k, err := NewKey()
	if err != nil {
		return nil, false, err
	}
	switch err := writeKeys(path, Keys{k}, os.Link); {
	case errors.Is(err, fs.ErrExist): // another server was first
		ks, err = ReadKeys(path)
		return ks, false, err
	case err != nil:
		return nil, false, fmt.Errorf("the key file cannot be made: %w", err)
	}
	return Keys{k}, true, nil
}

// ReadKeys reads a key file.
func ReadKeys(path string) (Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the key file cannot be read: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("the key file cannot be read: %w", err)
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&others != 0 {
		return nil, fmt.Errorf("the key file %s must be a file that only its owner can read (mode 0600), and has %s",
			path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("the key file cannot be read: %w", err)
	}
	ks, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("the key file %s: %w", path, err)
	}
	return ks, nil
}

// RotateKeys puts a new key in front of those in the file: it is in use from the
// next start on, and the one that was signs beside it until RetireKeys. Older ones
// go.
func RotateKeys(path string) (Keys, error) {
	old, err := ReadKeys(path)
	if err != nil {
		return nil, err
	}
	k, err := NewKey()
	if err != nil {
		return nil, err
	}
	ks := Keys{k, old[0]}
	return ks, writeKeys(path, ks, os.Rename)
}

// RetireKeys leaves only the key in use in the file.
func RetireKeys(path string) (Keys, error) {
	old, err := ReadKeys(path)
	if err != nil {
		return nil, err
	}
	return old[:1], writeKeys(path, old[:1], os.Rename)
}

// writeKeys writes a file beside the path, durably, and puts it there whole:
// os.Link fails where there is a file, os.Rename replaces it.
func writeKeys(path string, ks Keys, put func(from, to string) error) error {
	text, err := ks.appendPEM(nil)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".seal-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone after a rename
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := put(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
