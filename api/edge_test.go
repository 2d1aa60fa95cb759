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

// broken is a store whose reads fail as a test wants them to.
type broken struct {
	membership.Store
	membership.Reader
	view    func() error                        // fails at once
	members iter.Seq2[membership.Member, error] // or fails in a list
	next    func() (membership.Member, error, bool)
}

func (s broken) Read(_ context.Context, _ membership.ID, fn func(membership.Reader) error) error {
	if s.view != nil {
		return s.view()
	}
	return fn(s)
}

func (broken) Group(context.Context, membership.ID) (membership.Group, error) {
	return membership.Group{}, nil
}

// Members gives the members as they are asked for, part after part.
func (s broken) Members(
	_ context.Context, _ membership.ID, q membership.MemberQuery,
) iter.Seq2[membership.Member, error] {
	return func(yield func(membership.Member, error) bool) {
		for range q.Limit {
			m, err, ok := s.next()
			if !ok || !yield(m, err) {
				return
			}
		}
	}
}

// somebody is a verifier that lets everyone in as one principal.
type somebody struct {
	principal auth.Principal
	err       error
}

func (v somebody) Verify(context.Context, string, membership.ID) (auth.Principal, error) {
	return v.principal, v.err
}

// serve starts the door over a broken store and asks for the members of a group.
func serve(t *testing.T, s broken, verifyError error) (*http.Response, *observer.ObservedLogs) {
	t.Helper()
	if s.members != nil {
		var stop func()
		s.next, stop = iter.Pull2(s.members)
		t.Cleanup(stop)
	}
	tenant := membership.NewID()
	core, logs := observer.New(zap.DebugLevel)
	d := membership.NewDirectory(s, auth.Policy{}, membership.Options{})
	v := somebody{auth.Principal{
		Tenant: tenant, Kind: auth.KindAPI, Permissions: []string{"*"},
		Actor: membership.Actor{Kind: membership.ActorUser, ID: "u"},
	}, verifyError}
	server := httptest.NewUnstartedServer(New(Services{Directory: d, Verifier: v}, Config{Logger: zap.New(core)}))
	server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	server.Start()
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		server.URL+"/v1/groups/"+membership.NewID().String()+"/members?membership_source=local", nil)
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
		store  broken
		verify error
		status int
		code   string
		logged string
	}{
		"unavailable":          {broken{view: func() error { return down }}, nil, 503, codeUnavailable, "refused"},
		"unavailable at login": {broken{}, down, 503, codeUnavailable, "refused"},
		"unexpected":           {broken{view: func() error { return secret }}, nil, 500, codeInternal, "password"},
		"unexpected at login":  {broken{}, secret, 500, codeInternal, "password"},
		"panic":                {broken{view: func() error { panic("at the disco") }}, nil, 500, codeInternal, "disco"},
		"kind without a status": {
			broken{view: func() error { return &membership.Error{Kind: membership.KindPaused, Message: "p"} }}, nil, 500,
			codeInternal, "p",
		},
		"before the first byte": {broken{members: failingAfter(3, secret)}, nil, 500, codeInternal, "password"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, logs := serve(t, c.store, c.verify)
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
// that nobody takes a part for the whole.
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
			resp, logs := serve(t, broken{members: members}, nil)
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			body, err := io.ReadAll(resp.Body)
			require.Error(t, err, "the body has no end")
			assert.NotEmpty(t, body)
			require.Eventually(t, func() bool { return logs.Len() == 1 }, time.Second, time.Millisecond)
		})
	}
}

// A long list is sent while it is read: the first members arrive before the
// last is known.
func TestListIsStreamed(t *testing.T) {
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
	resp, _ := serve(t, broken{members: members}, nil)
	first := make([]byte, chunk/2)
	_, err := io.ReadFull(resp.Body, first)
	require.NoError(t, err)
	close(release)
	rest, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	r := reply{t: t, status: resp.StatusCode, header: resp.Header, body: append(first, rest...)}
	assert.Len(t, r.data(), few+1)
}
