package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
)

// sealedLog reads what a tenant's log has: its tree, its checkpoints, its events.
type sealedLog struct {
	store  *db.Store
	tenant membership.ID
	db.SealLog
}

// openLog reads the log of a tenant; found says whether it has one.
func openLog(ctx context.Context, store *db.Store, tenant membership.ID) (l sealedLog, found bool, err error) {
	state, found, err := store.SealLog(ctx, tenant)
	return sealedLog{store, tenant, state}, found, err
}

// tile reads stored hashes of a level from the beginning of a tile.
func (l sealedLog) tile(ctx context.Context, level int, n int64, width int) ([]tlog.Hash, error) {
	b, err := l.store.SealHashes(ctx, l.tenant, level, n*256, width)
	if err != nil {
		return nil, err
	}
	hashes := make([]tlog.Hash, len(b)/tlog.HashSize)
	for i := range hashes {
		hashes[i] = tlog.Hash(b[i*tlog.HashSize:])
	}
	if len(hashes) < width {
		return nil, fmt.Errorf("of tile %d at level %d only %d hashes are stored", n, level, len(hashes))
	}
	return hashes, nil
}

// tree loads the right edge of the tree of the log's size.
func (l sealedLog) tree(ctx context.Context) (*seal.Tree, error) {
	var edge [][]tlog.Hash
	for level, n := 0, l.Size; n > 0; level, n = level+1, n/256 {
		hashes, err := l.tile(ctx, level, n/256, int(n%256))
		if err != nil {
			return nil, err
		}
		edge = append(edge, hashes)
	}
	return seal.LoadTree(l.Size, edge)
}

// hashes reads those of a tree, for proofs.
func (l sealedLog) hashes(ctx context.Context, t *seal.Tree) tlog.HashReader {
	return t.Hashes(func(level int, n int64) ([]tlog.Hash, error) { return l.tile(ctx, level, n, 256) })
}

// checkpoint reads the signed checkpoint of a size with what witnesses signed beside
// it; 0: the newest. "": there is none.
func (l sealedLog) checkpoint(ctx context.Context, size int64) (string, error) {
	if size == 0 {
		size = l.Size
	}
	text, err := l.store.Checkpoint(ctx, l.tenant, l.Origin, size)
	if err != nil || text == "" {
		return "", err
	}
	receipts, err := l.store.Receipts(ctx, l.tenant, l.Origin, size)
	for _, r := range receipts {
		text += r.Lines
	}
	return text, err
}

// leaves reads the lines of the events after a number. Each is called with every
// event.
func (l sealedLog) leaves(
	ctx context.Context, after int64, each func(db.StoredLeaf) error,
) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var line []byte
		for stored, err := range l.store.Leaves(ctx, l.tenant, after, leafBatch) {
			if err == nil {
				err = each(stored)
			}
			if err == nil {
				line, err = seal.Leaf{Number: stored.Number, Tenant: l.tenant.String(),
					Body: stored.Body}.Append(line[:0])
				if err != nil {
					err = &seal.Finding{Kind: seal.Changed, Number: stored.Number}
				}
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// leafBatch is how many events are read at once: 65 MB at most, and usually one.
const leafBatch = 1000

// checkColumns holds what finds an event against what it says: a column means
// nothing that does not stand there.
func checkColumns(e db.StoredLeaf) error {
	head, _, _ := bytes.Cut(e.Body, []byte(`,"actor":`))
	if !e.Keyed || !e.Apart || e.Group != fieldOf(head, "group_id") || e.User != fieldOf(head, "user_id") {
		return &seal.Finding{Kind: seal.Changed, Number: e.Number}
	}
	return nil
}

// fieldOf reads an id out of the beginning of a body.
func fieldOf(head []byte, name string) string {
	_, rest, found := bytes.Cut(head, []byte(`"`+name+`":"`))
	if id, _, ok := bytes.Cut(rest, []byte(`"`)); found && ok {
		return string(id)
	}
	return ""
}

// VerifiedStore is what held of the log of a tenant in a store.
type VerifiedStore struct {
	seal.Verified
	// Unlogged are openings and closings of grants that no event of the log tells of: the
	// store is from a version without a sealed log, and what that said stands beside it.
	Unlogged int64
}

// VerifyStore holds the log of a tenant against its checkpoints, as they are in the
// store, and against those that are given. keys are the verifier keys, one a line. A log
// that was stopped does not hold: something has seen another one.
func VerifyStore(
	ctx context.Context, store *db.Store, tenant membership.ID, keys string, given []seal.Checkpoint,
	progress func(int64),
) (done VerifiedStore, err error) {
	l, found, err := openLog(ctx, store, tenant)
	if err != nil {
		return done, err
	}
	if !found {
		return done, ErrNeverSealed
	}
	verifiers, err := seal.Verifiers(keys)
	if err != nil {
		return done, err
	}
	v := seal.Verifier{Tenant: tenant.String(), Progress: progress}
	notes, err := store.Checkpoints(ctx, tenant, l.Origin, 1<<62, maxCheckpoints)
	if err != nil {
		return done, err
	}
	for i, text := range notes {
		c, err := seal.OpenCheckpoint([]byte(text), verifiers)
		switch {
		case err == nil && strings.Contains(c.Origin, tenant.String()):
			v.Checkpoints = append(v.Checkpoints, seal.Known{Checkpoint: c})
		case i == 0: // older ones may be of a key that is not known any more
			return done, fmt.Errorf("the newest checkpoint: %w", err)
		}
	}
	for _, c := range given {
		v.Checkpoints = append(v.Checkpoints, seal.Known{Checkpoint: c, Given: true})
	}
	if len(v.Checkpoints) == 0 {
		return done, errors.New("the tenant's log has no checkpoint")
	}
	columns := newColumnCheck(ctx, l)
	done.Verified, err = v.Verify(seal.Log{
		Leaves: columns.leaves(), Size: l.Size,
		Tile: func(level int, n int64, width int) ([]tlog.Hash, error) { return l.tile(ctx, level, n, width) },
	})
	if err == nil {
		done.Unlogged, err = columns.wrong()
	}
	if err == nil && l.Stopped != "" {
		err = fmt.Errorf("the log is not sealed any further: %s", l.Stopped)
	}
	return done, err
}

// ErrNeverSealed is that of a tenant that has no log to verify.
var ErrNeverSealed = errors.New("the tenant's events were never sealed")

// errNoKey is that of a log of which only the store says who signed it.
var errNoKey = errors.New("no key is known that signs the log but the one in the store, which can have been changed " +
	"with the log: give the verifier key that you kept (--key), or the key file (seal_key_file)")

// maxCheckpoints is how many checkpoints a log is held against, the newest.
const maxCheckpoints = 100_000

// Verify is VerifyStore with the keys that are given, or those of the sealer, and with the
// checkpoint that this server remembers.
func (s *Sealer) Verify(
	ctx context.Context, tenant membership.ID, vkeys []string, given []seal.Checkpoint, progress func(int64),
) (VerifiedStore, error) {
	l, found, err := openLog(ctx, s.store, tenant)
	if err != nil {
		return VerifiedStore{}, err
	}
	text := strings.Join(vkeys, "\n")
	switch {
	case !found:
		return VerifiedStore{}, ErrNeverSealed
	case text != "":
	case !s.keys.Has(l.PublicKey):
		return VerifiedStore{}, errNoKey
	default:
		if text, err = s.keys.VerifierKeys(l.Origin); err != nil {
			return VerifiedStore{}, err
		}
	}
	if s.state != nil {
		last, seen, err := s.state.Last(l.Origin)
		if err != nil {
			return VerifiedStore{}, err
		}
		if seen {
			given = append(slices.Clone(given), last)
		}
	}
	return VerifyStore(ctx, s.store, tenant, text, given, progress)
}

// WriteTiles writes the log of a tenant into a folder, and returns its size.
func (s *Sealer) WriteTiles(ctx context.Context, tenant membership.ID, dir string) (int64, error) {
	l, err := s.opened(ctx, tenant)
	if err != nil {
		return 0, err
	}
	checkpoint, err := l.checkpoint(ctx, l.Size)
	if err != nil {
		return 0, err
	}
	return l.Size, seal.WriteTiles(dir, l.leaves(ctx, 0, checkColumns), []byte(checkpoint))
}
