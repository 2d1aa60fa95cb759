package api

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// later sends a request that waits, and returns the answer once it is there.
func (h *house) later(path string, changes ...with) <-chan reply {
	answer := make(chan reply, 1)
	go func() { answer <- h.do(http.MethodGet, path, "", changes...) }()
	return answer
}

func after(follow string) string { return "&cursor=" + url.QueryEscape(follow) }

// The answer is held until there is something after the cursor that is asked for.
func TestEventsAreWaitedFor(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, follow := h.follow("limit=1000", "")
		r := h.do(http.MethodGet, "/v1/audit/events?wait=60", "")
		assert.NotEmpty(t, r.data(), "at once: there is something")

		all := h.later("/v1/audit/events?wait=60" + after(follow))
		groups := h.later("/v1/audit/events?wait=60&action=group.created" + after(follow))
		theirs := h.later("/v1/audit/events?wait=1&user_id="+membership.NewID().String(), as(h.other))
		time.Sleep(100 * time.Millisecond) // most of the time they wait by then; the test holds without it
		user := h.user("ada")
		got := (<-all).data()
		require.Len(t, got, 1)
		assert.Equal(t, "user.created", got[0]["action"])
		assert.Equal(t, user, got[0]["user_id"])
		select {
		case r := <-groups:
			t.Fatalf("an event that it did not ask for ended the waiting: %s", r.body)
		default:
		}
		group := h.group("Finance")
		got = (<-groups).data()
		require.Len(t, got, 1)
		assert.Equal(t, group, got[0]["group_id"])
		assert.Empty(t, (<-theirs).data(), "events of another tenant are no reason")
	})
}

// When the time is over the answer is an empty page, from which the next goes on.
func TestWaitingEnds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, follow := h.follow("limit=1000", "")
		r := h.do(http.MethodGet, "/v1/audit/events?wait=1"+after(follow), "")
		assert.Empty(t, r.data())
		assert.Equal(t, follow, r.is(http.StatusOK)["follow_cursor"])
		h.user("ada")
		got, _ := h.follow("wait=1", follow)
		assert.Len(t, got, 1)

		for _, query := range []string{"wait=61", "wait=-1", "wait=x", "wait=1&to=2100-01-01T00:00:00Z"} {
			h.do(http.MethodGet, "/v1/audit/events?"+query, "").fails(http.StatusBadRequest, codeInvalidInput)
		}
	})
}

// A credential that ends while its request waits gets nothing of what happens then.
func TestWaitingEndsWithTheCredential(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, follow := h.follow("limit=1000", "")
		id, token := h.token("AUDIT:READ")
		answer := h.later("/v1/audit/events?wait=60&action=user.created"+after(follow), bearer(token))
		time.Sleep(300 * time.Millisecond)
		h.do(http.MethodDelete, "/v1/tokens/"+id.String(), "").is(http.StatusNoContent)
		h.user("ada")
		r := <-answer
		r.fails(http.StatusUnauthorized, codeUnauthenticated)
		assert.NotContains(t, string(r.body), "user.created")
	})
}

// A client that goes away leaves nothing behind.
func TestWaitingEndsWithTheClient(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, follow := h.follow("limit=1000", "")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		url := h.server.URL + "/v1/audit/events?wait=60" + after(follow)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		require.NoError(t, err)
		as(h.mine)(req)
		_, err = http.DefaultClient.Do(req) //nolint:bodyclose // there is no answer
		require.ErrorIs(t, err, context.DeadlineExceeded)
		h.server.Close() // it waits for the handlers
	})
}
