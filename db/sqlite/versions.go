package sqlite

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// Versions caches what changes of members read and raise of groups and links, in a
// transaction that several requests share: they raise the same again and again, and
// nothing else changes it meanwhile. It is read once, and written once. nil is that
// of a transaction that is not shared: nothing is cached.
type Versions struct {
	groups map[group]*Group
	links  map[engine.Link]*Link
}

type group struct{ tenant, id membership.ID }

// Group is what a change of members knows of its group.
type Group struct {
	No      int64
	Changed time.Time // when its members changed last; zero: never
	raised  bool      // and yet to be written
}

// Link is what a change of members knows of its link; of local members there is
// none, and all but the group is zero.
type Link struct {
	Group        *Group
	ConnectionNo int64
	Version      int64
	Modified     time.Time
	Members      int64
	raised       bool
}

func newVersions() *Versions {
	return &Versions{groups: map[group]*Group{}, links: map[engine.Link]*Link{}}
}

// Get returns what is known of a link; nil: nothing.
func (v *Versions) Get(l engine.Link) *Link {
	if v == nil {
		return nil
	}
	return v.links[l]
}

// Read caches a link as it is in the database. The group may be known better.
func (v *Versions) Read(l engine.Link, is *Link) {
	if v == nil {
		return
	}
	at := group{l.Tenant, l.Group}
	if known := v.groups[at]; known != nil {
		is.Group = known
	} else {
		v.groups[at] = is.Group
	}
	v.links[l] = is
}

// Raised says that a link and its group were changed: they are written before the
// commit, or now if nothing is cached.
func (v *Versions) Raised(ctx context.Context, t engine.Tx, l engine.Link, is *Link) error {
	is.Group.raised, is.raised = true, !l.Connection.IsZero()
	if v != nil {
		return nil
	}
	if err := is.Group.write(ctx, t, group{l.Tenant, l.Group}); err != nil {
		return err
	}
	return is.write(ctx, t, l)
}

// Write writes what was raised.
func (v *Versions) Write(ctx context.Context, t engine.Tx) error {
	if v == nil {
		return nil
	}
	for at, is := range v.groups {
		if err := is.write(ctx, t, at); err != nil {
			return err
		}
	}
	for l, is := range v.links {
		if err := is.write(ctx, t, l); err != nil {
			return err
		}
	}
	return nil
}

// flush writes what was raised, and forgets all.
func (v *Versions) flush(ctx context.Context, t engine.Tx) error {
	if err := v.Write(ctx, t); err != nil {
		return err
	}
	clear(v.groups)
	clear(v.links)
	return nil
}

const (
	qRaiseGroup = `update groups set members_changed_at = $3 where tenant_id = $1 and id = $2`
	qRaiseLink  = `update group_links set version = $4, last_modified = $5, members = $6
		where tenant_id = $1 and connection_id = $2 and group_id = $3`
)

func (g *Group) write(ctx context.Context, t engine.Tx, at group) error {
	if !g.raised {
		return nil
	}
	g.raised = false
	_, err := t.Exec(ctx, qRaiseGroup, at.tenant, at.id, engine.Micros(g.Changed))
	return err
}

func (is *Link) write(ctx context.Context, t engine.Tx, l engine.Link) error {
	if !is.raised {
		return nil
	}
	is.raised = false
	n, err := t.Exec(ctx, qRaiseLink, l.Tenant, l.Connection, l.Group, is.Version, engine.Stamp(is.Modified),
		is.Members)
	if err == nil && n == 0 {
		return membership.NotFound("group")
	}
	return err
}
