package api

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// failingStore is a store whose reads fail as a test wants them to. It names every
// method: a new one does not compile before it is written here.
type failingStore struct {
	membership.Lookups
	store   membership.Store
	read    func() error                        // unless nil: Read fails at once
	members iter.Seq2[membership.Member, error] // unless nil: the members of every group
	next    func() (membership.Member, error, bool)
}

func (s failingStore) Read(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) error {
	if s.read != nil {
		return s.read()
	}
	return s.store.Read(ctx, tenant, func(r membership.Reader) error {
		return fn(failingReader{r, r, r, r, r, r, r, r, r, r, r, r, r, r, r, r, failingMembers{r, s.next}})
	})
}

func (s failingStore) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) error {
	return s.store.Update(ctx, tenant, fn)
}

func (s failingStore) WriteMembers(
	ctx context.Context, c membership.MemberChange,
) (membership.MemberResult, error) {
	return s.store.WriteMembers(ctx, c)
}

func (s failingStore) UpdateHolding(
	ctx context.Context, tenant membership.ID, n membership.HeldName,
	fn func(membership.Tx, membership.NameHolders) error,
) error {
	return s.store.UpdateHolding(ctx, tenant, n, fn)
}

func (s failingStore) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

func (s failingStore) Scrub(ctx context.Context) error { return s.store.Scrub(ctx) }

// failingReader has the ports of the real reader, but for that of members.
type failingReader struct {
	membership.TimeReader
	membership.TenantReader
	membership.ConnectionReader
	membership.UserReader
	membership.UserLinkReader
	membership.GroupReader
	membership.GroupLinkReader
	membership.GrantReader
	membership.RemovalReader
	membership.RegisterReader
	membership.EventReader
	membership.NameReader
	membership.OrganizationReader
	membership.OutboxReader
	membership.WebhookReader
	membership.CaptureReader
	failingMembers
}

// failingMembers names every method of the port, as failingStore does.
type failingMembers struct {
	real membership.MemberReader
	next func() (membership.Member, error, bool)
}

// Members gives the members as they are asked for, part after part.
func (r failingMembers) Members(
	_ context.Context, _ membership.ID, q membership.MemberQuery,
) iter.Seq2[membership.Member, error] {
	return func(yield func(membership.Member, error) bool) {
		for range q.Limit {
			m, err, ok := r.next()
			if !ok || !yield(m, err) {
				return
			}
		}
	}
}

func (r failingMembers) MemberIDs(
	ctx context.Context, connection, group membership.ID,
) iter.Seq2[membership.ID, error] {
	return r.real.MemberIDs(ctx, connection, group)
}

func (r failingMembers) NamedMembers(
	ctx context.Context, connection, group membership.ID,
) iter.Seq2[membership.NamedMember, error] {
	return r.real.NamedMembers(ctx, connection, group)
}

func (r failingMembers) Member(ctx context.Context, group, user membership.ID) (membership.Member, error) {
	return r.real.Member(ctx, group, user)
}

func (r failingMembers) MembersAmong(
	ctx context.Context, group membership.ID, users []membership.ID,
) ([]membership.Member, error) {
	return r.real.MembersAmong(ctx, group, users)
}

func (r failingMembers) Memberships(
	ctx context.Context, user membership.ID, q membership.MembershipQuery,
) ([]membership.Membership, error) {
	return r.real.Memberships(ctx, user, q)
}

func (r failingMembers) MembershipsOf(
	ctx context.Context, users []membership.ID,
) ([]membership.MembershipOf, error) {
	return r.real.MembershipsOf(ctx, users)
}

func (r failingMembers) UnknownMembers(
	ctx context.Context, connection membership.ID, users []membership.ID,
) ([]membership.ID, error) {
	return r.real.UnknownMembers(ctx, connection, users)
}

// fixedVerifier is a verifier that returns one principal, or one error.
type fixedVerifier struct {
	principal auth.Principal
	err       error
}

func (v fixedVerifier) Verify(context.Context, string, membership.ID) (auth.Principal, error) {
	return v.principal, v.err
}

// serve starts the door over a failing store and asks for the members of a group.
func serve(h *house, s failingStore, verifyError error) (*http.Response, *observer.ObservedLogs) {
	t := h.t
	t.Helper()
	s.store = h.store
	if s.members != nil {
		var stop func()
		s.next, stop = iter.Pull2(s.members)
		t.Cleanup(stop)
	}
	tenant, group := h.mine.TenantID, h.group("Local")
	core, logs := observer.New(zap.DebugLevel)
	d := membership.NewDirectory(s, auth.Policy{}, membership.Options{})
	v := fixedVerifier{auth.Principal{
		Tenant: tenant, Kind: auth.KindAPI, Permissions: []string{"*"},
		Actor: membership.Actor{Kind: membership.ActorUser, ID: "u"},
	}, verifyError}
	server := httptest.NewUnstartedServer(New(Services{Directory: d, Verifier: v}, Config{Logger: zap.New(core)}))
	server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	server.Start()
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		server.URL+"/v1/groups/"+group+"/members?membership_source=local", nil)
	require.NoError(t, err)
	req.Header.Set("X-Request-Id", "request-1")
	req.Header.Set("X-Tenant-ID", tenant.String())
	req.Header.Set("Authorization", "Bearer secret")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp, logs
}

func TestFailuresOfTheStore(t *testing.T) {
	down := &membership.Error{Kind: membership.KindUnavailable, Message: "the store cannot answer now",
		Err: errors.New("dial tcp: refused")}
	secret := errors.New("pq: password of user postgres")
	for name, c := range map[string]struct {
		store  failingStore
		verify error
		status int
		code   string
		logged string
	}{
		"unavailable": {failingStore{read: func() error { return down }}, nil, 503, codeUnavailable,
			"refused"},
		"unavailable at login": {failingStore{}, down, 503, codeUnavailable, "refused"},
		"unexpected": {failingStore{read: func() error { return secret }}, nil, 500, codeInternal,
			"password"},
		"unexpected at login": {failingStore{}, secret, 500, codeInternal, "password"},
		"panic": {failingStore{read: func() error { panic("at the disco") }}, nil, 500, codeInternal,
			"disco"},
		"kind without a status": {
			failingStore{read: func() error { return &membership.Error{Kind: membership.KindPaused, Message: "p"} }},
			nil, 500,
			codeInternal, "p",
		},
		"before the first byte": {failingStore{members: failingAfter(3, secret)}, nil, 500, codeInternal, "password"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				resp, logs := serve(h, c.store, c.verify)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				r := reply{t: t, status: resp.StatusCode, header: resp.Header, body: body}
				r.fails(c.status, c.code)
				assert.NotContains(t, string(body), "password")
				assert.NotContains(t, string(body), "refused")
				assert.Equal(t, map[bool]string{true: "5"}[c.status == 503], resp.Header.Get("Retry-After"))

				require.Equal(t, 1, logs.Len())
				entry := logs.All()[0]
				assert.Equal(t, "request-1", entry.ContextMap()["request_id"])
				written := entry.Message
				for _, v := range entry.ContextMap() {
					if s, ok := v.(string); ok {
						written += " " + s
					}
				}
				assert.Contains(t, written, c.logged)
				assert.NotContains(t, written, "Bearer")
				assert.NotContains(t, written, "membership_source", "queries stay out of the log")
			})
		})
	}
}

func failingAfter(n int, err error) iter.Seq2[membership.Member, error] {
	return func(yield func(membership.Member, error) bool) {
		m := benchmarkMember()
		m.User.Name = strings.Repeat("x", 500)
		for range n {
			if !yield(m, nil) {
				return
			}
		}
		yield(membership.Member{}, err)
	}
}

// Once a list has begun, its status is sent: a failure breaks the transfer, so
// that a part is not taken for the whole.
func TestFailureInTheMiddleOfAListBreaksIt(t *testing.T) {
	for name, members := range map[string]iter.Seq2[membership.Member, error]{
		"error": failingAfter(1000, errors.New("lost")),
		"panic": func(yield func(membership.Member, error) bool) {
			failingAfter(1000, nil)(func(m membership.Member, err error) bool {
				if m.JoinedAt.IsZero() {
					panic("lost")
				}
				return yield(m, err)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				resp, logs := serve(h, failingStore{members: members}, nil)
				assert.Equal(t, http.StatusOK, resp.StatusCode)
				body, err := io.ReadAll(resp.Body)
				require.Error(t, err, "the body has no end")
				assert.NotEmpty(t, body)
				require.Eventually(t, func() bool { return logs.Len() == 1 }, time.Second, time.Millisecond)
			})
		})
	}
}

// A long list is sent while it is read: the first members arrive before the
// last is known.
func TestListIsStreamed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const few = 100 // are read first
		release := make(chan struct{})
		members := func(yield func(membership.Member, error) bool) {
			m := benchmarkMember()
			m.User.Name = strings.Repeat("x", 500)
			for range few {
				if !yield(m, nil) {
					return
				}
			}
			<-release
			yield(m, nil)
		}
		resp, _ := serve(h, failingStore{members: members}, nil)
		first := make([]byte, chunk/2)
		_, err := io.ReadFull(resp.Body, first)
		require.NoError(t, err)
		close(release)
		rest, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		r := reply{t: t, status: resp.StatusCode, header: resp.Header, body: append(first, rest...)}
		assert.Len(t, r.data(), few+1)
	})
}
