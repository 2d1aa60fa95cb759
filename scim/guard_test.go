package scim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// TestRemovalGuard: what is held is a 409 that says how to go on, in Bulk for its
// operation alone, and an allowance lets it pass once.
func TestRemovalGuard(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const n = 120
		ids := make([]string, n)
		for i := range ids {
			ids[i] = b.user(fmt.Sprintf("u%d", i))
		}
		g := b.group("Staff", ids...)
		before := b.do("GET", "/Groups/"+g, "").want(200)
		whole := `{"displayName":"Staff","members":[]}`
		removal := `{"Operations":[{"op":"remove","path":"members","value":` + memberList(ids[:101]...) + `}]}`
		for _, request := range [][3]string{
			{"PUT", "/Groups/" + g, whole},
			{"DELETE", "/Groups/" + g, ""},
			{"PATCH", "/Groups/" + g, removal},
			{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"remove","path":"members"}]}`},
			{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"replace","path":"members",` +
				`"value":` + memberList(ids[:5]...) + `}]}`},
		} {
			r := b.do(request[0], request[1], request[2]).wantError(409, "")
			detail := r.json()["detail"].(string)
			for _, part := range []string{
				"nothing was changed", "of the 120 members", "the group " + g, "More than 100 and more than 50%",
				"POST /v1/connections/" + b.tenant.ConnectionID.String() + `/removal-allowances {"group_id":"` +
					g + `"}`,
				"scimbridge connection allow-removals --tenant " + b.tenant.TenantID.String(),
			} {
				require.Contains(t, detail, part)
			}
			require.Empty(t, r.header.Get("Retry-After"))
			require.Equal(t, string(before.body), string(b.do("GET", "/Groups/"+g, "").want(200).body))
		}

		// In a bulk request the others are carried out.
		bulk := `{"method":"PATCH","path":"/Groups/` + g + `","data":` + removal + `},
			{"method":"POST","path":"/Groups","bulkId":"x","data":{"displayName":"Other"}}`
		held := b.statuses(bulk, "", "409", "201")
		require.Contains(t, held[0].Response["detail"], "held by the removal guard")
		require.Len(t, b.members(g), n)
		// Cut into operations it is the same removal.
		half := func(from, to int) string {
			return `{"method":"PATCH","path":"/Groups/` + g +
				`","data":{"Operations":[{"op":"remove","path":"members",` +
				`"value":` +
				memberList(ids[from:to]...) + `}]}}`
		}
		b.statuses(half(0, 60)+","+half(60, 119), "", "204", "409")
		require.Len(t, b.members(g), 60)

		// One at a time is no mass removal; nor is active=false, nor the end of a user.
		b.do("PATCH", "/Groups/"+g,
			`{"Operations":[{"op":"remove","path":"members","value":`+memberList(ids[60])+`}]}`).
			want(204)
		b.do("PATCH", "/Users/"+ids[61], `{"Operations":[{"op":"replace","path":"active","value":false}]}`).want(200)
		b.do("DELETE", "/Users/"+ids[61], "").want(204)

		directory := membership.NewDirectory(b.store, auth.Policy{}, membership.Options{})
		_, err := directory.AllowRemovals(t.Context(), membership.Call{
			Tenant: b.tenant.TenantID, Actor: membership.Actor{Kind: membership.ActorOperator, ID: "test"},
			Permissions: []string{auth.AllPermissions},
		}, b.tenant.ConnectionID, membership.RemovalAllowanceSpec{Life: time.Hour})
		require.NoError(t, err)
		b.do("PUT", "/Groups/"+g, whole).want(200)
		require.Empty(t, b.do("GET", "/Groups/"+g, "").want(200).json()["members"])
		again := b.group("Again", ids[:58]...)
		b.do("PATCH", "/Groups/"+again,
			`{"Operations":[{"op":"add","path":"members","value":`+memberList(ids[62:]...)+`}]}`).
			want(204)
		b.do("DELETE", "/Groups/"+again, "").wantError(409, "")
	})
}
