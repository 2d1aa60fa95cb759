package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// A token of the scope scim:read reads everything and changes nothing.
func TestReadingScope(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		server := start(t, url)
		tenant := tenancy(t, url)
		writer := scimCaller(server, tenant)
		user, group := writer.user(t, "ann"), writer.group(t, "Group")
		writer.must(t, http.StatusNoContent, http.MethodPatch, "/Groups/"+group, memberPatch("add", user))
		made := nativeCaller(server, tenant).must(t, http.StatusCreated, http.MethodPost, "/tokens",
			fmt.Sprintf(`{"name":"x","kind":"scim","scopes":["scim:read"],"connection_id":%q}`, tenant.ConnectionID))
		reading := tenant
		reading.SCIMToken = made["token"].(string)
		reader := scimCaller(server, reading)

		const search = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"id pr"}`
		for _, r := range [][3]string{
			{http.MethodGet, "/Users"}, {http.MethodGet, "/Users/" + user}, {http.MethodGet, "/Groups"},
			{http.MethodGet, "/Groups/" + group},
			{http.MethodPost, "/Users/.search", search}, {http.MethodPost, "/Groups/.search", search},
			{http.MethodPost, "/.search", search},
			{http.MethodGet, "/ServiceProviderConfig"}, {http.MethodGet, "/Schemas"},
			{http.MethodGet, "/ResourceTypes"},
		} {
			reader.must(t, http.StatusOK, r[0], r[1], r[2])
		}

		const newUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"eve","active":false}`
		const newGroup = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Other"}`
		const inactive = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace",` +
			`"path":"active","value":false}]}`
		const rename = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace",` +
			`"path":"displayName","value":"Other"}]}`
		for _, r := range [][3]string{
			{http.MethodPost, "/Users", newUser}, {http.MethodPut, "/Users/" + user, newUser},
			{http.MethodPatch, "/Users/" + user, inactive}, {http.MethodDelete, "/Users/" + user},
			{http.MethodPost, "/Groups", newGroup}, {http.MethodPut, "/Groups/" + group, newGroup},
			{http.MethodPatch, "/Groups/" + group, rename},
			{http.MethodPatch, "/Groups/" + group, memberPatch("add", user)},
			{http.MethodPatch, "/Groups/" + group, memberPatch("remove", user)},
			{http.MethodPatch, "/Groups/" + group, memberPatch("replace")},
			{http.MethodDelete, "/Groups/" + group},
		} {
			before := writer.must(t, http.StatusOK, http.MethodGet, "/Groups/"+group, "")
			answer := reader.must(t, http.StatusForbidden, r[0], r[1], r[2])
			assert.Contains(t, answer["detail"], "scope")
			require.Equal(t, before, writer.must(t, http.StatusOK, http.MethodGet, "/Groups/"+group, ""))
		}
		assert.Equal(t, true, writer.must(t, http.StatusOK, http.MethodGet, "/Users/"+user, "")["active"])
		assert.EqualValues(t, 1, writer.must(t, http.StatusOK, http.MethodGet, "/Users", "")["totalResults"])
	})
}
