package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/outbound"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/seal/anchor"
)

// stateSuffix ends the name of the folder beside the key in which a server remembers
// what it has signed.
const stateSuffix = ".signed"

// openSealer makes the sealer of a server, and the key where there is none.
func openSealer(
	c config.Config, store *db.Store, publicURL string, guard *outbound.Guard, m *metrics, log *zap.Logger,
) (*Sealer, error) {
	o := SealerOptions{PublicURL: publicURL, Log: log, metrics: m.seal}
	var err error
	if o.Anchors, err = openAnchors(c, guard); err != nil {
		return nil, err
	}
	path := KeyFile(c)
	if path == "" {
		log.Warn("events are not sealed: set seal_key_file to a file that all servers share")
		return NewSealer(store, o), nil
	}
	keys, made, err := seal.LoadKeys(path)
	if err != nil {
		return nil, err
	}
	if made {
		log.Info("made the key that events are sealed with; keep it, and not with the backups of the store",
			zap.String("file", path))
	}
	state := path + stateSuffix
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, fmt.Errorf("what was signed cannot be remembered: %w", err)
	}
	if o.State, err = anchor.NewState(state); err != nil {
		return nil, err
	}
	o.Keys = keys
	m.seal.up.Set(1)
	return NewSealer(store, o), nil
}

// ExistingSealer is the sealer of a command: with the key and the memory that there are. It
// makes neither. Where the key cannot be read there is both a sealer without one and an error.
func ExistingSealer(c config.Config, store *db.Store) (*Sealer, error) {
	o := SealerOptions{PublicURL: c.PublicURL}
	path := KeyFile(c)
	if path == "" {
		return NewSealer(store, o), nil
	}
	var err error
	if o.Keys, err = seal.ReadKeys(path); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if state := path + stateSuffix; err == nil && isFolder(state) {
		o.State, err = anchor.NewState(state)
	}
	return NewSealer(store, o), err
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
