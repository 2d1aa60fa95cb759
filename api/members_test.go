package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func TestMemberRules(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		tokenID, token := h.token(auth.AllPermissions)
		admin := bearer(token)
		actor := "user:" + tokenID.String()
		connection := h.mine.ConnectionID.String()

		provisioned := h.provisionUser("grace")
		local := h.user("ada")
		synced := h.provisionGroup("Synced", provisioned)
		members := "/v1/groups/" + synced + "/members"

		t.Run("rule 7: a local grant opens", func(t *testing.T) {
			m := h.do(http.MethodPost, members, `{"user_id":"`+local+`","reason":"INC-4711"}`, admin).
				is(http.StatusCreated)
			assert.Equal(t, "local", m["membership_source"])
			sources := m["sources"].([]any)
			require.Len(t, sources, 1)
			s := sources[0].(map[string]any)
			assertFields(t, s, "source", "granted_at", "granted_by", "reason")
			assert.Equal(t, "local", s["source"])
			assert.Equal(t, actor, s["granted_by"])
			assert.Equal(t, "INC-4711", s["reason"])
			assert.Equal(t, m["joined_at"], s["granted_at"])
			assert.Equal(t, m, h.do(http.MethodGet, members+"/"+local, "").is(http.StatusOK))

			opened := h.events(membership.ActionGrantOpened)
			last := opened[len(opened)-1]
			assert.Equal(t, "INC-4711", last.Reason)
			assert.Equal(t, "request-1", last.RequestID)
			assert.Equal(t, actor, last.Actor.String())
		})

		t.Run("rule 8: already a member by any source", func(t *testing.T) {
			r := h.do(http.MethodPost, members, `{"user_id":"`+provisioned+`"}`, admin)
			r.fails(http.StatusConflict, codeAlreadyMember)
			assert.Equal(t, map[string]any{"sources": []any{map[string]any{
				"source": "scim", "connection": connection, "connection_name": "Okta of Mine",
			}}}, r.is(http.StatusConflict)["details"])

			r = h.do(http.MethodPost, members, `{"user_id":"`+local+`","also_local":true}`, admin)
			r.fails(http.StatusConflict, codeAlreadyMember)
			assert.Equal(t, map[string]any{"sources": []any{map[string]any{"source": "local"}}},
				r.is(http.StatusConflict)["details"])
		})

		t.Run("rule 8: also_local opens a second grant", func(t *testing.T) {
			before := h.do(http.MethodGet, members+"/"+provisioned, "").is(http.StatusOK)
			m := h.do(http.MethodPost, members, `{"user_id":"`+provisioned+`","also_local":true}`, admin).
				is(http.StatusCreated)
			assert.Equal(t, "scim", m["membership_source"])
			assert.Equal(t, before["joined_at"], m["joined_at"], "a second grant does not move it")
			sources := m["sources"].([]any)
			require.Len(t, sources, 2)
			assert.Equal(t, before["sources"].([]any)[0], sources[0], "the oldest first")
			assertFields(t, sources[0].(map[string]any), "source", "connection", "connection_name", "granted_at",
				"granted_by")
			assert.Equal(t, "connection:"+connection, sources[0].(map[string]any)["granted_by"])
			assert.Equal(t, "local", sources[1].(map[string]any)["source"])
		})

		t.Run("rule 11: both: the local one closes", func(t *testing.T) {
			m := h.do(http.MethodDelete, members+"/"+provisioned+"?reason=no+longer", "", admin).is(http.StatusOK)
			assert.Equal(t, "scim", m["membership_source"])
			assert.Len(t, m["sources"], 1)
			assert.Equal(t, m, h.do(http.MethodGet, members+"/"+provisioned, "").is(http.StatusOK))
			closed := h.events(membership.ActionGrantClosed)
			require.Len(t, closed, 1)
			assert.Equal(t, "no longer", closed[0].Reason)
		})

		t.Run("rule 10: a provider's member", func(t *testing.T) {
			refused := len(h.events(membership.ActionRefused))
			r := h.do(http.MethodDelete, members+"/"+provisioned, "", admin)
			message := r.fails(http.StatusForbidden, codeManagedByIdP)
			assert.Contains(t, message, "there")
			assert.Contains(t, message, "connection")
			assert.NotNil(t, r.is(http.StatusForbidden)["details"])
			assert.Len(t, h.do(http.MethodGet, members, "").data(), 2)
			assert.Len(t, h.events(membership.ActionRefused), refused+1)
		})

		t.Run("rule 9: a local member", func(t *testing.T) {
			r := h.do(http.MethodDelete, members+"/"+local, "", admin)
			r.is(http.StatusNoContent)
			assert.Empty(t, r.body)
			h.do(http.MethodGet, members+"/"+local, "").fails(http.StatusNotFound, codeNotFound)
			h.do(http.MethodDelete, members+"/"+local, "").fails(http.StatusNotFound, codeNotFound)
			assert.Len(t, h.events(membership.ActionGrantClosed), 2)
		})

		t.Run("rule 12: an enterprise group", func(t *testing.T) {
			h.do(http.MethodPatch, "/v1/groups/"+synced, `{"kind":"enterprise"}`).is(http.StatusOK)
			h.do(http.MethodPost, members, `{"user_id":"`+local+`"}`).fails(http.StatusForbidden, codeGroupManaged)
			assert.Len(t, h.do(http.MethodGet, members, "").data(), 1)
		})
	})
}

func TestAddMemberRefusesBadInput(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group, user := h.group("Group"), h.user("ada")
		path := "/v1/groups/" + group + "/members"
		events := len(h.events(membership.ActionGrantOpened))
		for body, message := range map[string]string{
			`{}`:                           "user_id is required",
			`{"user_id":1}`:                "user_id must be a string",
			`{"user_id":null}`:             "user_id must be a string",
			`{"user_id":""}`:               "user_id must be a UUID",
			`{"user_id":"{` + user + `}"}`: "user_id must be a UUID",
			`{"user_id":"` + user + `","also_local":"yes"}`:         "also_local must be true or false",
			`{"user_id":"` + user + `","membership_source":"scim"}`: `unknown field "membership_source"`,
			`{"user_id":"` + user + `","reason":"\u0000"}`:          "reason has a NUL byte or is not UTF-8",
			`{"USER_ID":"` + user + `"}`:                            `unknown field "USER_ID"`,
		} {
			assert.Equal(t, message, h.do(http.MethodPost, path, body).fails(http.StatusBadRequest, codeInvalidInput))
		}
		assert.Empty(t, h.do(http.MethodGet, path, "").data())
		assert.Len(t, h.events(membership.ActionGrantOpened), events)
	})
}

func TestListMembersSelects(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		scim, both, local, idle := h.provisionUser("scim"), h.provisionUser("both"), h.user("local"), h.user("idle")
		group := h.provisionGroup("Group", scim, both)
		path := "/v1/groups/" + group + "/members"
		early := time.Now()
		h.make(path, `{"user_id":"`+both+`","also_local":true}`)
		h.member(group, local)
		h.member(group, idle)
		h.do(http.MethodPatch, "/v1/users/"+idle, `{"active":false}`).is(http.StatusOK)

		for query, want := range map[string][]string{
			"":                                    {scim, both, local, idle},
			"membership_source=local":             {both, local, idle},
			"membership_source=scim":              {scim, both},
			"active=false":                        {idle},
			"active=true":                         {scim, both, local},
			"active=true&membership_source=local": {both, local},
			"as_of=" + url.QueryEscape(early.Format(time.RFC3339Nano)):                                  {scim, both},
			"as_of=2020-01-01T00:00:00Z":                                                                {},
			"active=true&limit=2":                                                                       {scim, both},
			"email=IDLE%40example.com":                                                                  {idle},
			"email=idle%40example.com&active=true":                                                      {},
			"email=both%40example.com&active=true&membership_source=local&limit=1":                      {both},
			"email=local%40example.com&as_of=" + url.QueryEscape(early.Format(time.RFC3339Nano)):        {},
			"email=both%40example.com&limit=1&as_of=" + url.QueryEscape(early.Format(time.RFC3339Nano)): {both},
			"email=both%40example.com&cursor=" + cursorOf(t, both):                                      {},
		} {
			var ids []string
			for _, m := range h.do(http.MethodGet, path+"?"+query, "").data() {
				ids = append(ids, m["id"].(string))
			}
			assert.ElementsMatch(t, want, ids, query)
		}
		at := h.do(http.MethodGet, path+"?as_of="+url.QueryEscape(early.Format(time.RFC3339Nano)), "").data()
		assert.Len(t, at[1]["sources"], 1, "the sources of that time")

		for query, message := range map[string]string{
			"source=local":              `unknown query parameter "source"`,
			"membership_source=ldap":    "membership_source must be local or scim",
			"membership_source=":        "the query parameter membership_source is empty",
			"active=1":                  "active must be true or false",
			"active=true&active=false":  "the query parameter active is given more than once",
			"as_of=yesterday":           "as_of must be a time of RFC 3339, such as 2026-08-01T12:00:00Z",
			"as_of=2026-08-01T12:00:00": "as_of must be a time of RFC 3339, such as 2026-08-01T12:00:00Z",
			"limit=0":                   "limit must be a number from 1 to 1000",
			"limit=1001":                "limit must be a number from 1 to 1000",
			"limit=ten":                 "limit must be a number from 1 to 1000",
			"cursor=x":                  "cursor is none that this API gave out",
			"active=%zz":                "the query string is malformed",
			"membership_source=%00":     "the query parameter membership_source has a NUL byte or is not UTF-8",
		} {
			assert.Equal(t, message,
				h.do(http.MethodGet, path+"?"+query, "").fails(http.StatusBadRequest, codeInvalidInput))
		}
	})
}

// A list is longer than what is gathered before it is sent, so it crosses the
// border of chunks, and pages show the same members as the whole.
func TestListMembersStreamsAndPages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const n = 150
		var want []string
		for i := range n {
			want = append(want, h.provisionUser(fmt.Sprintf("u%03d", i)))
		}
		group := h.provisionGroup("Group", want...)
		slices.Sort(want)
		path := "/v1/groups/" + group + "/members"

		whole := h.do(http.MethodGet, path, "")
		require.Greater(t, len(whole.body), 2*chunk)
		assertFields(t, whole.is(http.StatusOK), "data")
		ids := func(ms []map[string]any) (ids []string) {
			for _, m := range ms {
				ids = append(ids, m["id"].(string))
			}
			return ids
		}
		assert.Equal(t, want, ids(whole.data()))

		var paged []map[string]any
		cursor := ""
		for pages := 1; ; pages++ {
			r := h.do(http.MethodGet, path+"?limit=50"+cursor, "")
			paged = append(paged, r.data()...)
			next, more := r.is(http.StatusOK)["next_cursor"].(string)
			if !more {
				require.Equal(t, 3, pages, "the last page is full, and says that it is the last")
				break
			}
			require.Len(t, r.data(), 50)
			cursor = "&cursor=" + next
		}
		assert.Equal(t, whole.data(), paged)

		assert.Equal(t, want[100:], ids(h.do(http.MethodGet, path+"?"+"cursor="+cursorOf(t, want[99]), "").data()),
			"a cursor without a limit")
	})
}

func cursorOf(t *testing.T, id string) string {
	t.Helper()
	parsed, err := membership.ParseID(id)
	require.NoError(t, err)
	return string(appendCursor(nil, parsed))
}

// What the provider does afterwards to its own members leaves the local ones.
func TestProviderReplaceLeavesLocalMembers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, b, local := h.provisionUser("a"), h.provisionUser("b"), h.user("local")
		group := h.provisionGroup("Group", a)
		h.member(group, local)
		h.make("/v1/groups/"+group+"/members", `{"user_id":"`+a+`","also_local":true}`)

		var delta membership.MemberDelta
		delta.Clear()
		delta.Add(h.ids(b)...)
		_, err := h.directory.UpdateProvisionedGroup(t.Context(), h.provider(), h.ids(group)[0],
			membership.GroupUpdate{Members: delta})
		require.NoError(t, err)

		sources := map[string]string{}
		for _, m := range h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data() {
			sources[m["id"].(string)] = m["membership_source"].(string)
		}
		assert.Equal(t, map[string]string{a: "local", b: "scim", local: "local"}, sources)
	})
}

func TestMemberEncodesWhatTextsHold(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		name := "Zoë \"Z\" \\ \t\u2028 O'Neill <b> 𝄞"
		body, err := json.Marshal(map[string]string{"user_name": "zoe", "email": "zoë@example.com", "name": name})
		require.NoError(t, err)
		user, group := h.make("/v1/users", string(body)), h.group("Group")
		h.member(group, user)
		m := h.do(http.MethodGet, "/v1/groups/"+group+"/members/"+user, "").is(http.StatusOK)
		assert.Equal(t, name, m["name"])
		assert.Equal(t, "zoë@example.com", m["email"])
	})
}

// Rules 13 and 15: a membership that ends, what the group asks of it, and the answers.
func TestMembersThatEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group, user, other := h.group("Payroll"), h.user("ada"), h.user("grace")
		members := "/v1/groups/" + group + "/members"
		ends := time.Now().Add(time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
		stored := strings.TrimSuffix(ends, "Z") + ".000000Z"
		source := func(m map[string]any) map[string]any { return m["sources"].([]any)[0].(map[string]any) }

		for _, bad := range []string{
			`"soon"`, `""`, `null`, `1`, `"2020-01-01T00:00:00Z"`,
			`"9999-12-31T23:59:59-23:59"`, `"9999-12-31T23:59:59Z"`,
		} {
			h.do(http.MethodPost, members, `{"user_id":"`+user+`","expires_at":`+bad+`}`).
				fails(http.StatusBadRequest, codeInvalidInput)
		}
		m := h.do(http.MethodPost, members, `{"user_id":"`+user+`","expires_at":"`+ends+`"}`).is(http.StatusCreated)
		assert.Equal(t, stored, source(m)["expires_at"])
		assert.Equal(t, m, h.do(http.MethodGet, members+"/"+user, "").is(http.StatusOK))
		m = h.do(http.MethodPatch, members+"/"+user, `{"expires_at":null,"reason":"for good"}`).is(http.StatusOK)
		assert.NotContains(t, source(m), "expires_at")
		m = h.do(http.MethodPatch, members+"/"+user, `{"expires_at":"`+ends+`"}`).is(http.StatusOK)
		assert.Equal(t, stored, source(m)["expires_at"])
		for _, bad := range []string{`{}`, `{"expires_at":"2020-01-01T00:00:00Z"}`, `{"expires_at":7}`,
			`{"expires_at":"9999-12-31T23:59:59-23:59"}`} {
			h.do(http.MethodPatch, members+"/"+user, bad).fails(http.StatusBadRequest, codeInvalidInput)
		}
		h.do(http.MethodPatch, members+"/"+other, `{"expires_at":null}`).fails(http.StatusNotFound, codeNotFound)

		path := "/v1/groups/" + group
		g := h.do(http.MethodPatch, path, `{"max_grant_seconds":60,"grants_must_end":true}`).is(http.StatusOK)
		assert.EqualValues(t, 60, g["max_grant_seconds"])
		assert.Equal(t, true, g["grants_must_end"])
		h.do(http.MethodPatch, path, `{"max_grant_seconds":0}`).fails(http.StatusBadRequest, codeInvalidInput)
		for _, bad := range []string{``, `,"expires_at":"` + ends + `"`} {
			h.do(http.MethodPost, members, `{"user_id":"`+other+`"`+bad+`}`).
				fails(http.StatusBadRequest, codeInvalidInput)
		}
		g = h.do(http.MethodPatch, path, `{"max_grant_seconds":null}`).is(http.StatusOK)
		assert.Nil(t, g["max_grant_seconds"])
		out := h.do(http.MethodPost, members+":batch", `{"add":["`+other+`"],"expires_at":"`+ends+`"}`).
			is(http.StatusOK)
		assert.Equal(t, "added", out["results"].([]any)[0].(map[string]any)["status"])
		list := h.do(http.MethodGet, members, "").data()
		require.Len(t, list, 2)
		for _, m := range list {
			assert.Equal(t, stored, source(m)["expires_at"])
		}
	})
}
