package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/scimbridge/scimbridge/cmd/scimbridge/replay"
)

// These are the demo's own conversations, after the recorded ones. okta and
// entra are the variables at the end of those.

// localAdditions is the administrator's part: a user of the application's own
// joins both groups, and one of Entra's members gets a local grant as well.
func localAdditions(okta, entra map[string]any) replay.Conversation {
	return replay.Conversation{
		ID: "demo-local-additions", Name: "adds members through the native API",
		Steps: []replay.Step{
			{
				Note: "a user no provider knows", Method: http.MethodPost, Path: "/users",
				Body:    object("user_name", "lena@example.test", "email", "lena@example.test", "name", "Lena Local"),
				Capture: map[string]string{"lena": "$.id"},
				Expect:  expect(http.StatusCreated, "$.origin", `"local"`),
			},
			{
				Note: "into Okta's group", Method: http.MethodPost, Path: members(okta),
				Body:   object("user_id", "{{lena}}"),
				Expect: expect(http.StatusCreated, "$.membership_source", `"local"`),
			},
			{
				Note: "into Entra's group", Method: http.MethodPost, Path: members(entra),
				Body:   object("user_id", "{{lena}}"),
				Expect: expect(http.StatusCreated, "$.membership_source", `"local"`),
			},
			{
				Note: "a member by Entra is one already", Method: http.MethodPost, Path: members(entra),
				Body:   object("user_id", entra["a"]),
				Expect: expect(http.StatusConflict, "$.code", `"already_member"`),
			},
			{
				Note: "unless a local grant beside it is meant", Method: http.MethodPost, Path: members(entra),
				Body:   object("user_id", entra["a"], "also_local", true),
				Expect: expect(http.StatusCreated, "$.membership_source", `"scim"`),
			},
		},
	}
}

// fullReplace is Entra sending its whole list again, with two of its four.
func fullReplace(entra map[string]any) replay.Conversation {
	list := []map[string]any{{"value": entra["a"]}, {"value": entra["b"]}}
	group := fmt.Sprintf("/Groups/%v", entra["g"])
	return replay.Conversation{
		ID: "demo-full-replace", Name: "replaces the whole member list, knowing nothing of Lena",
		Steps: []replay.Step{
			{
				Note: "two stay, two go; Lena is not Entra's to remove", Method: http.MethodPatch, Path: group,
				Body: object(
					"schemas", []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
					"Operations", []map[string]any{{"op": "Replace", "path": "members", "value": list}},
				),
				Expect: expect(http.StatusNoContent),
			},
			{
				Note: "Entra sees exactly what it sent", Method: http.MethodGet, Path: group,
				Expect: expect(http.StatusOK, "$.members[*].value",
					fmt.Sprintf(`{"set":[%q,%q]}`, entra["a"], entra["b"])),
			},
		},
	}
}

// refusedRemoval is the administrator trying to remove a member of Entra's.
func refusedRemoval(entra map[string]any) replay.Conversation {
	return replay.Conversation{
		ID: "demo-refused-removal", Name: "cannot remove what the provider would put back",
		Steps: []replay.Step{{
			Note: "refused, and the answer says where to do it", Method: http.MethodDelete,
			Path:   fmt.Sprintf("%s/%v", members(entra), entra["b"]),
			Expect: expect(http.StatusForbidden, "$.code", `"membership_managed_by_idp"`),
		}},
	}
}

// members is the path of the members of the group g.
func members(vars map[string]any) string { return fmt.Sprintf("/groups/%v/members", vars["g"]) }

// object is a JSON object of alternating keys and values.
func object(pairs ...any) json.RawMessage {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil { // strings, booleans and lists of them only
		return json.RawMessage(`{}`)
	}
	return b
}

// expect is a status, then alternating pointers and JSON values.
func expect(status int, pairs ...string) replay.Expect {
	e := replay.Expect{Demands: replay.Demands{Status: []int{status}}}
	for i := 0; i+1 < len(pairs); i += 2 {
		e.JSON = append(e.JSON, replay.Field{Name: pairs[i], Value: json.RawMessage(pairs[i+1])})
	}
	return e
}
