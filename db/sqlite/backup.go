package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	zombiezen "zombiezen.com/go/sqlite"
)

// What a backup copies between two looks at its context, and what it writes before
// it has the disk take it, in pages of 4 KiB: all at once at the end would hold up
// the commits of the server.
const (
	backupStep = 256
	backupSync = 4096
)

// backupPragmas are those of the copy while it is made. It is nothing before it is
// whole, so it needs no journal.
var backupPragmas = []string{"journal_mode(off)", "synchronous(off)", "cache_size(-1024)"}

// Backup implements engine.Engine. The copy is made under another name, checked, and
// renamed.
func (e *Engine) Backup(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "backup", Path: path, Err: fs.ErrExist}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	// It stays open to the end: closing it would take the locks of SQLite away.
	defer func() {
		_ = f.Close()
		if err != nil {
			for _, end := range []string{"", "-wal", "-shm", "-journal"} {
				_ = os.Remove(f.Name() + end) // the reason is err
			}
		}
	}()
	if err := e.copyTo(ctx, f); err != nil {
		return fmt.Errorf("copy the store: %w", err)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := (file{path: f.Name(), isCopy: true}).checkIntegrity(ctx); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// copyTo copies page by page on one snapshot: writers go on, and nothing of what they
// write meanwhile is in the copy. The log of the store grows by it until the end.
func (e *Engine) copyTo(ctx context.Context, f *os.File) (err error) {
	from, err := openConn(e.file, "query_only(1)", fmt.Sprintf("cache_size(-%d)", minReadCache))
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	// The first read takes the snapshot. Without one, every write of another process
	// would begin the copy anew.
	for _, q := range []string{"begin", "select count(*) from sqlite_schema"} {
		if err := from.runOnce(q); err != nil {
			return err
		}
	}
	defer from.rollback()
	to, err := openConn(file{path: f.Name(), isNew: true}, backupPragmas...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := copyPages(ctx, to, from, f); err != nil {
		return err
	}
	// One file, without a log: who reads its header sees that it is no store in use.
	return to.runOnce("pragma journal_mode(delete)")
}

func copyPages(ctx context.Context, to, from *conn, f *os.File) (err error) {
	b, err := zombiezen.NewBackup(to.Conn, "", from.Conn, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		more, err := b.Step(backupStep)
		if err != nil || !more {
			return err
		}
		if n%(backupSync/backupStep) == 0 {
			if err := f.Sync(); err != nil {
				return err
			}
		}
	}
}

// syncFolder makes a new name in a folder survive a loss of power.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // not every system has it for folders
	return d.Close()
}
