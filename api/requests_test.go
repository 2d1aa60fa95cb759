package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/scimbridge/scimbridge/membership"
)

// Every filter of the contract selects what it says, for the tenant of the caller
// alone.
func TestRequests(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		user, group, connection := membership.NewID(), membership.NewID(), membership.NewID()
		refused := membership.Request{
			RequestID: "its-own", Connection: connection, Status: 400, Operation: "PATCH /Groups/{id}",
			Body: `{"op":"add"}`,
			Hint: "scimbridge_…abcd", Count: 3, UserNames: []membership.RequestName{*nameOf("uann@example.com")},
			ExternalIDs: []membership.RequestName{*nameOf("x77")},
			RequestAnswer: membership.RequestAnswer{
				Outcome: membership.RequestRefused, ScimType: "invalidValue", Why: "why", Ignored: []string{"nick"},
				Users: []membership.ID{user}, Groups: []membership.ID{group},
				Operations: []membership.RequestOperation{{Method: "POST", Path: "/Users", Status: 201,
					Outcome: "changed"}},
			},
		}
		h.keep(h.other.TenantID, refused)
		id := h.keep(h.mine.TenantID, refused).String()
		h.keep(h.mine.TenantID, membership.Request{Status: 200})

		for _, filter := range []string{
			"connection_id=" + connection.String(), "outcome=refused", "status=400", "scim_type=invalidValue",
			"operation=PATCH%20/Groups/%7Bid%7D", "user_id=" + user.String(), "user_name=ann@example.com",
			"external_id=77",
			"group_id=" + group.String(), "request_id=its-own", "outcome=refused&status=400&user_id=" + user.String(),
		} {
			list := h.do(http.MethodGet, "/v1/requests?"+filter, "").is(http.StatusOK)
			data := list["data"].([]any)
			if assert.Len(t, data, 1, filter) {
				one := data[0].(map[string]any)
				assert.Equal(t, id, one["id"], filter)
				assert.Equal(t, "why", one["why"])
				assert.NotContains(t, one, "body", "only where one is asked for")
			}
			assert.InDelta(t, 3, list["dropped"], 0)
		}
		page := h.do(http.MethodGet, "/v1/requests?limit=1", "").is(http.StatusOK)
		next := h.do(http.MethodGet, "/v1/requests?limit=1&cursor="+page["next_cursor"].(string), "").is(http.StatusOK)
		assert.Equal(t, id, next["data"].([]any)[0].(map[string]any)["id"])
		assert.NotContains(t, next, "next_cursor")

		one := h.do(http.MethodGet, "/v1/requests/"+id, "").is(http.StatusOK)
		assert.Equal(t, `{"op":"add"}`, one["body"])
		assert.Len(t, one["operations"], 1)
		assert.InDelta(t, 3, one["count"], 0)
		for _, bad := range []string{"outcome=gone", "status=1", "status=x", "cursor=x", "user_id=x", "nothing=x"} {
			h.do(http.MethodGet, "/v1/requests?"+bad, "").fails(http.StatusBadRequest, codeInvalidInput)
		}
	})
}

// Events whose numbers are not known are counted, in a request and in an operation.
func TestEventsWithoutNumbers(t *testing.T) {
	r := membership.Request{Numbers: []int64{7}}
	r.Events = []membership.ID{membership.NewID(), membership.NewID(), membership.NewID()}
	r.Operations = []membership.RequestOperation{{Events: r.Events[:1]}, {Events: r.Events[:1], Numbers: r.Numbers}}
	text := string(AppendRequest(nil, r, true))
	assert.Contains(t, text, `"events":[7],"more_events":2,`)
	assert.Contains(t, text, `"events":[],"more_events":1}`)
	assert.Contains(t, text, `"events":[7]}`)
}
