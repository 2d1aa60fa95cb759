package dbtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

var sessionPromises = subject{"sessions", []promise{
	{"a session is as it was written", testSessionIsAsWritten},
	{"sessions end alone, by age, and the oldest of an actor first", testSessionsEnd},
	{"a session is one tenant's", testSessionOfTenant},
}}

func (w *Tenant) session(change func(*auth.Session)) auth.Session {
	w.T.Helper()
	n := auth.Session{
		Tenant: w.ID, ID: membership.NewID(), Hash: []byte("hash"), Token: membership.NewID(),
		Actor:     membership.Actor{Kind: membership.ActorUser, ID: "ann"},
		CreatedAt: Now(), ExpiresAt: Now().Add(time.Hour),
	}
	if change != nil {
		change(&n)
	}
	w.sessions(func(tx auth.SessionTx) error { return tx.InsertSession(w.Ctx, n) })
	return n
}

func (w *Tenant) sessions(fn func(auth.SessionTx) error) {
	w.T.Helper()
	require.NoError(w.T, w.Store.UpdateSessions(w.Ctx, w.ID, fn))
}

// hasSession reports whether a session is there.
func (w *Tenant) hasSession(n auth.Session) bool {
	w.T.Helper()
	_, err := w.Store.Session(w.Ctx, w.ID, n.ID)
	if membership.KindOf(err) != membership.KindNotFound {
		require.NoError(w.T, err)
	}
	return err == nil
}

func testSessionIsAsWritten(t *testing.T, s Store) {
	w := NewTenant(t, s)
	for _, n := range []auth.Session{
		w.session(nil),
		w.session(func(n *auth.Session) {
			n.Token, n.Issuer, n.IssuerAt = membership.ID{}, membership.NewID(), Now()
			n.Permissions, n.Roles = []string{"USERS:READ"}, []string{"auditor"}
		}),
	} {
		got, err := s.Session(w.Ctx, w.ID, n.ID)
		require.NoError(t, err)
		assert.Equal(t, n, got)
	}
}

func testSessionsEnd(t *testing.T, s Store) {
	w := NewTenant(t, s)
	gone := w.session(nil)
	w.sessions(func(tx auth.SessionTx) error { return tx.DeleteSession(w.Ctx, gone.ID) })
	assert.False(t, w.hasSession(gone))
	err := s.UpdateSessions(w.Ctx, w.ID, func(tx auth.SessionTx) error { return tx.DeleteSession(w.Ctx, gone.ID) })
	assert.Equal(t, membership.KindNotFound, membership.KindOf(err))

	now := Now()
	old := w.session(func(n *auth.Session) { n.ExpiresAt = now })
	first, second := w.session(nil), w.session(nil)
	other := w.session(func(n *auth.Session) { n.Actor.ID = "bob" })
	third := w.session(nil)
	w.sessions(func(tx auth.SessionTx) error {
		n, err := tx.DropSessions(w.Ctx, now, 1000)
		assert.EqualValues(t, 1, n)
		return err
	})
	assert.False(t, w.hasSession(old))
	assert.True(t, w.hasSession(first))
	w.sessions(func(tx auth.SessionTx) error { return tx.DropOldSessions(w.Ctx, first.Actor, 2) })
	for n, there := range map[*auth.Session]bool{&first: false, &second: true, &third: true, &other: true} {
		assert.Equal(t, there, w.hasSession(*n))
	}
	w.sessions(func(tx auth.SessionTx) error {
		n, err := tx.CountSessions(w.Ctx)
		assert.Equal(t, 3, n)
		return err
	})
}

func testSessionOfTenant(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	n := w.session(nil)
	_, err := s.Session(w.Ctx, other.ID, n.ID)
	assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
	err = s.UpdateSessions(w.Ctx, other.ID, func(tx auth.SessionTx) error { return tx.DeleteSession(w.Ctx, n.ID) })
	assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
	other.sessions(func(tx auth.SessionTx) error { return tx.DropOldSessions(w.Ctx, n.Actor, 0) })
	other.sessions(func(tx auth.SessionTx) error {
		n, err := tx.DropSessions(w.Ctx, Now().Add(24*time.Hour), 1000)
		assert.Zero(t, n)
		return err
	})
	assert.True(t, w.hasSession(n))
}
