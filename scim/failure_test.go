package scim_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/scim"
)

// breaking is a store whose member lists break off after so many members.
type breaking struct {
	membership.Lookups
	store membership.Store
	after int
}

func (s breaking) Read(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) error {
	return s.store.Read(ctx, tenant, func(r membership.Reader) error { return fn(breakingReader{r, s.after}) })
}

func (s breaking) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) error {
	return s.store.Update(ctx, tenant, fn)
}

func (s breaking) WriteMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	return s.store.WriteMembers(ctx, c)
}

func (s breaking) UpdateHolding(
	ctx context.Context, tenant membership.ID, n membership.HeldName,
	fn func(membership.Tx, membership.NameHolders) error,
) error {
	return s.store.UpdateHolding(ctx, tenant, n, fn)
}

func (s breaking) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

func (s breaking) Scrub(ctx context.Context) error { return s.store.Scrub(ctx) }

type breakingReader struct {
	membership.Reader
	after int
}

func (r breakingReader) MemberIDs(context.Context, membership.ID, membership.ID) iter.Seq2[membership.ID, error] {
	return func(yield func(membership.ID, error) bool) {
		for range r.after {
			if !yield(membership.NewID(), nil) {
				return
			}
		}
		yield(membership.ID{}, errors.New("secret: the disk is gone"))
	}
}

// TestBrokenStream: an answer that cannot be finished is never taken for whole.
func TestBrokenStream(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) {
		tenant, err := auth.Bootstrap(t.Context(), store, time.Now, auth.BootstrapSpec{TenantName: "test"})
		require.NoError(t, err)
		for _, tt := range []struct {
			after   int
			started bool
		}{{10, false}, {5000, true}} {
			server := httptest.NewServer(scim.New(
				membership.NewDirectory(breaking{store, store, tt.after}, auth.Policy{}, membership.Options{}),
				auth.NewVerifier(store, time.Now), scim.Config{PublicURL: "http://x"}))
			b := &bench{t: t, base: server.URL + "/scim/v2", token: tenant.SCIMToken}
			g := ""
			if tt.started {
				all := b.do("GET", "/Groups?attributes=id", "").want(200).json()["Resources"].([]any)
				g = "/" + all[0].(map[string]any)["id"].(string)
			} else {
				b.do("POST", "/Groups", `{"displayName":"g"}`).wantError(500, "")
			}
			r, err := http.NewRequestWithContext(t.Context(), "GET", b.base+"/Groups"+g, nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+b.token)
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if tt.started {
				require.Equal(t, 200, answer.StatusCode)
				require.Error(t, err, "cut off")
			} else {
				require.NoError(t, err)
				require.Equal(t, 500, answer.StatusCode)
				require.NotContains(t, string(body), "secret")
			}
			server.Close()
		}
	})
}

type verifierFunc func() (auth.Principal, error)

func (f verifierFunc) Verify(context.Context, string) (auth.Principal, error) { return f() }

// TestFailures: what goes wrong inside has an answer that tells nothing of it.
func TestFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		verify verifierFunc
		status int
		retry  bool
	}{
		"panic":       {func() (auth.Principal, error) { panic("secret") }, 500, false},
		"unknown":     {func() (auth.Principal, error) { return auth.Principal{}, errors.New("secret") }, 500, false},
		"unavailable": {func() (auth.Principal, error) { return auth.Principal{}, unavailable() }, 503, true},
		"paused": {func() (auth.Principal, error) {
			return auth.Principal{}, &membership.Error{Kind: membership.KindPaused, Message: "paused"}
		}, 503, true},
		"limited": {func() (auth.Principal, error) {
			return auth.Principal{}, &membership.Error{
				Kind: membership.KindRateLimited, Message: "slow down", RetryAfter: time.Second + time.Nanosecond,
			}
		}, 429, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(scim.New(nil, tt.verify, scim.Config{PublicURL: "http://x"}))
			defer server.Close()
			b := &bench{t: t, base: server.URL + "/scim/v2", token: "x"}
			r := b.do("GET", "/Users", "").wantError(tt.status, "")
			require.NotContains(t, string(r.body), "secret")
			require.Equal(t, tt.retry, r.header.Get("Retry-After") != "")
			if tt.status == 429 {
				require.Equal(t, "2", r.header.Get("Retry-After"), "whole seconds, rounded up")
			}
		})
	}
}

func unavailable() error {
	return &membership.Error{Kind: membership.KindUnavailable, Message: "try again", Err: errors.New("secret")}
}

// TestTwiceTheSameMail: an address may stand under two types.
func TestTwiceTheSameMail(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		m := b.do("POST", "/Users", `{"userName":"u","emails":[{"value":"a@x.example","type":"work"},`+
			`{"value":"A@x.example","type":"home"},{"value":"a@x.example","type":"other"}]}`).want(201).json()
		require.Len(t, m["emails"], 3)
		require.Equal(t, 1, b.total("/Users", `emails.value eq "a@x.example"`))
	})
}
