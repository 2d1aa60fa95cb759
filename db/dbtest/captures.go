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
	{"the last of a connection, and when one was closed", testCapture},
	{"a token knows until when", testCaptureOfToken},
}}

func (w *Tenant) capture() (c membership.Capture, err error) {
	err = w.Store.Read(w.Ctx, w.ID, func(r membership.Reader) error {
		c, err = r.Capture(w.Ctx, w.Connection)
		return err
	})
	return c, err
}

func (w *Tenant) captures() (cs []membership.Capture) {
	w.Read(func(r membership.Reader) (err error) {
		cs, err = r.Captures(w.Ctx)
		return err
	})
	return cs
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
	_, err := w.capture()
	assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
	first, second := w.putCapture(), w.putCapture()
	got, err := w.capture()
	require.NoError(t, err)
	assert.Equal(t, second, got, "the last one")
	assert.Equal(t, []membership.Capture{second}, w.captures())
	assert.Empty(t, other.captures())
	assert.Equal(t, membership.KindNotFound, membership.KindOf(w.closeCapture(first.ID, Now())))
	assert.Equal(t, membership.KindNotFound, membership.KindOf(other.closeCapture(second.ID, Now())))

	second.ClosedAt = second.OpenedAt.Add(time.Minute)
	second.EndsAt = second.ClosedAt
	require.NoError(t, w.closeCapture(second.ID, second.ClosedAt))
	got, err = w.capture()
	require.NoError(t, err)
	assert.Equal(t, second, got)
	again := w.closeCapture(second.ID, second.ClosedAt.Add(time.Minute))
	assert.Equal(t, membership.KindNotFound, membership.KindOf(again), "it is closed")

	third := w.putCapture()
	third.ClosedAt = second.ClosedAt
	assert.Equal(t, []membership.Capture{third}, w.captures(), "when the one before was closed stays known")
	third.ClosedAt = third.EndsAt.Add(time.Minute)
	require.NoError(t, w.closeCapture(third.ID, third.ClosedAt))
	assert.Equal(t, []membership.Capture{third}, w.captures(), "it had ended, and ends no later")
}

func (w *Tenant) closeCapture(id membership.ID, at time.Time) error {
	return w.Store.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
		return tx.CloseCapture(w.Ctx, w.Connection, id, at)
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
