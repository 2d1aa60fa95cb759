package auth

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// tokens is the reading half of a Store.
type tokens struct {
	byID    map[membership.ID]Token
	err     error
	queries int
}

func (*tokens) UpdateCredentials(context.Context, membership.ID, func(Tx) error) error {
	return errors.New("these tokens cannot be changed")
}

func (s *tokens) Token(_ context.Context, tenant, id membership.ID) (Token, error) {
	s.queries++
	if s.err != nil {
		return Token{}, s.err
	}
	t, ok := s.byID[id]
	if !ok || t.Tenant != tenant {
		return Token{}, membership.NotFound("token")
	}
	return t, nil
}

func TestVerify(t *testing.T) {
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	tenant, conn := membership.NewID(), membership.NewID()
	store := &tokens{byID: map[membership.ID]Token{}}
	keep := func(tok Token) (Token, string) {
		tok.Tenant = tenant
		tok, text := Mint(tok)
		store.byID[tok.ID] = tok
		return tok, text
	}
	apiToken, api := keep(Token{Kind: KindAPI, Permissions: []string{"GROUPS:READ"}})
	scimToken, scim := keep(Token{Kind: KindSCIM, Connection: conn, Scopes: []string{ScopeSCIM}})
	lastingToken, lasting := keep(Token{Kind: KindSCIM, Connection: conn, Scopes: []string{ScopeSCIM},
		ExpiresAt: now.Add(time.Microsecond)})
	_, expired := keep(Token{Kind: KindAPI, ExpiresAt: now})
	_, revoked := keep(Token{Kind: KindAPI, RevokedAt: now.Add(-time.Hour)})
	_, unknown := Mint(Token{Tenant: tenant})
	_, wrongSecret := Mint(Token{Tenant: tenant, ID: apiToken.ID})
	_, otherTenant := Mint(Token{Tenant: membership.NewID(), ID: apiToken.ID})

	v := NewVerifier(store, clock)

	t.Run("a token of a connection", func(t *testing.T) {
		for header, id := range map[string]membership.ID{
			"Bearer " + scim: scimToken.ID, "bearer " + scim: scimToken.ID, "BEARER  " + scim: scimToken.ID,
			"Bearer " + lasting: lastingToken.ID,
		} {
			p, err := v.Verify(t.Context(), header)
			require.NoError(t, err)
			assert.Equal(t, Principal{
				Tenant: tenant, Kind: KindSCIM, Connection: conn, Permissions: []string{ScopeSCIM},
				Actor:      membership.Actor{Kind: membership.ActorConnection, ID: conn.String()},
				Credential: membership.Credential{Kind: membership.CredentialToken, ID: id},
			}, p)
		}
	})
	t.Run("a native token", func(t *testing.T) {
		p, err := v.Verify(t.Context(), "Bearer "+api)
		require.NoError(t, err)
		assert.Equal(t, Principal{
			Tenant: tenant, Kind: KindAPI, Permissions: []string{"GROUPS:READ"},
			Actor:      membership.Actor{Kind: membership.ActorUser, ID: apiToken.ID.String()},
			Credential: membership.Credential{Kind: membership.CredentialToken, ID: apiToken.ID},
			Holder:     "token:" + apiToken.ID.String(),
		}, p)
	})
	t.Run("what opens nothing", func(t *testing.T) {
		for name, c := range map[string]struct {
			header string
			want   error
		}{
			"no header":         {"", errNoBearer},
			"scheme only":       {"Bearer", errNoBearer},
			"blank token":       {"Bearer   ", errNoBearer},
			"other scheme":      {"Basic " + api, errNoBearer},
			"token only":        {api, errNoBearer},
			"garbage":           {"Bearer garbage", errNoToken},
			"two tokens":        {"Bearer " + api + " " + api, errNoToken},
			"tab":               {"Bearer\t" + api, errNoBearer},
			"unknown":           {"Bearer " + unknown, errNotOpened},
			"wrong secret":      {"Bearer " + wrongSecret, errNotOpened},
			"of no such tenant": {"Bearer " + otherTenant, errNotOpened},
			"revoked":           {"Bearer " + revoked, errNotOpened},
			"expired":           {"Bearer " + expired, errNotOpened},
		} {
			t.Run(name, func(t *testing.T) {
				p, err := v.Verify(t.Context(), c.header)
				require.ErrorIs(t, err, ErrUnauthenticated)
				assert.Equal(t, c.want, err)
				assert.Zero(t, p)
			})
		}
	})
	t.Run("one query at most", func(t *testing.T) {
		store.queries = 0
		_, _ = v.Verify(t.Context(), "Bearer garbage")
		assert.Zero(t, store.queries)
		v := NewVerifier(store, clock)
		for range 3 {
			_, err := v.Verify(t.Context(), "Bearer "+api)
			require.NoError(t, err)
		}
		assert.Equal(t, 1, store.queries)
	})
	t.Run("a store that cannot answer is no bad credential", func(t *testing.T) {
		store.err = &membership.Error{Kind: membership.KindUnavailable, Message: "later", Err: errors.New("down")}
		_, err := NewVerifier(store, clock).Verify(t.Context(), "Bearer "+api)
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrUnauthenticated)
		assert.Equal(t, membership.KindUnavailable, membership.KindOf(err))
	})
}
