package dbtest

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

var endedPromises = subject{"credentials that have ended", []promise{
	{"go in steps, and no others do", testEndedCredentialsGo},
}}

// client adds an OAuth client with an access token and a secret that end at a time.
func (w *Tenant) client(s Store, ends time.Time) (client, token, secret membership.ID) {
	w.T.Helper()
	client, token, secret = membership.NewID(), membership.NewID(), membership.NewID()
	require.NoError(w.T, s.UpdateClients(w.Ctx, w.ID, func(tx auth.ClientTx) error {
		require.NoError(w.T, tx.InsertClient(w.Ctx, auth.OAuthClient{
			Tenant: w.ID, ID: client, Connection: w.Connection, Method: auth.MethodSecret,
			CreatedAt: ends.Add(-time.Hour),
		}))
		require.NoError(w.T, tx.InsertClientSecret(w.Ctx, client, auth.ClientSecret{
			ID: secret, Hash: secret[:], CreatedAt: ends.Add(-time.Hour), ExpiresAt: ends,
		}))
		return tx.InsertToken(w.Ctx, auth.Token{
			Tenant: w.ID, ID: token, Kind: auth.KindSCIM, Connection: w.Connection, Client: client, Hash: token[:],
			CreatedAt: ends.Add(-time.Hour), ExpiresAt: ends,
		})
	}))
	return client, token, secret
}

func testEndedCredentialsGo(t *testing.T, s Store) {
	a, b := NewTenant(t, s), NewTenant(t, s)
	now := Now()
	long := now.Add(-auth.EndedLife)
	update := func(fn func(auth.ClientTx) error) {
		t.Helper()
		require.NoError(t, s.UpdateClients(a.Ctx, a.ID, fn))
	}
	drop := func() (steps int) {
		t.Helper()
		for more := true; more; steps++ {
			var err error
			more, err = auth.DropEnded(a.Ctx, s, a.ID, now, 2)
			require.NoError(t, err)
		}
		return steps
	}
	clientIs := func(w *Tenant, id membership.ID) bool {
		t.Helper()
		_, err := s.Client(w.Ctx, w.ID, id)
		if membership.KindOf(err) != membership.KindNotFound {
			require.NoError(t, err)
		}
		return err == nil
	}
	tokenIs := func(w *Tenant, id membership.ID) bool {
		t.Helper()
		_, err := s.Token(w.Ctx, w.ID, id)
		if membership.KindOf(err) != membership.KindNotFound {
			require.NoError(t, err)
		}
		return err == nil
	}
	secrets := func(id membership.ID) int {
		t.Helper()
		c, err := s.Client(a.Ctx, a.ID, id)
		require.NoError(t, err)
		return len(c.Secrets)
	}

	// Of a client that is used: its access token is over, its secret is not, or for
	// less than the time that it is kept for.
	used, usedToken, _ := a.client(s, now)
	rotated, _, _ := a.client(s, long)
	fresh, freshToken, _ := a.client(s, now.Add(time.Second))
	// One that was revoked long ago, and one not long enough.
	gone, _, _ := a.client(s, long)
	lately, latelyToken, _ := a.client(s, now)
	other, otherToken, _ := b.client(s, long)
	update(func(tx auth.ClientTx) error {
		require.NoError(t, tx.RevokeClient(a.Ctx, gone, long))
		require.NoError(t, tx.EndClientTokens(a.Ctx, gone))
		return tx.RevokeClient(a.Ctx, lately, long.Add(time.Second))
	})
	// A token with a name stays, whatever became of it.
	named := membership.NewID()
	update(func(tx auth.ClientTx) error {
		require.NoError(t, tx.InsertToken(a.Ctx, auth.Token{
			Tenant: a.ID, ID: named, Kind: auth.KindAPI, Name: "of long ago", Hash: named[:], CreatedAt: long,
			ExpiresAt: long,
		}))
		return tx.RevokeToken(a.Ctx, named, long)
	})
	use := func(name string, expires time.Time) (isNew bool) {
		t.Helper()
		update(func(tx auth.ClientTx) (err error) {
			hash := sha256.Sum256([]byte(name))
			isNew, err = tx.UseAssertion(a.Ctx, hash[:], now.Add(-time.Hour), expires)
			return err
		})
		return isNew
	}
	require.True(t, use("over 1", now))
	require.True(t, use("over 2", now))
	require.True(t, use("over 3", now))
	require.True(t, use("open", now.Add(time.Second)))

	over := []auth.Session{}
	for range 3 {
		over = append(over, a.session(func(n *auth.Session) { n.ExpiresAt = now }))
	}
	open := a.session(func(n *auth.Session) { n.ExpiresAt = now.Add(time.Second) })
	theirs := b.session(func(n *auth.Session) { n.ExpiresAt = now })

	assert.Equal(t, 2, drop(), "three of a kind, two in a step")
	for _, n := range over {
		assert.False(t, a.hasSession(n))
	}
	assert.True(t, a.hasSession(open))
	assert.True(t, b.hasSession(theirs))
	assert.True(t, clientIs(a, used))
	assert.False(t, tokenIs(a, usedToken))
	assert.Equal(t, 1, secrets(used))
	assert.True(t, clientIs(a, rotated))
	assert.Equal(t, 0, secrets(rotated))
	assert.True(t, tokenIs(a, freshToken))
	assert.Equal(t, 1, secrets(fresh))
	assert.False(t, clientIs(a, gone))
	assert.True(t, clientIs(a, lately))
	assert.False(t, tokenIs(a, latelyToken))
	assert.True(t, tokenIs(a, named))
	assert.True(t, clientIs(b, other))
	assert.True(t, tokenIs(b, otherToken))
	assert.False(t, use("open", now.Add(time.Second)))
	assert.True(t, use("over 1", now.Add(time.Second)))
	assert.Equal(t, 1, drop(), "nothing is left")
}
