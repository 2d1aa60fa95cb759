package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// raisedVersions are versions of links that were raised in a transaction and are
// yet to be written: requests that share it raise the same one again and again.
type raisedVersions map[raisedLink]raisedTo

type raisedLink struct{ tenant, connection, group membership.ID }

type raisedTo struct {
	version  int64
	modified time.Time
}

// current puts what was raised over what was read.
func (v raisedVersions) current(l raisedLink, r *membership.MemberResult) {
	if to, ok := v[l]; ok {
		r.Version, r.LastModified = to.version, to.modified
	}
}

// write writes them all, and forgets them.
func (v raisedVersions) write(ctx context.Context, q querier) error {
	for l, to := range v {
		s := session{querier: q, tenant: l.tenant}
		if err := s.changed(ctx, "group", qRaiseVersion, l.tenant, l.connection, l.group, to.version, stamp(to.modified)); err != nil {
			return err
		}
		delete(v, l)
	}
	return nil
}
