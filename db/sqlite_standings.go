package db

import (
	"context"
	"time"
)

// standings are links as a transaction knows them that several requests share:
// they raise the version of the same one again and again, and nothing but they
// changes it meanwhile.
type standings map[memberLine]standing

type standing struct {
	version  int64
	modified time.Time
	raised   bool // and yet to be written
}

const qRaiseVersion = `update group_links set version = $4, last_modified = $5
	where tenant_id = $1 and connection_id = $2 and group_id = $3`

// write writes what was raised, and forgets all.
func (v standings) write(ctx context.Context, q querier) error {
	for l, to := range v {
		s := session{querier: q, tenant: l.tenant}
		if to.raised {
			if err := s.changed(ctx, "group", qRaiseVersion, l.tenant, l.connection, l.group, to.version, stamp(to.modified)); err != nil {
				return err
			}
		}
		delete(v, l)
	}
	return nil
}
