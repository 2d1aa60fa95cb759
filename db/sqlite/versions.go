package sqlite

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// Versions caches the versions of links in a transaction that several requests
// share: they raise the same one again and again, and nothing else changes it
// meanwhile. It is read once, and written once. A nil Versions is that of a
// transaction that is not shared: nothing is cached.
type Versions map[engine.Link]Version

// Version is that of one link.
type Version struct {
	Number   int64
	Modified time.Time
	raised   bool // and yet to be written
}

// Get returns the version of a link, if it is known.
func (v Versions) Get(l engine.Link) (Version, bool) {
	known, ok := v[l]
	return known, ok
}

// Read caches a version as it is in the database.
func (v Versions) Read(l engine.Link, is Version) {
	if v != nil {
		v[l] = is
	}
}

// Raise makes a version that of a link: before the commit, or now if nothing is
// cached.
func (v Versions) Raise(ctx context.Context, t engine.Tx, l engine.Link, to Version) error {
	if v == nil {
		return to.write(ctx, t, l)
	}
	to.raised = true
	v[l] = to
	return nil
}

// flush writes what was raised, and forgets all.
func (v Versions) flush(ctx context.Context, t engine.Tx) error {
	for l, is := range v {
		if is.raised {
			if err := is.write(ctx, t, l); err != nil {
				return err
			}
		}
		delete(v, l)
	}
	return nil
}

const qRaiseVersion = `update group_links set version = $4, last_modified = $5
	where tenant_id = $1 and connection_id = $2 and group_id = $3`

func (v Version) write(ctx context.Context, t engine.Tx, l engine.Link) error {
	n, err := t.Exec(ctx, qRaiseVersion, l.Tenant, l.Connection, l.Group, v.Number, engine.Stamp(v.Modified))
	if err == nil && n == 0 {
		return membership.NotFound("group")
	}
	return err
}
