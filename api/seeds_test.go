package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// memberFields are the fields that the published examples of both member calls
// require, and those that scimbridge adds.
var memberFields = []string{"id", "email", "name", "active", "membership_source", "joined_at", "sources"}

func assertFields(t *testing.T, v map[string]any, names ...string) {
	t.Helper()
	var have []string
	for name := range v {
		have = append(have, name)
	}
	assert.ElementsMatch(t, names, have)
}

// recently reads a time of an answer and checks that it is about now.
func recently(t *testing.T, v any) time.Time {
	t.Helper()
	s, _ := v.(string)
	at, err := time.Parse("2006-01-02T15:04:05.000000Z", s)
	require.NoError(t, err, "RFC 3339, UTC, microseconds")
	assert.WithinDuration(t, time.Now(), at, time.Minute)
	return at
}

// The request is the published example of POST /v1/groups/{id}/members, whose
// ids are upper-case UUIDs.
func TestAddMemberAsPublished(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group, user := strings.ToUpper(h.group("Group")), strings.ToUpper(h.user("ada"))
		path := "/v1/groups/" + group + "/members"
		example := func(token, tenant, body string) reply {
			return h.do(http.MethodPost, path, body,
				header("Authorization", "Bearer "+token),
				header("Content-Type", "application/json"),
				header("X-Tenant-ID", strings.ToUpper(tenant)))
		}
		send := func(body string) reply { return example(h.mine.APIToken, h.mine.TenantID.String(), body) }

		m := send(`{ "user_id": "` + user + `" }`).is(http.StatusCreated)
		assertFields(t, m, memberFields...)
		assert.Equal(t, strings.ToLower(user), m["id"])
		assert.Equal(t, "ada@example.com", m["email"])
		assert.Equal(t, "ADA", m["name"])
		assert.Equal(t, true, m["active"])
		assert.Equal(t, "local", m["membership_source"])
		recently(t, m["joined_at"])

		// Every error of the example, in its order.
		send(`{ "user_id": "x" }`).fails(400, "invalid_input")
		example("x", h.mine.TenantID.String(), `{}`).fails(401, "unauthenticated")
		example(h.mine.APIToken, h.other.TenantID.String(), `{}`).fails(403, "tenant_mismatch")
		send(`{ "user_id": "2489E9AD-2EE2-8E00-8EC9-32D5F69181C0" }`).fails(404, "not_found")
		h.do(http.MethodPost, "/v1/groups/2489E9AD-2EE2-8E00-8EC9-32D5F69181C0/members", `{ "user_id": "`+user+`" }`).
			fails(404, "not_found")
		again := send(`{ "user_id": "` + user + `" }`)
		again.fails(409, "already_member")
		assertFields(t, again.is(409), "code", "message", "details")
	})
}

// The request is the published example of GET /v1/groups/{id}/members.
func TestListMembersAsPublished(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group, user := h.group("Group"), h.user("ada")
		h.member(group, user)
		path := "/v1/groups/" + strings.ToUpper(group) + "/members"
		send := func(token, tenant string) reply {
			return h.do(http.MethodGet, path, "",
				header("Authorization", "Bearer "+token), header("X-Tenant-ID", strings.ToUpper(tenant)))
		}
		r := send(h.mine.APIToken, h.mine.TenantID.String())
		assertFields(t, r.is(http.StatusOK), "data")
		require.Len(t, r.data(), 1)
		m := r.data()[0]
		assertFields(t, m, memberFields...)
		assert.Equal(t, user, m["id"])
		assert.Equal(t, "ada@example.com", m["email"])
		assert.Equal(t, "ADA", m["name"])
		assert.Equal(t, true, m["active"])
		assert.Equal(t, "local", m["membership_source"])
		recently(t, m["joined_at"])

		send("x", h.mine.TenantID.String()).fails(401, "unauthenticated")
		send(h.mine.APIToken, h.other.TenantID.String()).fails(403, "tenant_mismatch")
		h.do(http.MethodGet, "/v1/groups/2489E9AD-2EE2-8E00-8EC9-32D5F69181C0/members", "").fails(404, "not_found")
	})
}

func recentTime() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
