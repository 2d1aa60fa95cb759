package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// lastEvent is the newest event of an action, as the API tells it.
func (h *house) lastEvent(action membership.Action) map[string]any {
	h.t.Helper()
	all, _ := h.follow("action="+string(action), "")
	require.NotEmpty(h.t, all)
	return all[len(all)-1]
}

// A JWT whose subject is the id of a token is not taken for it: not in events,
// not in granted_by, not by a policy.
func TestAJWTDoesNotPassForAToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		tokenID, token := h.token(auth.AllPermissions)
		s := newSigner(t, "k1")
		issuer := h.trust(h.mine, s.jwks(), nil)
		jwt := func(sub string) string { return s.sign(claimsFor(h.mine, map[string]any{"sub": sub})) }
		group, user := h.group("Finance"), h.user("ada")
		add := func(credential string) (event, member map[string]any) {
			path := "/v1/groups/" + group + "/members"
			member = h.do(http.MethodPost, path, `{"user_id":"`+user+`"}`, bearer(credential)).is(http.StatusCreated)
			event = h.lastEvent(membership.ActionGrantOpened)
			h.do(http.MethodDelete, path+"/"+user, "", bearer(credential)).is(http.StatusNoContent)
			return event, member
		}
		grantedBy := func(member map[string]any) any {
			return member["sources"].([]any)[0].(map[string]any)["granted_by"]
		}

		event, member := add(token)
		assert.Equal(t, map[string]any{"kind": "token", "id": tokenID.String(), "name": "test"}, event["credential"])
		assert.Equal(t, map[string]any{"kind": "user", "id": tokenID.String()}, event["actor"])
		assert.Equal(t, "test", event["actor_name"])
		assert.Equal(t, "user:"+tokenID.String(), grantedBy(member))

		of := func(subject string) map[string]any {
			return map[string]any{"kind": "jwt", "issuer_id": issuer, "issuer": login, "subject": subject}
		}
		for i := range 2 { // also when the token is revoked
			event, member = add(jwt(tokenID.String()))
			assert.Equal(t, of(tokenID.String()), event["credential"])
			assert.Equal(t, map[string]any{"kind": "user", "id": issuer + ":" + tokenID.String()}, event["actor"])
			assert.NotContains(t, event, "actor_name")
			assert.Equal(t, "user:"+issuer+":"+tokenID.String(), grantedBy(member))
			if i == 0 {
				h.revoke(tokenID)
			}
		}
		mine, _ := h.follow("action=grant.opened&actor=user:"+issuer+":"+tokenID.String(), "")
		assert.Len(t, mine, 2)

		// A user's id is what a subject may be.
		event, member = add(jwt(user))
		assert.Equal(t, of(user), event["credential"])
		assert.Equal(t, "user:"+user, grantedBy(member))
		assert.Equal(t, "ada", event["actor_name"])
	})
}

// Who may read the audit gets names, also of what is gone since.
func TestEventsNameWhatIsGone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		tokenID, token := h.token(auth.AllPermissions)
		scim := h.provisionUser("grace")
		h.provisionGroup("Synced", scim)
		group, user := h.group("Finance"), h.user("ada")
		h.do(http.MethodPost, "/v1/groups/"+group+"/members", `{"user_id":"`+user+`"}`, bearer(token)).
			is(http.StatusCreated)
		h.do(http.MethodDelete, "/v1/users/"+user, "", bearer(token)).is(http.StatusNoContent)
		h.do(http.MethodDelete, "/v1/groups/"+group, "", bearer(token)).is(http.StatusNoContent)
		h.revoke(tokenID)

		e := h.lastEvent(membership.ActionGrantClosed)
		assert.Equal(t, []any{"test", "Finance", "ada"}, []any{e["actor_name"], e["group_name"], e["user_name"]})
		opened, _ := h.follow("action=grant.opened&user_id="+scim, "")
		require.Len(t, opened, 1)
		for _, name := range []string{"actor_name", "connection_name"} {
			assert.Equal(t, "Okta of Mine", opened[0][name], name)
		}
		theirs := h.do(http.MethodGet, "/v1/audit/events", "", as(h.other))
		require.NotEmpty(t, theirs.data())
		for _, name := range []string{"ada", "grace", "Finance", "Okta of Mine"} {
			assert.NotContains(t, string(theirs.body), `"`+name+`"`)
		}
	})
}
