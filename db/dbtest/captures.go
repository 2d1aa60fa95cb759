package dbtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

var capturePromises = subject{"captures", []promise{
	{"one of a connection, until its end", testCapture},
	{"a token knows until when", testCaptureOfToken},
}}

func (w *Tenant) capture(at time.Time) (c membership.Capture, err error) {
	err = w.Store.Read(w.Ctx, w.ID, func(r membership.Reader) error {
		c, err = r.Capture(w.Ctx, w.Connection, at)
		return err
	})
	return c, err
}

func (w *Tenant) putCapture() membership.Capture {
	at := Now()
	c := membership.Capture{
		Tenant: w.ID, Connection: w.Connection, ID: membership.NewID(), OpenedBy: "user:x", OpenedAt: at,
		EndsAt: at.Add(time.Hour),
	}
	w.Update(func(tx membership.Tx) error { return tx.PutCapture(w.Ctx, c) })
	return c
}

func testCapture(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	first, second := w.putCapture(), w.putCapture()
	got, err := w.capture(Now())
	require.NoError(t, err)
	assert.Equal(t, second, got, "the last one")
	for _, none := range []func() error{
		func() error { _, err := w.capture(second.EndsAt); return err },
		func() error { _, err := other.capture(Now()); return err },
		func() error { return w.deleteCapture(first.ID, Now()) },
		func() error { return w.deleteCapture(second.ID, second.EndsAt) },
	} {
		assert.Equal(t, membership.KindNotFound, membership.KindOf(none()))
	}
	require.NoError(t, w.deleteCapture(second.ID, Now()))
	_, err = w.capture(Now())
	assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
}

func (w *Tenant) deleteCapture(id membership.ID, at time.Time) error {
	return w.Store.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
		return tx.DeleteCapture(w.Ctx, w.Connection, id, at)
	})
}

func testCaptureOfToken(t *testing.T, s Store) {
	w := NewTenant(t, s)
	tok, _ := auth.Mint(auth.Token{
		Tenant: w.ID, Connection: w.Connection, Kind: auth.KindSCIM, Name: "x", CreatedAt: Now(),
		Scopes: []string{auth.ScopeSCIM},
	})
	require.NoError(t, s.UpdateCredentials(w.Ctx, w.ID, func(tx auth.Tx) error { return tx.InsertToken(w.Ctx, tok) }))
	got, err := s.Token(w.Ctx, w.ID, tok.ID)
	require.NoError(t, err)
	assert.Zero(t, got.CaptureUntil)
	c := w.putCapture()
	got, err = s.Token(w.Ctx, w.ID, tok.ID)
	require.NoError(t, err)
	assert.Equal(t, c.EndsAt, got.CaptureUntil)
}
