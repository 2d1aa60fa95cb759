package api

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// follow reads pages until there is no next one, and returns the last one's
// follow_cursor.
func (h *house) follow(query, cursor string) (all []map[string]any, follow string) {
	h.t.Helper()
	for {
		path := "/v1/audit/events?" + query
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		r := h.do(http.MethodGet, path, "")
		all = append(all, r.data()...)
		page := r.is(http.StatusOK)
		follow = page["follow_cursor"].(string)
		next, more := page["next_cursor"].(string)
		if !more {
			return all, follow
		}
		cursor = next
	}
}

func TestEventsTellWhatHappened(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		tokenID, token := h.token(auth.AllPermissions)
		scim, local := h.provisionUser("grace"), h.user("ada")
		group := h.provisionGroup("Synced", scim)
		h.do(http.MethodPost, "/v1/groups/"+group+"/members", `{"user_id":"`+local+`","reason":"INC-4711"}`,
			bearer(token)).
			is(http.StatusCreated)
		connection := h.mine.ConnectionID.String()

		all, _ := h.follow("limit=2", "")
		for i, e := range all {
			assert.InDelta(t, i+1, e["number"], 0, "without gaps")
		}
		last := all[len(all)-1]
		assertFields(t, last, "id", "number", "at", "actor", "actor_name", "credential", "source", "action", "group_id",
			"group_name",
			"user_id", "user_name", "membership_source", "members", "request_id", "reason", "disclosed")
		assert.Equal(t, "grant.opened", last["action"])
		assert.Equal(t, map[string]any{"kind": "user", "id": tokenID.String()}, last["actor"])
		assert.Equal(t, "local", last["membership_source"])
		require.Len(t, last["members"], 1)
		member := last["members"].([]any)[0].(map[string]any)
		assertFields(t, member, "user_id", "grant_id", "still_member")
		assert.Equal(t, last["user_id"], member["user_id"])
		assert.Equal(t, false, member["still_member"])
		assert.Equal(t, "INC-4711", last["reason"])

		at := url.QueryEscape(last["at"].(string))
		for query, want := range map[string]func(e map[string]any) bool{
			"user_id=" + local: func(e map[string]any) bool { return e["user_id"] == local },
			"group_id=" + group: func(e map[string]any) bool {
				return e["group_id"] == group
			},
			"group_id=" + group + "&user_id=" + scim: func(e map[string]any) bool {
				return e["group_id"] == group && e["user_id"] == scim
			},
			"connection_id=" + connection: func(e map[string]any) bool {
				return e["connection_id"] == connection
			},
			"actor=user:" + tokenID.String(): func(e map[string]any) bool {
				return e["actor"].(map[string]any)["id"] == tokenID.String()
			},
			"actor=agent:" + tokenID.String(): func(map[string]any) bool { return false },
			"action=grant.opened": func(e map[string]any) bool {
				return e["action"] == "grant.opened"
			},
			"action=grant.closed":                  func(map[string]any) bool { return false },
			"user_id=" + h.other.TenantID.String(): func(map[string]any) bool { return false },
			"from=" + at: func(e map[string]any) bool {
				return e["at"].(string) >= last["at"].(string)
			},
			"to=" + at: func(e map[string]any) bool {
				return e["at"].(string) < last["at"].(string)
			},
			"from=" + at + "&to=" + at: func(map[string]any) bool { return false },
			"to=" + at + "&user_id=" + scim: func(e map[string]any) bool {
				return e["at"].(string) < last["at"].(string) && e["user_id"] == scim
			},
			"from=2026-01-01T00:00:00%2B14:00&limit=1":    func(map[string]any) bool { return true },
			"from=9000-01-01T00:00:00Z":                   func(map[string]any) bool { return false },
			"to=0001-01-01T00:00:01Z&action=grant.opened": func(map[string]any) bool { return false },
		} {
			var numbers []any
			for _, e := range all {
				if want(e) {
					numbers = append(numbers, e["number"])
				}
			}
			for _, limit := range []string{"&limit=1", "&limit=3", ""} {
				if len(query) > 8 && query[len(query)-7:] == "limit=1" {
					limit = ""
				}
				got, _ := h.follow(query+limit, "")
				var seen []any
				for _, e := range got {
					seen = append(seen, e["number"])
				}
				assert.Equal(t, numbers, seen, query+limit)
			}
		}
		theirs := h.do(http.MethodGet, "/v1/audit/events", "", as(h.other)).data()
		for _, e := range theirs {
			assert.NotContains(t, all, e)
		}
	})
}

// An event that is dated before others that were read already is told to
// a follower, once, also in a period that was read to its end.
func TestFollowersMissNoLateEvent(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("ada")
		day := "from=" + url.QueryEscape(time.Now().Add(-time.Hour).Format(time.RFC3339))
		first, follow := h.follow("limit=3", "")
		inDay, followDay := h.follow(day+"&limit=1", "")
		require.Equal(t, first, inDay)
		again, still := h.follow("", follow)
		assert.Empty(t, again)
		assert.Equal(t, follow, still)

		late := h.operator().Event(time.Now().Add(-time.Minute), membership.ActionRefused, membership.ID{},
			membership.ID{}, nil, nil)
		require.NoError(t, h.store.Update(t.Context(), h.mine.TenantID, func(tx membership.Tx) error {
			return tx.AppendEvents(t.Context(), late)
		}))
		for query, cursor := range map[string]string{"limit=1": follow, day: followDay} {
			got, next := h.follow(query, cursor)
			require.Len(t, got, 1)
			assert.Equal(t, late.ID.String(), got[0]["id"])
			got, _ = h.follow(query, next)
			assert.Empty(t, got)
		}
	})
}

// A period's pages end with it, also when the log has gone on: what came late
// follows.
func TestAPeriodEndsWhereItEndedWhenItWasAsked(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("ada")
		h.user("bob")
		query := "from=2026-01-01T00:00:00Z&action=user.created&limit=1"
		page := h.do(http.MethodGet, "/v1/audit/events?"+query, "").is(http.StatusOK)
		h.user("cyd")
		rest, follow := h.follow(query, page["next_cursor"].(string))
		require.Len(t, rest, 1)
		late, _ := h.follow(query, follow)
		require.Len(t, late, 1)
	})
}

func TestListEventsRefusesBadInput(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("ada")
		const unknownAction = "action must be one that events have, such as grant.opened: see the contract"
		ahead := string(appendEventCursor(nil, membership.EventCursor{Number: 1 << 40}))
		for query, message := range map[string]string{
			"actor=ada":                            "actor must be kind:id, as in granted_by",
			"actor=user:":                          "actor must be kind:id, as in granted_by",
			"user_id=ada":                          "user_id must be a UUID",
			"group_id=" + membership.ID{}.String(): "group_id must be a UUID",
			"from=2026-03-14":                      "from must be a time of RFC 3339, such as 2026-08-01T12:00:00Z",
			"to=9999-12-31T23:59:59-14:00":         "to must be a time of RFC 3339, such as 2026-08-01T12:00:00Z",
			"action=grant.open":                    unknownAction,
			"action=GRANT.OPENED":                  unknownAction,
			"limit=1001":                           "limit must be a number from 1 to 1000",
			"cursor=x":                             "cursor is none that this API gave out",
			"cursor=AAAA":                          "cursor is none that this API gave out",
			"cursor=gAAA":                          "cursor is none that this API gave out",
			"cursor=____________________":          "cursor is none that this API gave out",
			"cursor=" +
				ahead: "cursor is ahead of the log: it is another tenant's, or the store was set back",
		} {
			assert.Equal(t, message, h.do(http.MethodGet, "/v1/audit/events?"+query, "").
				fails(http.StatusBadRequest, codeInvalidInput), query)
		}
	})
}
