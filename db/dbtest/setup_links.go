package dbtest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

var setupLinkPromises = subject{"set-up links", []promise{
	{"a link is as it was written", testSetupLinkIsAsWritten},
	{"a session has its link and its connection, and ends", testSetupSession},
	{"the oldest sessions of a link end", testOldSetupSessions},
	{"links that ended are forgotten but for the newest", testForgetSetupLinks},
	{"the open links of a connection are revoked", testRevokeSetupLinksOf},
}}

func (w *Tenant) updateSetupLinks(fn func(auth.SetupTx) error) {
	w.T.Helper()
	require.NoError(w.T, w.Store.UpdateSetupLinks(w.Ctx, w.ID, fn))
}

// setupLink adds one.
func (w *Tenant) setupLink(change func(*auth.SetupLink)) auth.SetupLink {
	w.T.Helper()
	l := auth.SetupLink{
		Tenant: w.ID, ID: membership.NewID(), Connection: w.Connection,
		Abilities: []auth.Ability{auth.AbilityRequests, auth.AbilityToken}, Hash: []byte("hash"),
		CreatedBy: "user:x", CreatedAt: Now(), ExpiresAt: Now().Add(time.Hour),
	}
	if change != nil {
		change(&l)
	}
	w.updateSetupLinks(func(tx auth.SetupTx) error { return tx.InsertSetupLink(w.Ctx, l) })
	return l
}

func (w *Tenant) setupLinks(connection membership.ID) []auth.SetupLink {
	w.T.Helper()
	ls, err := w.Store.SetupLinks(w.Ctx, w.ID, connection)
	require.NoError(w.T, err)
	return ls
}

func testSetupLinkIsAsWritten(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	l := w.setupLink(nil)
	got, err := s.SetupLink(w.Ctx, w.ID, l.ID)
	require.NoError(t, err)
	assert.Equal(t, l, got)
	_, err = s.SetupLink(w.Ctx, other.ID, l.ID)
	assert.Equal(t, membership.KindNotFound, membership.KindOf(err))

	at := Now()
	l.LastUsedAt, l.DoneAt, l.RevokedAt = at, at.Add(time.Second), at.Add(time.Minute)
	l.Token, l.Client, l.Made = membership.NewID(), membership.NewID(), 7
	w.updateSetupLinks(func(tx auth.SetupTx) error {
		locked, err := tx.LockSetupLink(w.Ctx, l.ID)
		require.NoError(t, err)
		assert.Equal(t, got, locked)
		return tx.UpdateSetupLink(w.Ctx, l)
	})
	none := w.setupLink(func(l *auth.SetupLink) { l.Abilities = nil })
	assert.Equal(t, []auth.SetupLink{l, none}, w.setupLinks(membership.ID{}))
	assert.Equal(t, []auth.SetupLink{l, none}, w.setupLinks(w.Connection))
	assert.Empty(t, w.setupLinks(membership.NewID()))
	assert.Empty(t, other.setupLinks(membership.ID{}))
	err = s.UpdateSetupLinks(w.Ctx, other.ID, func(tx auth.SetupTx) error { return tx.UpdateSetupLink(w.Ctx, l) })
	assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
}

// setupSession adds a session of a link.
func (w *Tenant) setupSession(l auth.SetupLink, keep int) auth.SetupSession {
	w.T.Helper()
	n := auth.SetupSession{
		ID: membership.NewID(), Hash: []byte("h"), CreatedAt: Now(), ExpiresAt: Now().Add(time.Hour), Link: l,
	}
	w.updateSetupLinks(func(tx auth.SetupTx) error { return tx.InsertSetupSession(w.Ctx, n, keep) })
	return n
}

// sessionIsThere reports whether a session can still be read.
func (w *Tenant) sessionIsThere(id membership.ID) bool {
	w.T.Helper()
	_, err := w.Store.SetupSession(w.Ctx, w.ID, id)
	if err != nil {
		require.Equal(w.T, membership.KindNotFound, membership.KindOf(err))
	}
	return err == nil
}

func testSetupSession(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	l := w.setupLink(nil)
	n := w.setupSession(l, 5)
	got, err := s.SetupSession(w.Ctx, w.ID, n.ID)
	require.NoError(t, err)
	w.Read(func(r membership.Reader) (err error) {
		n.Connection, err = r.Connection(w.Ctx, w.Connection)
		return err
	})
	assert.Equal(t, n, got)
	_, err = s.SetupSession(w.Ctx, other.ID, n.ID)
	assert.Equal(t, membership.KindNotFound, membership.KindOf(err))

	second := w.setupSession(l, 5)
	w.updateSetupLinks(func(tx auth.SetupTx) error { return tx.EndSetupSession(w.Ctx, n.ID) })
	assert.False(t, w.sessionIsThere(n.ID))
	assert.True(t, w.sessionIsThere(second.ID))
	w.updateSetupLinks(func(tx auth.SetupTx) error { return tx.EndSetupSessions(w.Ctx, l.ID) })
	assert.False(t, w.sessionIsThere(second.ID))
}

func testOldSetupSessions(t *testing.T, s Store) {
	w := NewTenant(t, s)
	l, beside := w.setupLink(nil), w.setupLink(nil)
	untouched := w.setupSession(beside, 2)
	var all []auth.SetupSession
	for range 4 {
		all = append(all, w.setupSession(l, 2))
	}
	var there []bool
	for _, n := range all {
		there = append(there, w.sessionIsThere(n.ID))
	}
	assert.Equal(t, []bool{false, false, true, true}, there)
	assert.True(t, w.sessionIsThere(untouched.ID))
}

func testForgetSetupLinks(t *testing.T, s Store) {
	w := NewTenant(t, s)
	at := Now()
	var kept []auth.SetupLink
	for i, end := range []func(*auth.SetupLink){
		func(l *auth.SetupLink) { l.DoneAt = at }, func(l *auth.SetupLink) { l.RevokedAt = at },
		nil, func(l *auth.SetupLink) { l.ExpiresAt = at }, func(l *auth.SetupLink) { l.DoneAt = at }, nil,
	} {
		l := w.setupLink(end)
		w.setupSession(l, 5)
		if i >= 2 {
			kept = append(kept, l)
		}
	}
	w.updateSetupLinks(func(tx auth.SetupTx) error {
		open, err := tx.LockSetupLinks(w.Ctx, at, 2)
		assert.Equal(t, 2, open)
		return err
	})
	assert.Equal(t, kept, w.setupLinks(membership.ID{}))
}

func testRevokeSetupLinksOf(t *testing.T, s Store) {
	w := NewTenant(t, s)
	at := Now()
	done := w.setupLink(func(l *auth.SetupLink) { l.DoneAt = at })
	open := []auth.SetupLink{w.setupLink(nil), w.setupLink(nil)}
	session := w.setupSession(open[1], 5)
	second := membership.NewID()
	w.Update(func(tx membership.Tx) error {
		return tx.InsertConnection(w.Ctx, membership.Connection{
			Tenant: w.ID, ID: second, Name: "d", IDP: "okta", GroupKind: membership.GroupCustom,
			CursorKey: []byte("k"), CreatedAt: at,
		})
	})
	other := w.setupLink(func(l *auth.SetupLink) { l.Connection = second })
	n, err := s.CredentialsOf(w.Ctx, w.ID, w.Connection, at)
	require.NoError(t, err)
	assert.Equal(t, 2, n, "open links count")
	revoke := func() (ids []membership.ID) {
		w.updateSetupLinks(func(tx auth.SetupTx) (err error) {
			ids, err = tx.RevokeSetupLinksOf(w.Ctx, w.Connection, at)
			return err
		})
		return ids
	}
	assert.Equal(t, []membership.ID{open[0].ID, open[1].ID}, revoke())
	assert.Empty(t, revoke())
	assert.False(t, w.sessionIsThere(session.ID))
	open[0].RevokedAt, open[1].RevokedAt = at, at
	all := slices.Concat([]auth.SetupLink{done}, open, []auth.SetupLink{other})
	assert.Equal(t, all, w.setupLinks(membership.ID{}))
}
