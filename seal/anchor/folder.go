package anchor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/scimbridge/scimbridge/seal"
)

// Folder keeps checkpoints as files, named by their size, in a folder of each log.
// What it has written it never changes.
type Folder struct {
	dir string
	// own: no other program writes into it, and only the last checkpoint is kept.
	own  bool
	mu   sync.Mutex
	last map[string]seal.Checkpoint // by origin, of an own folder
}

// NewFolder makes an anchor that keeps every checkpoint. The folder must be there. It
// can lie on storage that only takes new files, and several servers can share it.
func NewFolder(dir string) (*Folder, error) { return newFolder(dir, false) }

// NewState makes the memory of one server: the last checkpoint of each log.
func NewState(dir string) (*Folder, error) { return newFolder(dir, true) }

func newFolder(dir string, own bool) (*Folder, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder", dir)
	}
	return &Folder{dir: dir, own: own, last: map[string]seal.Checkpoint{}}, nil
}

// Name is that of the anchor in metrics.
func (*Folder) Name() string { return "folder" }

// Remembers is true.
func (*Folder) Remembers() bool { return true }

const checkpointSuffix = ".checkpoint"

func (f *Folder) of(origin string) string { return filepath.Join(f.dir, url.PathEscape(origin)) }

// Last is the largest checkpoint that the folder has of a log; ok says whether there
// is one. Its signature is not verified.
func (f *Folder) Last(origin string) (c seal.Checkpoint, ok bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read(origin)
}

func (f *Folder) read(origin string) (c seal.Checkpoint, ok bool, err error) {
	if c, ok := f.last[origin]; ok {
		return c, true, nil
	}
	files, err := os.ReadDir(f.of(origin)) // by name, which is the size with zeros in front
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	for i := len(files) - 1; i >= 0 && err == nil; i-- {
		name := files[i].Name()
		if !strings.HasSuffix(name, checkpointSuffix) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(f.of(origin), name))
		if err != nil {
			return c, false, err
		}
		if c, err = seal.UnverifiedCheckpoint(text); err != nil || c.Origin != origin {
			continue // half written when the machine stopped
		}
		if f.own {
			f.last[origin] = c
		}
		return c, true, nil
	}
	return c, false, err
}

// Publish writes the file, durably.
func (f *Folder) Publish(_ context.Context, s Sealed) (Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, ok, err := f.read(s.Origin)
	if err != nil {
		return Receipt{}, err
	}
	if ok {
		switch continues, err := s.continues(last); {
		case err != nil:
			return Receipt{}, err
		case !continues:
			return Receipt{}, &Conflict{Anchor: f.Name(), Origin: s.Origin, Seen: last.Size, Size: s.Size}
		case last.Size == s.Size:
			return Receipt{}, nil
		}
	}
	if err := f.write(s); err != nil {
		return Receipt{}, err
	}
	if !f.own {
		return Receipt{}, nil
	}
	f.last[s.Origin] = s.Checkpoint
	if !ok {
		return Receipt{}, nil
	}
	err = os.Remove(f.file(last)) // that of the new one is durable
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // servers that share a key share what is beside it
	}
	return Receipt{}, err
}

// Origins are those of a tenant's logs that the folder has checkpoints of.
func (f *Folder) Origins(tenant string) (origins []string, err error) {
	dirs, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	for _, d := range dirs {
		origin, err := url.PathUnescape(d.Name())
		if err == nil && (seal.Checkpoint{Origin: origin}).Tenant() == tenant {
			origins = append(origins, origin)
		}
	}
	return origins, nil
}

// file is where a checkpoint is.
func (f *Folder) file(c seal.Checkpoint) string {
	return filepath.Join(f.of(c.Origin), fmt.Sprintf("%019d%s", c.Size, checkpointSuffix))
}

func (f *Folder) write(s Sealed) error {
	dir := f.of(s.Origin)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// A file that is there is half a one, or was read as the last: it stays.
	out, err := os.OpenFile(f.file(s.Checkpoint), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o400)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s holds half a checkpoint of size %d", dir, s.Size)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(s.Note)
	return errors.Join(err, out.Sync(), out.Close(), syncDir(dir))
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
