package sqlite

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"

	"go.uber.org/zap"
	zombiezen "zombiezen.com/go/sqlite"

	"github.com/scimbridge/scimbridge/db/engine"
)

// file is where a store is, and how it is opened.
type file struct {
	path   string
	isCopy bool // that no program uses: it is read, and nothing is written, not even locks
	isNew  bool // a copy that is being made: it has no log
}

func (f file) open() (*zombiezen.Conn, error) {
	if !f.isCopy {
		return zombiezen.OpenConn(f.path, zombiezen.OpenReadWrite, zombiezen.OpenCreate)
	}
	uri := "file:" + (&url.URL{Path: f.path}).EscapedPath() + "?mode=ro&immutable=1"
	return zombiezen.OpenConn(uri, zombiezen.OpenReadOnly, zombiezen.OpenURI)
}

// The header of a file begins with a magic text, and says in this byte whether what
// was written last may stand in a log beside it (2) or not (1).
const (
	magic       = "SQLite format 3\x00"
	formatAt    = 18
	formatOfLog = 2
)

// checkCopy refuses what is no copy of a store, or only a part of one.
func (f file) checkCopy(log *zap.Logger) error {
	opened, err := os.Open(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return engine.ErrNoStore
	case err != nil:
		return reason(err)
	}
	defer func() { _ = opened.Close() }()
	header := make([]byte, formatAt+1)
	if _, err := io.ReadFull(opened, header); err != nil || string(header[:len(magic)]) != magic {
		return errNoDatabase
	}
	for _, end := range []string{"-wal", "-journal"} {
		if info, err := os.Stat(f.path + end); err == nil && info.Size() > 0 {
			return engine.ErrInUse
		}
	}
	if header[formatAt] == formatOfLog {
		log.Warn("the file was copied from a store in use, not made by scimbridge backup: "+
			"what was written last may be missing", zap.String("file", f.path))
	}
	return nil
}

var errNoDatabase = errors.New("the file is no SQLite database")
