package dbtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// Tenant is a tenant with a connection and, linked to it, a group and twenty
// users. The first of them is a member.
type Tenant struct {
	T                     testing.TB
	Ctx                   context.Context //nolint:containedctx // of a test
	Store                 Store
	ID, Connection, Group membership.ID
	Users                 []membership.ID
}

// Now is the time as a store keeps it.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// NewTenant makes one.
func NewTenant(t testing.TB, s Store) *Tenant {
	t.Helper()
	w := &Tenant{
		T: t, Ctx: context.Background(), Store: s,
		ID: membership.NewID(), Connection: membership.NewID(), Group: membership.NewID(),
	}
	w.Update(func(tx membership.Tx) error {
		at := Now()
		err := errors.Join(
			tx.InsertTenant(w.Ctx, membership.Tenant{ID: w.ID, Name: "t", CreatedAt: at}),
			tx.InsertConnection(w.Ctx, membership.Connection{
				Tenant: w.ID, ID: w.Connection, Name: "c", IDP: "okta", GroupKind: membership.GroupCustom,
				CursorKey: []byte("k"), CreatedAt: at,
			}),
			tx.InsertGroup(w.Ctx, membership.Group{
				Tenant: w.ID, ID: w.Group, DisplayName: "g", Kind: membership.GroupCustom, Origin: "scim",
				CreatedAt: at, UpdatedAt: at,
			}),
			tx.InsertGroupLink(w.Ctx, membership.GroupLink{
				Tenant: w.ID, Connection: w.Connection, Group: w.Group, DisplayName: "g",
				Attributes: []byte(`{}`), Version: 1, CreatedAt: at, LastModified: at,
			}))
		w.Users = nil // it may be another try
		for i := range 20 {
			err = errors.Join(err, w.InsertUser(tx, fmt.Sprintf("u%d", i), at))
		}
		return errors.Join(err, ChangeMembers(w.Ctx, tx, w.Change(w.Users[:1], nil)))
	})
	return w
}

// InsertUser adds a user with a link.
func (w *Tenant) InsertUser(tx membership.Tx, name string, at time.Time) error {
	u := membership.User{
		Tenant: w.ID, ID: membership.NewID(), UserName: name, Origin: "scim", Active: true, CreatedAt: at,
		UpdatedAt: at,
	}
	w.Users = append(w.Users, u.ID)
	return errors.Join(tx.InsertUser(w.Ctx, u), tx.InsertUserLink(w.Ctx, membership.UserLink{
		Tenant: w.ID, Connection: w.Connection, User: u.ID, UserName: name, Name: name, Active: true,
		Attributes: []byte(`{}`), Version: 1, CreatedAt: at, LastModified: at,
	}))
}

// Update runs a transaction that must succeed.
func (w *Tenant) Update(fn func(membership.Tx) error) {
	w.T.Helper()
	require.NoError(w.T, w.Store.Update(w.Ctx, w.ID, fn))
}

// Read runs one that reads.
func (w *Tenant) Read(fn func(membership.Reader) error) {
	w.T.Helper()
	require.NoError(w.T, w.Store.Read(w.Ctx, w.ID, fn))
}

// Change is a change of the group's members by the connection.
func (w *Tenant) Change(open, closed []membership.ID) membership.MemberChange {
	return membership.MemberChange{
		Call: membership.Call{
			Tenant: w.ID, Connection: w.Connection, RequestID: "r",
			Actor: membership.Actor{Kind: membership.ActorConnection, ID: w.Connection.String()},
		},
		At: Now(), Group: w.Group, Connection: w.Connection, Open: open, Close: closed,
	}
}

// Local is a judged change of one local member.
func (w *Tenant) Local(u membership.ID, add bool, judge func(membership.MemberState) error) membership.MemberChange {
	c := membership.MemberChange{
		Call: membership.Call{Tenant: w.ID, RequestID: "r",
			Actor: membership.Actor{Kind: membership.ActorUser, ID: "u"}},
		At: Now(), Group: w.Group, Judge: judge,
	}
	if add {
		c.Open = []membership.ID{u}
	} else {
		c.Close = []membership.ID{u}
	}
	return c
}

// Passes is a judge that refuses nothing.
func Passes(membership.MemberState) error { return nil }

// ChangeMembers is Tx.ChangeMembers without its result.
func ChangeMembers(ctx context.Context, tx membership.Tx, c membership.MemberChange) error {
	_, err := tx.ChangeMembers(ctx, c)
	return err
}

// Members are those that the connection put into the group.
func (w *Tenant) Members() (ids []membership.ID) {
	w.T.Helper()
	w.Read(func(r membership.Reader) error {
		ids = nil
		for id, err := range r.MemberIDs(w.Ctx, w.Connection, w.Group) {
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	return ids
}

// Link is that of the connection to the group.
func (w *Tenant) Link() (l membership.GroupLink) {
	w.T.Helper()
	w.Read(func(r membership.Reader) (err error) {
		l, err = r.GroupLink(w.Ctx, w.Connection, w.Group)
		return err
	})
	return l
}

// Events are those of the group, numbered now.
func (w *Tenant) Events() []membership.Event {
	w.T.Helper()
	return Events(w.T, w.Store, w.ID, membership.EventFilter{Group: w.Group})
}

// Number numbers until no event is pending, in batches so small that several who
// do it for one tenant get in each other's way.
func (w *Tenant) Number() { w.NumberBy(3) }

// NumberBy is Number with batches of a size.
func (w *Tenant) NumberBy(batch int) {
	for {
		more := false
		if !assert.NoError(w.T, w.Store.Update(w.Ctx, w.ID, func(tx membership.Tx) (err error) {
			more, err = tx.NumberEvents(w.Ctx, batch)
			return err
		})) || !more {
			return
		}
	}
}

// Numbered are the events with greater numbers than after.
func (w *Tenant) Numbered(after int64) (es []membership.Event) {
	assert.NoError(w.T, w.Store.Read(w.Ctx, w.ID, func(r membership.Reader) (err error) {
		f := membership.EventFilter{Cursor: membership.EventCursor{Number: after}, Limit: 1 << 20}
		es, err = r.NumberedEvents(w.Ctx, f)
		return err
	}))
	return es
}

// AllowAll is a policy.
type AllowAll struct{}

// Allow implements membership.Policy.
func (AllowAll) Allow(context.Context, membership.Question) error { return nil }
