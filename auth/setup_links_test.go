package auth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

// invited is a desk that gives out set-up links.
type invited struct {
	*desk
	links *auth.SetupLinks
}

func eachInvited(t *testing.T, test func(t *testing.T, o *invited)) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) {
		o := &invited{desk: newDesk(t, store)}
		o.links = o.server()
		test(t, o)
	})
}

// server are the use cases of one more server on the store.
func (o *invited) server() *auth.SetupLinks {
	d := membership.NewDirectory(o.store, auth.Policy{}, membership.Options{Clock: o.clock, Refusals: o.refusals})
	keys := auth.NewKeySets(outbound.New(nil), o.clock, zap.NewNop())
	return auth.NewSetupLinks(o.store, d, keys, o.clock, o.verifier.Forget)
}

func (o *invited) link(s auth.SetupSpec) (auth.SetupLink, string) {
	o.t.Helper()
	s.Connection = o.tenant.ConnectionID
	l, text, err := o.links.Create(o.t.Context(), o.call, s)
	require.NoError(o.t, err)
	return l, text
}

func (o *invited) open(text string) (auth.SetupSession, string) {
	o.t.Helper()
	s, cookie, err := o.links.Open(o.t.Context(), text, "request-2")
	require.NoError(o.t, err)
	return s, cookie
}

func (o *invited) refuses(text string) {
	o.t.Helper()
	_, _, err := o.links.Open(o.t.Context(), text, "")
	require.ErrorIs(o.t, err, auth.ErrUnauthenticated)
}

func (o *invited) signedOut(cookie string) {
	o.t.Helper()
	_, err := o.links.Verify(o.t.Context(), cookie)
	require.ErrorIs(o.t, err, auth.ErrUnauthenticated)
}

func TestSetupLinkIsUsed(t *testing.T) {
	eachInvited(t, func(t *testing.T, o *invited) {
		l, text := o.link(auth.SetupSpec{})
		kept, err := o.store.SetupLink(t.Context(), l.Tenant, l.ID)
		require.NoError(t, err)
		assert.Equal(t, l, kept, "the store keeps the hash and nothing of the secret")
		assert.Equal(t, o.now.Add(auth.DefaultSetupLifetime), l.ExpiresAt)

		var s auth.SetupSession
		var cookie string
		used := o.during(func() { s, cookie = o.open(" " + text + "\n") })
		require.Len(t, used, 1)
		assert.Equal(t, membership.ActionSetupLinkUsed, used[0].Action)
		assert.Equal(t, membership.Credential{Kind: membership.CredentialSetupLink, ID: l.ID}, used[0].Credential)
		assert.Equal(t, membership.Actor{Kind: membership.ActorUser, ID: l.ID.String()}, used[0].Actor)
		assert.Equal(t, "request-2", used[0].RequestID)
		assert.NotContains(t, string(used[0].After), text[strings.LastIndex(text, "_")+1:])
		again, err := o.links.Verify(t.Context(), cookie)
		require.NoError(t, err)
		assert.Equal(t, s, again)
		assert.Equal(t, o.tenant.ConnectionID, s.Connection.ID)
		assert.Equal(t, o.now, s.Link.LastUsedAt)

		// Neither is the other, and no door takes one.
		o.refuses(cookie)
		o.signedOut(text)
		assert.False(t, opens(t, o.verifier, text))
		assert.False(t, opens(t, o.verifier, cookie))
		for i := range text { // a mistyped one
			o.refuses(text[:i] + string(rune(text[i]^1)) + text[i+1:])
		}
		for _, none := range []string{"", "x", text[:len(text)-1], text + "a"} {
			o.refuses(none)
			o.signedOut(none)
		}

		require.NoError(t, o.links.SignOut(t.Context(), s))
		o.signedOut(cookie)
		s, cookie = o.open(text)
		done := o.during(func() { require.NoError(t, o.links.Done(t.Context(), s, "request-3")) })
		require.Len(t, done, 1)
		assert.Equal(t, membership.ActionSetupLinkDone, done[0].Action)
		o.refuses(text)
		o.signedOut(cookie)
		require.ErrorIs(t, o.links.Done(t.Context(), s, ""), auth.ErrUnauthenticated)
	})
}

func TestSetupLinkEnds(t *testing.T) {
	eachInvited(t, func(t *testing.T, o *invited) {
		elsewhere := o.server()
		l, text := o.link(auth.SetupSpec{Lifetime: time.Hour})
		s, cookie := o.open(text)
		assert.Equal(t, l.ExpiresAt, s.ExpiresAt, "not longer than the link")
		require.NoError(t, elsewhere.Revoke(t.Context(), o.call, membership.ID{}, l.ID))
		o.refuses(text)
		o.signedOut(cookie)
		require.ErrorIs(t, second(o.createToken(s, 0)), auth.ErrUnauthenticated)
		assert.Equal(t, membership.KindNotFound,
			membership.KindOf(elsewhere.Revoke(t.Context(), o.call, membership.ID{}, l.ID)))

		_, text = o.link(auth.SetupSpec{Lifetime: 24 * time.Hour})
		s, cookie = o.open(text)
		assert.Equal(t, o.now.Add(12*time.Hour), s.ExpiresAt)
		o.now = o.now.Add(12 * time.Hour)
		o.signedOut(cookie)
		_, cookie = o.open(text)
		o.now = o.now.Add(12 * time.Hour)
		o.refuses(text)
		o.signedOut(cookie)

		_, text = o.link(auth.SetupSpec{})
		_, cookie = o.open(text)
		connections := auth.NewConnections(o.store, membership.NewDirectory(o.store, auth.Policy{},
			membership.Options{Clock: o.clock}), o.clock, nil)
		require.NoError(t, connections.Remove(t.Context(), o.call, o.tenant.ConnectionID, membership.RemovalRelease))
		o.refuses(text)
		o.signedOut(cookie)
	})
}

func (o *invited) createToken(s auth.SetupSession, overlap time.Duration) (string, error) {
	_, text, err := o.links.CreateToken(o.t.Context(), s, "request-3", overlap)
	return text, err
}

func TestSetupLinkMakesCredentials(t *testing.T) {
	eachInvited(t, func(t *testing.T, o *invited) {
		_, text := o.link(auth.SetupSpec{})
		s, cookie := o.open(text)
		first, err := o.createToken(s, 0)
		require.NoError(t, err)
		p, err := o.verifier.Verify(t.Context(), "Bearer "+first)
		require.NoError(t, err)
		assert.Equal(t, o.tenant.ConnectionID, p.Connection)
		assert.Equal(t, []string{auth.ScopeSCIM}, p.Permissions)

		var next string
		rotated := o.during(func() { next, err = o.createToken(s, time.Hour) }) // with what it knew before
		require.NoError(t, err)
		require.Len(t, rotated, 1)
		assert.Equal(t, membership.ActionTokenRotated, rotated[0].Action)
		assert.Equal(t, membership.CredentialSetupLink, rotated[0].Credential.Kind)
		assert.True(t, opens(t, o.verifier, first))
		assert.True(t, opens(t, o.verifier, next))
		o.now = o.now.Add(time.Hour)
		assert.False(t, opens(t, o.verifier, first))
		last, err := o.createToken(s, 0)
		require.NoError(t, err)
		assert.False(t, opens(t, o.verifier, next), "without an overlap it ends")
		require.ErrorContains(t, second(o.createToken(s, -1)), "overlap_seconds")

		// An administrator has revoked it: the next is a new one.
		s, err = o.links.Verify(t.Context(), cookie)
		require.NoError(t, err)
		require.NoError(t, o.Revoke(t.Context(), o.call, s.Link.Token))
		created := o.during(func() { last, err = o.createToken(s, 0) })
		require.NoError(t, err)
		assert.Equal(t, membership.ActionTokenCreated, created[0].Action)
		assert.True(t, opens(t, o.verifier, last))

		c, secret, err := o.links.CreateSecret(t.Context(), s, "request-4")
		require.NoError(t, err)
		assert.NotEmpty(t, secret)
		again, other, err := o.links.CreateSecret(t.Context(), s, "request-4")
		require.NoError(t, err)
		assert.Equal(t, c.ID, again.ID, "one client, with one more secret")
		assert.NotEqual(t, secret, other)
		assert.Len(t, again.Secrets, 2)

		require.NoError(t, o.links.Done(t.Context(), s, ""))
		assert.True(t, opens(t, o.verifier, last), "what was made stays")
	})
}

func TestSetupLinkMayNoMore(t *testing.T) {
	eachInvited(t, func(t *testing.T, o *invited) {
		_, text := o.link(auth.SetupSpec{Abilities: []auth.Ability{}})
		s, _ := o.open(text)
		refused := o.during(func() {
			for _, err := range []error{
				second(o.createToken(s, 0)), third(o.links.CreateSecret(t.Context(), s, "")),
				second(o.links.Requests(t.Context(), s, "", membership.RequestFilter{Limit: 1})),
				second(o.links.Health(t.Context(), s, "")),
			} {
				assert.Equal(t, membership.KindForbidden, membership.KindOf(err))
			}
		})
		require.NotEmpty(t, refused)
		assert.Equal(t, membership.ActionRefused, refused[0].Action)
		// Its call opens nothing else.
		call := s.SetupCall("")
		assert.Equal(t, membership.KindForbidden, membership.KindOf(second(o.List(t.Context(), call, call.Tenant, 1))))
		assert.Equal(t, membership.KindForbidden, membership.KindOf(
			third(o.links.Create(t.Context(), call, auth.SetupSpec{Connection: o.tenant.ConnectionID}))))

		// No link gives more than its creator may.
		for permissions, ability := range map[string]auth.Ability{
			"TENANT:ADMIN USERS:READ USERS:WRITE GROUPS:READ GROUPS:WRITE": auth.AbilityRequests,
			"TENANT:ADMIN REQUESTS:READ USERS:READ GROUPS:WRITE":           auth.AbilityToken,
			"TENANT:ADMIN REQUESTS:READ GROUPS:READ GROUPS:WRITE":          auth.AbilityClient,
		} {
			call := o.calling(strings.Fields(permissions)...)
			create := func(as ...auth.Ability) error {
				return third(o.links.Create(t.Context(), call,
					auth.SetupSpec{Connection: o.tenant.ConnectionID, Abilities: as}))
			}
			assert.Equal(t, membership.KindForbidden, membership.KindOf(create(ability)), permissions)
			assert.NoError(t, create([]auth.Ability{}...), permissions)
		}
	})
}

func TestSetupLinksAreBounded(t *testing.T) {
	eachInvited(t, func(t *testing.T, o *invited) {
		l, text := o.link(auth.SetupSpec{})
		var cookies []string
		for range 6 {
			_, cookie := o.open(text)
			cookies = append(cookies, cookie)
			o.now = o.now.Add(time.Second)
		}
		o.signedOut(cookies[0])
		_, err := o.links.Verify(t.Context(), cookies[1])
		require.NoError(t, err)

		require.NoError(t, o.store.UpdateSetupLinks(t.Context(), l.Tenant, func(tx auth.SetupTx) error {
			l.Made = 50
			return tx.UpdateSetupLink(t.Context(), l)
		}))
		s, _ := o.open(text)
		require.ErrorContains(t, second(o.createToken(s, 0)), "at most 50")

		for range auth.MaxSetupLinks - 1 {
			o.link(auth.SetupSpec{Lifetime: time.Minute})
		}
		_, _, err = o.links.Create(t.Context(), o.call, auth.SetupSpec{Connection: o.tenant.ConnectionID})
		require.ErrorContains(t, err, "at most 100")
		o.now = o.now.Add(time.Minute)
		o.link(auth.SetupSpec{})
	})
}

// addressed is the context of a request from an address.
func addressed(t *testing.T, remote string) (ctx context.Context) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	r.RemoteAddr = remote
	auth.Addressed(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).
		ServeHTTP(httptest.NewRecorder(), r)
	return ctx
}

// Failed attempts count for the address, as those of tokens do; good ones for the link.
func TestSetupLinkLimits(t *testing.T) {
	eachInvited(t, func(t *testing.T, o *invited) {
		_, text := o.link(auth.SetupSpec{})
		o.links.Limit(auth.NewLimits(o.clock, 1, 1))
		ctx := addressed(t, "192.0.2.1:1")
		var err error
		for range 10 {
			_, _, err = o.links.Open(ctx, "x", "")
		}
		assert.Equal(t, membership.KindRateLimited, membership.KindOf(err))
		_, err = o.links.Verify(ctx, "x")
		assert.Equal(t, membership.KindRateLimited, membership.KindOf(err))
		for range 2 {
			_, _, err = o.links.Open(ctx, text, "")
			require.NoError(t, err)
		}
		_, _, err = o.links.Open(ctx, text, "")
		assert.Equal(t, membership.KindRateLimited, membership.KindOf(err))
	})
}

// Each opening is an event, and a holder does not fill the log with them.
func TestSetupLinkIsNotOpenedForEver(t *testing.T) {
	eachInvited(t, func(t *testing.T, o *invited) {
		_, text := o.link(auth.SetupSpec{})
		_, other := o.link(auth.SetupSpec{})
		opened := 0
		var err error
		for ; err == nil; opened++ {
			require.Less(t, opened, 100)
			_, _, err = o.links.Open(t.Context(), text, "")
		}
		require.Equal(t, membership.KindRateLimited, membership.KindOf(err))
		require.Empty(t, o.during(func() {
			_, _, err := o.links.Open(t.Context(), text, "")
			require.Error(t, err)
		}))
		o.open(other)
		o.now = o.now.Add(time.Minute)
		require.Len(t, o.during(func() { o.open(text) }), 1)
		_, _, err = o.links.Open(t.Context(), text, "")
		require.Equal(t, membership.KindRateLimited, membership.KindOf(err))
	})
}
