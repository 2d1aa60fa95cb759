package scim_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMembersByFilter: every operator and every sub-attribute, in paths and in
// filters of lists.
func TestMembersByFilter(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		users := map[string]string{}
		for _, name := range []string{"ann", "bob", "cid"} {
			users[name] = b.do("POST", "/Users", `{"userName":"`+name+`@x.test","displayName":"The `+name+`"}`).
				want(201).id()
		}
		users["dan"] = b.do("POST", "/Users", `{"userName":"dan@x.test"}`).want(201).id() // who has no name
		ann, bob := users["ann"], users["bob"]
		all := []string{"ann", "bob", "cid", "dan"}
		for i, tt := range []struct {
			filter   string
			selected []string
		}{
			{`value eq "` + ann + `"`, []string{"ann"}},
			{`value ne "` + ann + `"`, []string{"bob", "cid", "dan"}},
			{`not (value eq "` + ann + `")`, []string{"bob", "cid", "dan"}},
			{`not (value eq "` + ann + `" or value eq "` + bob + `")`, []string{"cid", "dan"}},
			{`value sw "` + ann + `"`, []string{"ann"}},
			{`value gt "` + bob + `"`, []string{"cid", "dan"}},
			{`display eq "the ANN"`, []string{"ann"}},
			{`display ne "the ann"`, []string{"bob", "cid", "dan"}},
			{`not (display co "n")`, []string{"bob", "cid", "dan"}},
			{`display pr`, []string{"ann", "bob", "cid"}},
			{`display eq null`, []string{"dan"}},
			{`display sw "the" and value ne "` + bob + `"`, []string{"ann", "cid"}},
			{`type eq "user"`, all},
			{`type ne "User"`, nil},
			{`nothing eq "x"`, nil},
			{`value eq "stranger"`, nil},
		} {
			g := b.group(fmt.Sprint("g", i), users["ann"], users["bob"], users["cid"], users["dan"])
			stranger := b.group(fmt.Sprint("empty", i))
			found := b.total("/Groups", `id eq "`+g+`" and members[`+tt.filter+`]`)
			require.Equal(t, min(len(tt.selected), 1), found, tt.filter)
			require.Zero(t, b.total("/Groups", `id eq "`+stranger+`" and members[`+tt.filter+`]`), tt.filter)

			path := strconv.Quote(`members[` + tt.filter + `]`)
			b.patch("/Groups/"+g, `{"op":"remove","path":`+path+`}`).want(204)
			want := []string{}
			for _, name := range all {
				if !slices.Contains(tt.selected, name) {
					want = append(want, users[name])
				}
			}
			require.ElementsMatch(t, want, b.members(g), tt.filter)
		}
		g := b.group("replaced", ann, bob)
		b.patch("/Groups/"+g, `{"op":"replace","path":"members[display eq \"The ann\"]",`+
			`"value":[{"value":"`+users["cid"]+`"}]}`).want(204)
		require.ElementsMatch(t, []string{bob, users["cid"]}, b.members(g))
		b.patch("/Groups/"+g, `{"op":"add","path":"members","value":[{"value":"`+ann+`"}]},
			{"op":"remove","path":"members[not (value eq \"`+ann+`\" or value eq \"`+users["dan"]+`\")]"}`).want(204)
		require.Equal(t, []string{ann}, b.members(g), "who was not in does not come in")
		b.patch("/Groups/"+g, `{"op":"remove","path":"members[$ref eq \"`+b.base+`/Users/`+ann+`\"]"}`).want(204)
		require.Empty(t, b.members(g))

		other := b.connection()
		theirs := other.do("POST", "/Users", `{"userName":"eve","displayName":"The eve"}`).want(201).id()
		h := other.do("POST", "/Groups", `{"displayName":"theirs","members":[{"value":"`+theirs+`"}]}`).want(201).id()
		b.patch("/Groups/"+h, `{"op":"remove","path":"members[display eq \"The eve\"]"}`).wantError(404, "")
		require.Equal(t, []string{theirs}, other.members(h))
	})
}

// TestMembersAsAskedFor: $ref and display of members are returned on request.
func TestMembersAsAskedFor(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ann := b.do("POST", "/Users", `{"userName":"ann","displayName":"Ann \"A\""}`).want(201).id()
		g := b.group("g", ann)
		ref := b.base + "/Users/" + ann
		for query, want := range map[string]map[string]any{
			"":                          {"value": ann, "type": "User"},
			"?attributes=members":       {"value": ann, "type": "User"},
			"?attributes=members.value": {"value": ann},
			"?attributes=members.$ref":  {"$ref": ref},
			"?attributes=MEMBERS.%24REF,members.value": {"value": ann, "$ref": ref},
			"?attributes=members.display":              {"display": `Ann "A"`},
			"?attributes=members,members.$ref,members.display": {"value": ann, "type": "User",
				"$ref": ref, "display": `Ann "A"`},
			"?attributes=urn:ietf:params:scim:schemas:core:2.0:Group:members.$ref": {"$ref": ref},
			"?attributes=urn:ietf:params:scim:schemas:core:2.0:Group.members.$ref": {"$ref": ref},
			"?excludedAttributes=members.type":                                     {"value": ann},
			"?attributes=members[type+eq+%22User%22].$ref":                         {"$ref": ref},
		} {
			m := b.do("GET", "/Groups/"+g+query, "").want(200).json()
			require.Equal(t, []any{want}, m["members"], query)
			list := b.do("GET", "/Groups"+query, "").want(200).json()["Resources"].([]any)
			require.Equal(t, []any{want}, list[0].(map[string]any)["members"], query)
		}
		require.Equal(t, 1, b.total("/Groups", `members[display eq "ann \"a\""]`))
		require.Equal(t, 1, b.total("/Groups", `members.display sw "ann"`))
		require.Equal(t, 0, b.total("/Groups", `members.display ne "ann \"a\""`))
	})
}
