package api

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// exceptional makes one membership of each kind of exception, and some that are
// none. It returns kind → user.
func (h *house) exceptional() map[string]string {
	h.t.Helper()
	ctx := h.t.Context()
	both, idle, gone, left := h.provisionUser("both"), h.user("idle"), h.provisionUser("gone"), h.user("left")
	local := h.user("local")
	plain, enterprise, unlinked := h.provisionGroup("Plain", both), h.group("Enterprise"),
		h.provisionGroup("Unlinked", gone)

	h.member(enterprise, local)
	h.do(http.MethodPatch, "/v1/groups/"+enterprise, `{"kind":"enterprise"}`).is(http.StatusOK)
	h.make("/v1/groups/"+plain+"/members", `{"user_id":"`+both+`","also_local":true}`)
	h.member(plain, idle)
	h.do(http.MethodPatch, "/v1/users/"+idle, `{"active":false}`).is(http.StatusOK)

	require.Equal(h.t, left, h.provisionUser("left"), "linked to the local user")
	h.member(plain, left)
	require.NoError(h.t, h.directory.DeprovisionUser(ctx, h.provider(), h.ids(left)[0], 0))

	require.NoError(h.t, h.store.Update(ctx, h.mine.TenantID, func(tx membership.Tx) error {
		return tx.DeleteGroupLink(ctx, h.mine.ConnectionID, h.ids(unlinked)[0])
	}))
	h.member(plain, h.user("nobody special"))
	return map[string]string{
		"local_in_enterprise": local, "doubly_granted": both, "inactive_member": idle,
		"grant_after_deprovisioning": left, "connection_gone": gone,
	}
}

func TestExceptions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		want := h.exceptional()
		all := h.do(http.MethodGet, "/v1/audit/exceptions", "").data()
		got := map[string]string{}
		for i, e := range all {
			kind := e["kind"].(string)
			assert.Equal(t, string(membership.ExceptionKinds[i]), kind)
			got[kind] = e["user_id"].(string)
			assert.NotEmpty(t, e["sources"])
			one := h.do(http.MethodGet, "/v1/audit/exceptions?kind="+kind, "").data()
			assert.Equal(t, []map[string]any{e}, one)
		}
		assert.Equal(t, want, got)
		assert.Empty(t, h.do(http.MethodGet, "/v1/audit/exceptions", "", as(h.other)).data())

		doubly := all[1]
		sources := doubly["sources"].([]any)
		require.Len(t, sources, 2)
		assert.Equal(t, sources[1].(map[string]any)["granted_at"], doubly["since"])

		var paged []map[string]any
		for cursor := ""; ; {
			r := h.do(http.MethodGet, "/v1/audit/exceptions?limit=1"+cursor, "")
			paged = append(paged, r.data()...)
			next, more := r.is(http.StatusOK)["next_cursor"].(string)
			if !more {
				break
			}
			require.Len(t, r.data(), 1)
			cursor = "&cursor=" + url.QueryEscape(next)
		}
		assert.Equal(t, all, paged)

		manifest, rows := h.do(http.MethodGet, "/v1/audit/exceptions", "", header("Accept", "application/jsonl")).
			report()
		assert.Equal(t, all, rows)
		assert.Equal(t, "exceptions", manifest["report"])
		manifest, rows = h.do(http.MethodGet, "/v1/audit/exceptions?format=csv&kind=doubly_granted", "").report()
		assert.Equal(t, map[string]any{"kind": "doubly_granted"}, manifest["query"])
		require.Len(t, rows, 1)
		assert.Equal(t, "connection:"+h.mine.ConnectionID.String()+" local", rows[0]["sources"])
		assert.Len(t, h.events(membership.ActionExported), 2, "a page is no export")
	})
}

// A page ends with a whole membership, whatever the number of its grants.
func TestPagesOfExceptionsHaveWholeMemberships(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, name := range []string{"ada", "bob", "cyd"} {
			user := h.provisionUser(name)
			group := h.provisionGroup("Group of "+name, user)
			h.make("/v1/groups/"+group+"/members", `{"user_id":"`+user+`","also_local":true}`)
		}
		page := h.do(http.MethodGet, "/v1/audit/exceptions?limit=2", "")
		for _, e := range page.data() {
			assert.Len(t, e["sources"], 2)
		}
		assert.NotEmpty(t, page.is(http.StatusOK)["next_cursor"])
	})
}

func TestListExceptionsRefusesBadInput(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.exceptional()
		next := h.do(http.MethodGet, "/v1/audit/exceptions?limit=1", "").is(http.StatusOK)["next_cursor"].(string)
		for query, message := range map[string]string{
			"kind=odd": "kind must be one of [local_in_enterprise doubly_granted " +
				"inactive_member grant_after_deprovisioning connection_gone " +
				"shared_user_name shared_group_name parted_user_name break_glass grant_too_long]",
			"kind=connection_gone&cursor=" + next: "cursor is of another kind of exceptions",
			"cursor=x":                            "cursor is none that this API gave out",
			"format=csv&limit=1":                  "limit is for format=json: the others are whole",
			"format=csv&cursor=abc":               "cursor is for format=json: the others are whole",
			"format=xml":                          "format must be one of json, jsonl, csv",
			"format=csv&kind=odd": "kind must be one of [local_in_enterprise doubly_granted " +
				"inactive_member grant_after_deprovisioning connection_gone " +
				"shared_user_name shared_group_name parted_user_name break_glass grant_too_long]",
		} {
			assert.Equal(t, message, h.do(http.MethodGet, "/v1/audit/exceptions?"+query, "").
				fails(http.StatusBadRequest, codeInvalidInput))
		}
	})
}
