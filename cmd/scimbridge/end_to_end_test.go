package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/cmd/scimbridge/replay"
	"github.com/scimbridge/scimbridge/db/dbtest"
)

// The product's core, through real processes and both doors: a provider fills a
// group, an administrator adds a member, the provider replaces its list and
// empties it; who is in, and by whose grant, stays true all along.
func TestBothSourcesSideBySide(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		before := time.Now().Add(-time.Second)
		server := start(t, url, "--log-level=debug")
		tenant := tenancy(t, url) // while the server runs
		scim, native := scimCaller(server, tenant), nativeCaller(server, tenant)
		vars := playRecorded(t, server, tenant, entraConversation)
		group, a, b := vars["g"].(string), vars["a"].(string), vars["b"].(string)
		members := "/groups/" + group + "/members"

		lena := native.must(t, http.StatusCreated, http.MethodPost, "/users",
			`{"user_name":"lena","email":"lena@example.test","name":"Lena Local"}`)["id"].(string)
		native.must(t, http.StatusCreated, http.MethodPost, members, fmt.Sprintf(`{"user_id":%q}`, lena))

		seen := listMembers(t, native, members)
		assert.Len(t, seen, 5)
		for id, m := range seen {
			assert.True(t, m.JoinedAt.After(before) && m.JoinedAt.Before(time.Now().Add(time.Second)), m.JoinedAt)
			require.Len(t, m.Sources, 1)
			if id == lena {
				assert.Equal(t, "local", m.Source)
				assert.Equal(t, "local", m.Sources[0].Source)
				assert.True(t, strings.HasPrefix(m.Sources[0].GrantedBy, "user:"), m.Sources[0].GrantedBy)
				continue
			}
			assert.Equal(t, "scim", m.Source)
			assert.Equal(t, tenant.ConnectionID.String(), m.Sources[0].Connection)
			assert.Equal(t, "connection:"+tenant.ConnectionID.String(), m.Sources[0].GrantedBy)
		}
		aSince := seen[a].JoinedAt

		// A grant of each source: the membership began with the first.
		native.must(t, http.StatusConflict, http.MethodPost, members, fmt.Sprintf(`{"user_id":%q}`, a))
		native.must(t, http.StatusCreated, http.MethodPost, members, fmt.Sprintf(`{"user_id":%q,"also_local":true}`, a))
		seen = listMembers(t, native, members)
		assert.Len(t, seen[a].Sources, 2)
		assert.Equal(t, "scim", seen[a].Source)
		assert.Equal(t, aSince, seen[a].JoinedAt)

		// The provider's whole list, without the local ones: rule 5.
		scim.must(t, http.StatusNoContent, http.MethodPatch, "/Groups/"+group, memberPatch("replace", b))
		seen = listMembers(t, native, members)
		assert.ElementsMatch(t, []string{a, b, lena}, ids(seen))
		assert.Equal(t, "local", seen[a].Source, "its local grant is what is left")
		assert.Equal(t, aSince, seen[a].JoinedAt)

		// Rule 10, both remedies named and nothing changed.
		refusal := native.must(t, http.StatusForbidden, http.MethodDelete, members+"/"+b, "")
		assert.Equal(t, "membership_managed_by_idp", refusal["code"])
		assert.ElementsMatch(t, []string{a, b, lena}, ids(listMembers(t, native, members)))

		scim.must(t, http.StatusNoContent, http.MethodPatch, "/Groups/"+group,
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove",`+
				`"path":"members"}]}`)
		assert.ElementsMatch(t, []string{a, lena}, ids(listMembers(t, native, members)))

		checkMetrics(t, server)
		server.stop(t)
		for _, token := range []string{tenant.SCIMToken, tenant.APIToken} {
			secret := token[strings.LastIndexByte(token, '_')+1:]
			assert.NotContains(t, server.logged(), secret)
		}
		assert.NotContains(t, server.logged(), "lena@example.test")
	})
}

func playRecorded(t *testing.T, p *process, b bootstrapped, id string) map[string]any {
	t.Helper()
	all, err := replay.Conversations()
	require.NoError(t, err)
	i := slices.IndexFunc(all, func(c replay.Conversation) bool { return c.ID == id })
	require.GreaterOrEqual(t, i, 0, id)
	client := replay.Client{Base: p.base + scimPrefix, Token: b.SCIMToken, Keep: true}
	result, err := client.Play(t.Context(), all[i])
	require.NoError(t, err)
	require.True(t, result.OK(), "%+v", result)
	return result.Vars
}

func listMembers(t *testing.T, native caller, path string) map[string]demoMember {
	t.Helper()
	d := demo{base: strings.TrimSuffix(native.base, nativePrefix)}
	d.tenant.apiToken = strings.TrimPrefix(native.header.Get("Authorization"), "Bearer ")
	require.NoError(t, d.tenant.id.UnmarshalText([]byte(native.header.Get("X-Tenant-Id"))))
	var list struct {
		Data []demoMember `json:"data"`
	}
	require.NoError(t, d.get(t.Context(), path, &list))
	byID := map[string]demoMember{}
	for _, m := range list.Data {
		byID[m.ID] = m
	}
	require.Len(t, byID, len(list.Data), "nobody is listed twice")
	return byID
}

func ids(members map[string]demoMember) []string {
	var all []string
	for id := range members {
		all = append(all, id)
	}
	return all
}

// checkMetrics: 4 by Entra and 2 local; all of Entra's are closed again.
func checkMetrics(t *testing.T, p *process) {
	t.Helper()
	res, err := http.Get(p.base + "/metrics")
	require.NoError(t, err)
	text := body(t, res)
	for _, line := range []string{
		`scimbridge_grants_opened_total{source="scim"} 4`,
		`scimbridge_grants_closed_total{source="scim"} 4`,
		`scimbridge_grants_opened_total{source="local"} 2`,
		`scimbridge_grants_closed_total{source="local"} 0`,
		`scimbridge_http_requests_total{door="native",method="DELETE",status="403"} 1`,
	} {
		assert.True(t, strings.Contains(text, "\n"+line), line)
	}
}

// healthcheck tells by its exit status what readyz tells.
func TestHealthcheck(t *testing.T) {
	url := dbtest.URL(t, dbtest.Engines()[0])
	server := start(t, url)
	status, stdout, stderr := invoke(t, nil, "healthcheck", "--listen", server.address)
	assert.Equal(t, exitDone, status, stderr)
	assert.Empty(t, stdout)
	server.stop(t)
	status, _, _ = invoke(t, nil, "healthcheck", "--listen", server.address)
	assert.Equal(t, exitFailed, status)
}
