//go:build unix

package db_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

// Whatever the umask, only the owner reads the files of a store.
func TestFilesOfAStoreAreTheirOwners(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o777} {
		path := filepath.Join(t.TempDir(), "x.db")
		before := syscall.Umask(umask)
		s, err := db.Open(context.Background(), "sqlite:"+path, db.Options{})
		if err == nil {
			err = s.Migrate(context.Background())
		}
		syscall.Umask(before)
		require.NoError(t, err)
		for _, end := range []string{"", "-wal", "-shm"} {
			assert.Equal(t, fs.FileMode(0o600), mode(t, path+end), "umask %#o, %s", umask, end)
		}
		require.NoError(t, s.Close())
	}
}

// What was written back is in the file itself, and who reads goes on to read.
func TestWriteBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := db.Open(t.Context(), "sqlite:"+path, db.Options{})
	require.NoError(t, err)
	defer func() { _ = s.Close() }()
	require.NoError(t, s.Migrate(t.Context()))
	w := newLog(t, s)
	inFile := func() bool {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return bytes.Contains(b, w.ID[:])
	}
	require.False(t, inFile(), "it is in the log of the store")
	w.Read(func(membership.Reader) error { return s.WriteBack(t.Context()) })
	assert.True(t, inFile())
}

// A backup that is given up leaves nothing, and one takes the place of nothing.
func TestABackupIsThereWholeOrNotAtAll(t *testing.T) {
	s, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"), db.Options{})
	require.NoError(t, err)
	defer func() { _ = s.Close() }()
	require.NoError(t, s.Migrate(t.Context()))
	file := filepath.Join(t.TempDir(), "backup.db")
	left := func() int {
		entries, err := os.ReadDir(filepath.Dir(file))
		require.NoError(t, err)
		return len(entries)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, s.Backup(ended, file), context.Canceled)
	assert.Zero(t, left())
	require.NoError(t, s.Backup(t.Context(), file))
	assert.Equal(t, 1, left())
	require.ErrorIs(t, s.Backup(t.Context(), file), fs.ErrExist)
	assert.Equal(t, 1, left())
	assert.Equal(t, fs.FileMode(0o600), mode(t, file))

	// A copy is read, and never written.
	copied, err := db.Open(t.Context(), "sqlite:"+file, db.Options{Copy: true})
	require.NoError(t, err)
	require.NoError(t, copied.CheckSchema(t.Context()))
	require.Error(t, copied.Backup(ended, file+"2"))
	require.NoError(t, copied.Close())
	assert.Equal(t, 1, left())
}

// Files that others can read are closed, also behind a link, and the log says so.
func TestFilesOfAnOldStoreAreClosed(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "x.db"), filepath.Join(dir, "link.db")
	first, err := db.Open(t.Context(), "sqlite:"+path, db.Options{})
	require.NoError(t, err)
	require.NoError(t, first.Migrate(t.Context()))
	defer func() { _ = first.Close() }() // while it is open, the log is there
	for _, end := range []string{"", "-wal", "-shm"} {
		require.NoError(t, os.Chmod(path+end, 0o644))
	}
	require.NoError(t, os.Symlink(path, link))

	core, logged := observer.New(zap.WarnLevel)
	second, err := db.Open(t.Context(), "sqlite:"+link, db.Options{Logger: zap.New(core), MustExist: true})
	require.NoError(t, err)
	require.NoError(t, second.Close())
	for _, end := range []string{"", "-wal", "-shm"} {
		assert.Equal(t, fs.FileMode(0o600), mode(t, path+end), end)
	}
	require.Equal(t, 3, logged.Len())
	assert.Equal(t, "0644", logged.All()[0].ContextMap()["mode"])

	third, err := db.Open(t.Context(), "sqlite:"+path, db.Options{Logger: zap.New(core)})
	require.NoError(t, err)
	require.NoError(t, third.Close())
	assert.Equal(t, 3, logged.Len(), "once is enough")
}

func TestAStoreThatMustExist(t *testing.T) {
	dir := t.TempDir()
	dangling := filepath.Join(dir, "link.db")
	require.NoError(t, os.Symlink(filepath.Join(dir, "none.db"), dangling))
	empty := filepath.Join(dir, "empty.db")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, path := range []string{filepath.Join(dir, "x.db"), filepath.Join(dir, "none", "x.db"), dangling, empty} {
		_, err := db.Open(t.Context(), "sqlite:"+path, db.Options{MustExist: true})
		require.ErrorIs(t, err, db.ErrNoStore, path)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing was made")

	s, err := db.Open(t.Context(), "sqlite:"+dangling, db.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	assert.Equal(t, fs.FileMode(0o600), mode(t, filepath.Join(dir, "none.db")))

	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	_, err = db.Open(t.Context(), "sqlite:"+filepath.Join(dir, "folder"), db.Options{})
	require.Error(t, err)
	assert.Equal(t, fs.FileMode(0o755), mode(t, filepath.Join(dir, "folder")))
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err, path)
	return info.Mode().Perm()
}
