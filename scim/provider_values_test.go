package scim_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestElementsAsTextsOfJSON: what is an element is taken for one by every way in,
// and what is none is refused and changes nothing.
func TestElementsAsTextsOfJSON(t *testing.T) {
	quoted := func(s string) string {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		return string(text)
	}
	each(t, func(t *testing.T, b *bench) {
		element := quoted(`{"type":"work","primary":true,"value":"a@x.test"}`)
		want := []map[string]any{{"type": "work", "primary": true, "value": "a@x.test"}}
		u := b.do("POST", "/Users", `{"userName":"ann","emails":[`+element+`]}`).want(201)
		require.Equal(t, want, objects(u.json()["emails"]))
		path := "/Users/" + u.id()
		for _, emails := range []string{element, `[` + element + `]`,
			quoted(`[{"type":"work","primary":true,"value":"a@x.test"}]`)} {
			b.do("PUT", path, `{"userName":"ann"}`).want(200)
			require.Equal(t, want, objects(b.do("PUT", path,
				`{"userName":"ann","emails":`+emails+`}`).want(200).json()["emails"]))
			b.do("PUT", path, `{"userName":"ann"}`).want(200)
			operation := `{"Operations":[{"op":"add","path":"emails","value":` + emails + `}]}`
			require.Equal(t, want, objects(b.do("PATCH", path, operation).want(200).json()["emails"]))
			b.do("PUT", path, `{"userName":"ann"}`).want(200)
			bulk := b.do("POST", "/Bulk", `{"Operations":[{"method":"PATCH","path":"`+path+`","data":`+operation+`}]}`).
				want(200)
			require.Equal(t, "200", objects(bulk.json()["Operations"])[0]["status"])
			require.Equal(t, want, objects(b.do("GET", path, "").want(200).json()["emails"]))
		}

		before := b.do("GET", path, "").want(200).json()
		for _, none := range []string{`{"colour":"red"}`, `{"value":"a`, `[{"value":"a"},{"x":1}]`, `[object Object]`,
			`{value=a, type=work}`} {
			b.do("POST", "/Users", `{"userName":"bea","emails":[`+quoted(none)+`]}`).wantError(400, "invalidValue")
			b.do("PUT", path, `{"userName":"ann","phoneNumbers":`+quoted(none)+`}`).wantError(400, "invalidValue")
			for _, attribute := range []string{"emails", "phoneNumbers", "photos", "addresses", "ims", "roles",
				"entitlements", "x509Certificates", "manager", "name"} {
				for _, op := range []string{"add", "replace"} {
					b.do("PATCH", path,
						`{"Operations":[{"op":"`+op+`","path":"`+attribute+`","value":`+quoted(none)+`}]}`).
						wantError(400, "invalidValue")
				}
			}
		}
		require.Equal(t, before, b.do("GET", path, "").want(200).json())

		member := quoted(`{"value":"` + u.id() + `","display":"Ann"}`)
		g := b.do("POST", "/Groups", `{"displayName":"g","members":[`+member+`]}`).want(201).id()
		require.Equal(t, []string{u.id()}, b.members(g))
		b.do("PATCH", "/Groups/"+g, `{"Operations":[{"op":"remove","path":"members","value":[`+member+`]}]}`).want(204)
		require.Empty(t, b.members(g))
		b.do("PATCH", "/Groups/"+g, `{"Operations":[{"op":"add","path":"members","value":{"members":[`+member+`]}}]}`).
			want(204)
		require.Equal(t, []string{u.id()}, b.members(g))
		b.do("PATCH", "/Groups/"+g, `{"Operations":[{"op":"remove","path":"members",`+
			`"value":[`+quoted(`{"display":"Ann"}`)+`]}]}`).wantError(400, "invalidValue")
		b.do("PUT", "/Groups/"+g, `{"displayName":"g","members":`+quoted(`[{"value":"`+u.id()+`"}]`)+`}`).want(200)
		require.Equal(t, []string{u.id()}, b.members(g))
	})
}

// TestNumbersForTexts: also of groups, and in a bulk.
func TestNumbersForTexts(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		g := b.do("POST", "/Groups", `{"displayName":2026,"externalId":4711}`).want(201)
		require.Equal(t, "2026", g.json()["displayName"])
		require.Equal(t, "4711", g.json()["externalId"])
		b.do("POST", "/Bulk", `{"Operations":[{"method":"POST","path":"/Users","bulkId":"1","data":{"userName":17,`+
			`"externalId":12345678901234567890}}]}`).want(200)
		m := b.do("GET", "/Users?filter="+url.QueryEscape(`userName eq "17"`), "").want(200).json()
		require.EqualValues(t, 1, m["totalResults"])
		require.Equal(t, "12345678901234567890", objects(m["Resources"])[0]["externalId"])
	})
}

// TestFiltersOnUnlistedAttributes: names are found in any letter case, texts
// compare as the RFC's default says, numbers as numbers.
func TestFiltersOnUnlistedAttributes(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const shop = "urn:example:params:scim:schemas:extension:shop:2.0:User"
		b.user("other")
		b.do("POST", "/Users", `{"userName":"ann","`+shop+`":{"Desk":{"City":"Bonn","floor":3},"tags":["a","B"],`+
			`"lines":[{"Value":"L1","qty":2},{"value":"L2","primary":true}]}}`).want(201)
		for filter, total := range map[string]int{
			shop + `:desk.city eq "bonn"`:                      1,
			shop + `:desk.floor ge 3`:                          1,
			shop + `:desk.floor gt 3.0`:                        0,
			shop + `:TAGS eq "b"`:                              1,
			shop + `:tags[value eq "b"]`:                       1,
			shop + `:lines[value eq "l1" and qty eq 2]`:        1,
			shop + `:lines[value eq "l2" and qty eq 2]`:        0,
			shop + `:Lines[primary eq false and qty pr]`:       1,
			shop + `:lines.value eq "L2"`:                      1,
			shop + `:lines eq "L2"`:                            0,
			`urn:EXAMPLE` + shop[11:] + `:lines.VALUE eq "L2"`: 1,
		} {
			m := b.do("GET", "/Users?filter="+url.QueryEscape(filter), "").want(200).json()
			require.EqualValues(t, total, m["totalResults"], filter)
		}
	})
}
