package server

import (
	"fmt"
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

// OpenSealer makes the sealer of a configuration, and the key where there is none.
func OpenSealer(c config.Config, store *db.Store, publicURL string, log *zap.Logger) (*Sealer, error) {
	return openSealer(c, store, publicURL, nil, nil, log)
}

// openSealer makes that of a server, which has metrics, and a guard for its anchors;
// those of a command are none.
func openSealer(
	c config.Config, store *db.Store, publicURL string, guard *outbound.Guard, m *metrics, log *zap.Logger,
) (*Sealer, error) {
	o := SealerOptions{PublicURL: publicURL, Log: log}
	if m != nil {
		o.metrics = m.seal
	}
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
	if m != nil {
		m.seal.up.Set(1)
	}
	return NewSealer(store, o), nil
}

// ExistingSealer is the sealer of a command that only reads: with the key that there
// is, if there is one.
func ExistingSealer(c config.Config, store *db.Store) *Sealer {
	keys, err := seal.ReadKeys(KeyFile(c))
	if err != nil {
		keys = nil
	}
	return NewSealer(store, SealerOptions{Keys: keys, PublicURL: c.PublicURL})
}
