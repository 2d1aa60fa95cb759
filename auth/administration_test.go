package auth_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// desk is a tenant whose tokens are administered, on a clock that stands
// still unless it is moved.
type desk struct {
	*auth.Tokens
	t        *testing.T
	store    *db.Store
	now      time.Time
	tenant   auth.Bootstrapped
	call     membership.Call // an administrator with every permission
	verifier *auth.Verifier
	refusals *membership.Refusals
}

func eachDesk(t *testing.T, test func(t *testing.T, o *desk)) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) { test(t, newDesk(t, store)) })
}

func newDesk(t *testing.T, store *db.Store) *desk {
	t.Helper()
	o := &desk{t: t, store: store, now: time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)}
	var err error
	o.tenant, err = auth.Bootstrap(t.Context(), store, o.clock, auth.BootstrapSpec{TenantName: "Acme"})
	require.NoError(t, err)
	o.call = o.calling(auth.AllPermissions)
	o.verifier = auth.NewVerifier(store, o.clock)
	o.refusals = membership.NewRefusals(store, o.clock)
	o.verifier.Refuse(o.refusals)
	o.Tokens = auth.NewTokens(store,
		membership.NewDirectory(store, auth.Policy{}, membership.Options{Clock: o.clock, Refusals: o.refusals}),
		o.clock, o.verifier.Forget)
	return o
}

func (o *desk) clock() time.Time { return o.now }

func (o *desk) calling(permissions ...string) membership.Call {
	return membership.Call{
		Tenant: o.tenant.TenantID, Actor: membership.Actor{Kind: membership.ActorUser, ID: "admin"},
		Permissions: permissions, RequestID: "request-1",
	}
}

func (o *desk) create(s auth.TokenSpec) (auth.Token, string) {
	o.t.Helper()
	s.Name = "token"
	token, text, err := o.Create(o.t.Context(), o.call, s)
	require.NoError(o.t, err)
	return token, text
}

// opens says whether a token opens anything at a verifier.
func opens(t *testing.T, v *auth.Verifier, text string) bool {
	t.Helper()
	_, err := v.Verify(t.Context(), "Bearer "+text)
	if err != nil {
		require.ErrorIs(t, err, auth.ErrUnauthenticated)
	}
	return err == nil
}

func (o *desk) during(do func()) (es []membership.Event) {
	require.NoError(o.t, o.refusals.Flush(o.t.Context())) // what is refused next is refused for the first time
	before := len(events(o.t, o.store, o.tenant.TenantID))
	do()
	return events(o.t, o.store, o.tenant.TenantID)[before:]
}

func TestRevocationTakesEffect(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		token, text := o.create(auth.TokenSpec{Kind: auth.KindAPI})
		replica := auth.NewVerifier(o.store, o.clock)
		require.True(t, opens(t, o.verifier, text))
		require.True(t, opens(t, replica, text))

		require.NoError(t, o.Revoke(t.Context(), o.call, token.ID))
		assert.False(t, opens(t, o.verifier, text), "at once where it was revoked")
		o.now = o.now.Add(5*time.Second - time.Nanosecond)
		assert.False(t, opens(t, replica, text), "while nobody watches for changes")
		assert.Equal(t, membership.KindNotFound, membership.KindOf(o.Revoke(t.Context(), o.call, token.ID)))
	})
}

func TestRotation(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		ctx := t.Context()
		network := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
		old, oldText := o.create(auth.TokenSpec{
			Kind: auth.KindSCIM, Connection: o.tenant.ConnectionID, Scopes: []string{auth.ScopeSCIMRead},
			Networks: network, ExpiresAt: o.now.AddDate(1, 0, 0),
		})
		o.now = o.now.AddDate(0, 6, 0)

		var next auth.Token
		es := o.during(func() {
			var err error
			next, _, err = o.Rotate(ctx, o.call, old.ID, 48*time.Hour)
			require.NoError(t, err)
		})
		assert.NotEqual(t, old.ID, next.ID)
		assert.Equal(t, old.Scopes, next.Scopes)
		assert.Equal(t, network, next.Networks)
		assert.Equal(t, old.Connection, next.Connection)
		assert.Equal(t, o.now.Add(old.ExpiresAt.Sub(old.CreatedAt)), next.ExpiresAt,
			"as long a life as the old one had")
		require.Len(t, es, 1)
		assert.Equal(t, membership.ActionTokenRotated, es[0].Action)
		assert.Contains(t, string(es[0].After), `"replaces":"`+old.ID.String()+`"`)
		assert.Contains(t, string(es[0].Before), old.ID.String())

		kept, err := o.Token(ctx, o.call, old.ID)
		require.NoError(t, err)
		assert.Equal(t, next.ID, kept.ReplacedBy)
		assert.Equal(t, o.now.Add(48*time.Hour), kept.ExpiresAt)
		assert.False(t, opensFrom(t, o.verifier, oldText, "bad address"), "the network still counts")
		assert.True(t, opensFrom(t, o.verifier, oldText, "192.0.2.1:7"))
		o.now = o.now.Add(48 * time.Hour)
		assert.False(t, opensFrom(t, o.verifier, oldText, "192.0.2.1:7"), "the overlap is over")

		_, _, err = o.Rotate(ctx, o.call, old.ID, 0)
		assert.Equal(t, membership.KindInvalid, membership.KindOf(err), "it was rotated before")
		assert.Contains(t, err.Error(), next.ID.String())
	})
}

func TestRotationAtOnce(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		old, oldText := o.create(auth.TokenSpec{Kind: auth.KindAPI, Permissions: []string{"USERS:READ"}})
		require.True(t, opens(t, o.verifier, oldText))
		next, text, err := o.Rotate(t.Context(), o.call, old.ID, 0)
		require.NoError(t, err)
		assert.True(t, opens(t, o.verifier, text))
		assert.False(t, opens(t, o.verifier, oldText))
		assert.Zero(t, next.ExpiresAt)
		assert.Equal(t, old.Permissions, next.Permissions)
		_, err = o.Token(t.Context(), o.call, old.ID)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err))

		for _, overlap := range []time.Duration{-1, auth.MaxOverlap + 1} {
			_, _, err := o.Rotate(t.Context(), o.call, next.ID, overlap)
			assert.Equal(t, membership.KindInvalid, membership.KindOf(err), overlap)
		}
		assert.True(t, opens(t, o.verifier, text))
	})
}

// The overlap never makes the old token live longer.
func TestRotationKeepsAnEarlierEnd(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		end := o.now.Add(time.Hour)
		old, _ := o.create(auth.TokenSpec{Kind: auth.KindAPI, ExpiresAt: end})
		_, _, err := o.Rotate(t.Context(), o.call, old.ID, auth.MaxOverlap)
		require.NoError(t, err)
		kept, err := o.Token(t.Context(), o.call, old.ID)
		require.NoError(t, err)
		assert.Equal(t, end, kept.ExpiresAt)
	})
}

// Of two who rotate a token at once, one succeeds.
func TestRotationIsOnce(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		old, _ := o.create(auth.TokenSpec{Kind: auth.KindAPI})
		errs := make(chan error, 4)
		for range cap(errs) {
			go func() {
				_, _, err := o.Rotate(context.Background(), o.call, old.ID, time.Hour)
				errs <- err
			}()
		}
		done := 0
		for range cap(errs) {
			if err := <-errs; err == nil {
				done++
			} else {
				assert.Equal(t, membership.KindInvalid, membership.KindOf(err), err)
			}
		}
		assert.Equal(t, 1, done)
	})
}

// An administrator of tokens gives no one, themselves included, what they do
// not have.
func TestNoTokenCanDoMoreThanItsMaker(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		ctx, connection := t.Context(), o.tenant.ConnectionID
		api := func(permissions ...string) auth.TokenSpec {
			return auth.TokenSpec{Kind: auth.KindAPI, Name: "x", Permissions: permissions}
		}
		scim := func(scopes ...string) auth.TokenSpec {
			return auth.TokenSpec{Kind: auth.KindSCIM, Name: "x", Connection: connection, Scopes: scopes}
		}
		const admin = "TENANT:ADMIN"
		everything := []string{"USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE", "AUDIT:READ", admin,
			"WEBHOOKS:ADMIN", "REQUESTS:CAPTURE"}
		for name, c := range map[string]struct {
			has  []string
			spec auth.TokenSpec
			ok   bool
		}{
			"everything for everything": {[]string{"*"}, api("*"), true},
			"each, but not everything":  {everything, api("*"), false},
			"each for each":             {everything, api(everything...), true},
			"what one has":              {[]string{admin, "GROUPS:READ"}, api("GROUPS:READ", admin), true},
			"what one has not":          {[]string{admin, "GROUPS:READ"}, api("GROUPS:READ", "GROUPS:WRITE"), false},
			"nothing":                   {[]string{admin}, api(), true},
			"no administrator":          {[]string{"GROUPS:READ"}, api("GROUPS:READ"), false},
			"nobody":                    {nil, api(), false},
			"scim without users": {[]string{admin, "GROUPS:READ", "GROUPS:WRITE"},
				scim(auth.ScopeSCIM), false},
			"scim by default, readers": {[]string{admin, "GROUPS:READ", "USERS:READ"}, scim(), false},
			"scim:read for readers": {[]string{admin, "GROUPS:READ", "USERS:READ"},
				scim(auth.ScopeSCIMRead), true},
			"scim for all that it can do": {everything, scim(auth.ScopeSCIM, auth.ScopeSCIMRead), true},
			"scim by an administrator":    {[]string{admin}, scim(auth.ScopeSCIMRead), false},
		} {
			t.Run(name, func(t *testing.T) {
				call := o.calling(c.has...)
				var err error
				var text string
				//nolint:contextcheck // it is this test's
				es := o.during(func() { _, text, err = o.Create(t.Context(), call, c.spec) })
				require.Len(t, es, 1)
				if c.ok {
					require.NoError(t, err)
					assert.Equal(t, membership.ActionTokenCreated, es[0].Action)
				} else {
					assert.Equal(t, membership.KindForbidden, membership.KindOf(err))
					assert.Empty(t, text)
					assert.Equal(t, membership.ActionRefused, es[0].Action)
					assert.JSONEq(t, `{"kind":"forbidden","operation":"tenant.administer"}`, string(es[0].After))
				}

				// A rotation gives the caller a token as well.
				strong, _, err := o.Create(ctx, o.call, c.spec)
				require.NoError(t, err)
				_, text, err = o.Rotate(ctx, call, strong.ID, 0)
				assert.Equal(t, c.ok, err == nil, err)
				assert.Equal(t, c.ok, text != "")
				_, err = o.Token(ctx, o.call, strong.ID)
				assert.Equal(t, c.ok, membership.KindOf(err) == membership.KindNotFound,
					"a refused rotation ends nothing")
			})
		}
		// A connection administers nothing, whatever it carries.
		connected := o.calling("*", auth.ScopeSCIM)
		connected.Connection = connection
		_, _, err := o.Create(ctx, connected, api())
		assert.Equal(t, membership.KindForbidden, membership.KindOf(err))
	})
}

func TestEveryUseCaseAsksThePolicy(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		token, _ := o.create(auth.TokenSpec{Kind: auth.KindAPI})
		ctx, call := t.Context(), o.calling("USERS:WRITE")
		for name, do := range map[string]func() error{
			"token":  func() error { _, err := o.Token(ctx, call, token.ID); return err },
			"list":   func() error { _, err := o.List(ctx, call, membership.ID{}, 1); return err },
			"rotate": func() error { _, _, err := o.Rotate(ctx, call, token.ID, 0); return err },
			"revoke": func() error { return o.Revoke(ctx, call, token.ID) },
		} {
			es := o.during(func() { assert.Equal(t, membership.KindForbidden, membership.KindOf(do()), name) })
			require.Len(t, es, 1, name)
			assert.Equal(t, membership.ActionRefused, es[0].Action)
		}
	})
}

func TestListOfTokens(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		ctx := t.Context()
		first, _ := o.create(auth.TokenSpec{Kind: auth.KindAPI})
		expiring, text := o.create(auth.TokenSpec{Kind: auth.KindAPI, ExpiresAt: o.now.Add(time.Second)})
		o.now = o.now.Add(time.Minute)
		ts, err := o.List(ctx, o.call, membership.ID{}, 100)
		require.NoError(t, err)
		require.Len(t, ts, 4, "two of bootstrap's; expired ones too")
		assert.Equal(t, expiring, ts[3])
		assert.NotContains(t, text, string(ts[3].Hash))

		ts, err = o.List(ctx, o.call, ts[1].ID, 1)
		require.NoError(t, err)
		require.Len(t, ts, 1)
		assert.Equal(t, first.ID, ts[0].ID)
		require.NoError(t, o.Revoke(ctx, o.call, expiring.ID))
		ts, err = o.List(ctx, o.call, first.ID, 100)
		require.NoError(t, err)
		assert.Empty(t, ts, "revoked ones are gone")

		// Another tenant's do not exist.
		other, err := auth.Bootstrap(ctx, o.store, o.clock, auth.BootstrapSpec{TenantName: "Other"})
		require.NoError(t, err)
		theirs := o.call
		theirs.Tenant = other.TenantID
		for _, err := range []error{
			o.Revoke(ctx, theirs, first.ID), second(o.Token(ctx, theirs, first.ID)),
			third(o.Rotate(ctx, theirs, first.ID, 0)),
			third(o.Create(ctx, theirs,
				auth.TokenSpec{Kind: auth.KindSCIM, Name: "x", Connection: o.tenant.ConnectionID})),
		} {
			assert.Equal(t, membership.KindNotFound, membership.KindOf(err), err)
		}
	})
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

// No error, event or row has a secret in it.
func TestSecretsAreNowhere(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		token, text := o.create(auth.TokenSpec{Kind: auth.KindAPI})
		_, next, err := o.Rotate(t.Context(), o.call, token.ID, time.Hour)
		require.NoError(t, err)
		for _, text := range []string{text, next} {
			secret := text[strings.LastIndexByte(text, '_')+1:]
			for _, e := range events(t, o.store, o.tenant.TenantID) {
				assert.NotContains(t, string(e.Before)+string(e.After), secret)
			}
		}
	})
}
