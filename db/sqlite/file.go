package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/db/engine"
)

// fileMode is that of the files of a store: personal data and hashes of tokens
// are for their owner only.
const fileMode fs.FileMode = 0o600

// prepareFile makes the file of a store, unless it must be there already,
// and leaves the files to their owner alone. SQLite gives the files
// beside the store the mode that the store has, whatever the umask.
func prepareFile(path string, mustExist bool, log *zap.Logger) error {
	// A link is followed, as SQLite does: the other files are beside what it leads to.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	switch info, err := os.Stat(path); {
	case mustExist && (errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0):
		return engine.ErrNoStore
	case errors.Is(err, fs.ErrNotExist):
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
		if err != nil {
			return reason(err)
		}
		return errors.Join(f.Chmod(fileMode), f.Close()) // the umask may have taken too much
	case err != nil:
		return reason(err)
	case runtime.GOOS == "windows": // its files have no such modes
		return nil
	}
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		tighten(path+end, log)
	}
	return nil
}

// tighten is no condition for opening a store: the file may belong to another
// user, who lets this process write.
func tighten(path string, log *zap.Logger) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&^fileMode == 0 {
		return
	}
	file, had := zap.String("file", path), zap.String("mode", fmt.Sprintf("%#o", info.Mode().Perm()))
	if err := os.Chmod(path, info.Mode().Perm()&fileMode); err != nil {
		log.Warn("others can read or write a file of the store", file, had, zap.Error(err))
		return
	}
	log.Warn("others could read or write a file of the store; now only its owner can", file, had)
}

// reason is an error of a file without its path, which the caller names.
func reason(err error) error {
	if e := new(fs.PathError); errors.As(err, &e) {
		return e.Err
	}
	return err
}
