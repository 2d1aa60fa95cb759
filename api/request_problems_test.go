package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// refusedAt is a request of a connection that was refused for a reason.
func refusedAt(connection membership.ID, operation, scimType, why string) membership.Request {
	return membership.Request{
		Connection: connection, Status: 400, Operation: operation,
		RequestAnswer: membership.RequestAnswer{Outcome: membership.RequestRefused, ScimType: scimType, Why: why},
	}
}

// Errors of one way are one problem, with the remedy for the connection's provider;
// another tenant's are none.
func TestProblems(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.do(http.MethodPost, "/v1/connections", `{"name":"Entra","idp":"entra"}`).is(http.StatusCreated)
		connection, err := membership.ParseID(c["id"].(string))
		require.NoError(t, err)
		unknown := refusedAt(connection, "PATCH /Groups/{id}", "invalidValue", "unknown_members: no such user for "+
			"this connection: …")
		h.keep(h.other.TenantID, unknown)
		h.keep(h.mine.TenantID, unknown)
		h.keep(h.mine.TenantID, refusedAt(connection, "POST /Users", "uniqueness", "uniqueness: userName is taken"))
		unknown.Count = 2
		last := h.keep(h.mine.TenantID, unknown)
		h.keep(h.mine.TenantID, membership.Request{
			Connection: connection, Status: 200, Operation: "POST /Bulk",
			RequestAnswer: membership.RequestAnswer{Outcome: membership.RequestRefused,
				Operations: []membership.RequestOperation{
					{Method: "POST", Path: "/Users", Status: 409, ScimType: "uniqueness",
						Outcome: membership.RequestRefused,
						Why:     "uniqueness: userName is taken"},
					{Method: "POST", Path: "/Users", Status: 201, Outcome: membership.RequestChanged},
				}},
		})

		list := h.do(http.MethodGet, "/v1/requests/problems?connection_id="+connection.String(), "").is(http.StatusOK)
		assert.Equal(t, true, list["complete"])
		problems := map[string]map[string]any{}
		for _, p := range list["data"].([]any) {
			problems[p.(map[string]any)["operation"].(string)] = p.(map[string]any)
		}
		require.Len(t, problems, 2)
		patch := problems["PATCH /Groups/{id}"]
		assert.InDelta(t, 3, patch["count"], 0)
		assert.Equal(t, last.String(), patch["last_request_id"])
		assert.NotEmpty(t, patch["remedy"])
		assert.Contains(t, patch["at_provider"], "Entra")
		assert.InDelta(t, 2, problems["POST /Users"]["count"], 0, "the operation of the Bulk is one of them")
		h.do(http.MethodGet, "/v1/requests/problems?connection_id=x", "").fails(http.StatusBadRequest, codeInvalidInput)
		later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		assert.Empty(t, h.do(http.MethodGet, "/v1/requests/problems?from="+later, "").is(http.StatusOK)["data"])
	})
}

// Requests and events of a user or a group come in one line of time.
func TestExplain(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		user := h.do(http.MethodPost, "/v1/users",
			`{"user_name":"x","email":"x@example.com","name":"X"}`).is(http.StatusCreated)
		group := h.do(http.MethodPost, "/v1/groups", `{"display_name":"g"}`).is(http.StatusCreated)
		h.do(http.MethodPost, "/v1/groups/"+group["id"].(string)+"/members", `{"user_id":"`+user["id"].(string)+`"}`).
			is(http.StatusCreated)
		id, err := membership.ParseID(user["id"].(string))
		require.NoError(t, err)
		asked := refusedAt(membership.NewID(), "PATCH /Groups/{id}", "", "why")
		asked.Users = []membership.ID{id}
		h.keep(h.other.TenantID, asked)
		kept := h.keep(h.mine.TenantID, asked)

		x := h.do(http.MethodGet, "/v1/users/"+id.String()+"/explain", "").is(http.StatusOK)
		assert.Equal(t, user["id"], x["user"].(map[string]any)["id"])
		assert.Equal(t, group["id"], x["groups"].([]any)[0].(map[string]any)["id"])
		var requests, actions []any
		for _, m := range x["data"].([]any) {
			if r, ok := m.(map[string]any)["request"].(map[string]any); ok {
				requests = append(requests, r["id"])
			} else {
				actions = append(actions, m.(map[string]any)["event"].(map[string]any)["action"])
			}
		}
		assert.Equal(t, []any{kept.String()}, requests)
		assert.Equal(t, []any{"grant.opened", "user.created"}, actions, "the newest first")
		x = h.do(http.MethodGet, "/v1/groups/"+group["id"].(string)+"/explain", "").is(http.StatusOK)
		assert.Equal(t, "g", x["group"].(map[string]any)["display_name"])
		assert.Len(t, x["data"], 2)
		h.do(http.MethodGet, "/v1/users/"+membership.NewID().String()+"/explain", "").fails(http.StatusNotFound,
			codeNotFound)
	})
}

// The health of a connection follows what was heard of it.
func TestConnectionHealth(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.do(http.MethodPost, "/v1/connections", `{"name":"Entra","idp":"entra"}`).is(http.StatusCreated)
		connection, err := membership.ParseID(c["id"].(string))
		require.NoError(t, err)
		health := func() map[string]any {
			t.Helper()
			list := h.do(http.MethodGet, "/v1/connections", "").is(http.StatusOK)["data"].([]any)
			one := h.do(http.MethodGet, "/v1/connections/"+connection.String(), "").is(http.StatusOK)["health"]
			for _, x := range list {
				if x.(map[string]any)["id"] == connection.String() {
					assert.Equal(t, one, x.(map[string]any)["health"])
				}
			}
			return one.(map[string]any)
		}
		assert.Equal(t, map[string]any{"state": "waiting", "requests_today": 0.0, "errors_today": 0.0}, health())
		h.keep(h.mine.TenantID, membership.Request{
			Connection: connection, Status: 201,
			RequestAnswer: membership.RequestAnswer{Outcome: membership.RequestChanged},
		})
		now := health()
		assert.Equal(t, "active", now["state"])
		assert.NotEmpty(t, now["last_change_at"])
		time.Sleep(2 * time.Millisecond)
		refused := refusedAt(connection, "POST /Users", "uniqueness", "uniqueness: userName is taken")
		refused.Count = 4
		h.keep(h.mine.TenantID, refused)
		h.keep(h.other.TenantID, refused)
		now = health()
		assert.Equal(t, "failing", now["state"])
		assert.Equal(t, "uniqueness: userName is taken", now["last_error"])
		assert.InDelta(t, 5, now["requests_today"], 0)
		assert.InDelta(t, 4, now["errors_today"], 0)
		h.do(http.MethodPatch, "/v1/connections/"+connection.String(), `{"paused":true}`).is(http.StatusOK)
		assert.Equal(t, "paused", health()["state"])
	})
}
