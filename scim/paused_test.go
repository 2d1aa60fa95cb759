package scim_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// A replica that did not pause the connection itself believes what it read for
// as long as it believes in a token.
func TestPausedConnection(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		user := b.user("bjensen")
		group := b.group("Engineering", user)
		directory := membership.NewDirectory(b.store, auth.Policy{}, membership.Options{})
		call := membership.Call{
			Tenant: b.tenant.TenantID, Permissions: []string{auth.AllPermissions},
			Actor: membership.Actor{Kind: membership.ActorOperator, ID: "test"},
		}
		set := func(paused bool) {
			_, err := auth.NewConnections(b.store, directory, time.Now, nil).
				Change(t.Context(), call, b.tenant.ConnectionID,
					membership.ConnectionChange{Paused: &paused})
			require.NoError(t, err)
		}
		set(true)
		other := *b
		other.serve()
		for _, r := range []reply{
			other.do(http.MethodGet, "/Users/"+user, ""),
			other.do(http.MethodGet, "/Groups", ""),
			other.do(http.MethodPost, "/Users", `{"userName":"mstone"}`),
			other.do(http.MethodDelete, "/Groups/"+group, ""),
			other.do(http.MethodPost, "/Bulk", `{"Operations":[]}`),
			other.do(http.MethodPatch, "/Groups/"+group, `{"Operations":[{"op":"remove","path":"members"}]}`),
		} {
			require.Equal(t, http.StatusServiceUnavailable, r.status, "%s", r.body)
			seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
			require.NoError(t, err)
			require.Positive(t, seconds)
			require.Contains(t, string(r.body), "urn:ietf:params:scim:api:messages:2.0:Error")
		}
		set(false)
		other.serve()
		require.Equal(t, http.StatusOK, other.do(http.MethodGet, "/Groups/"+group, "").status)
	})
}
