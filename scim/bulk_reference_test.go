package scim_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestBulkReferences is RFC 7644 section 3.7.2, whichever comes first.
func TestBulkReferences(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		alice := post("/Users", "qwerty", "Alice", "")
		guides := post("/Groups", "ytrewq", "Tour Guides", `,"members":[{"type":"User","value":"bulkId:qwerty"}]`)
		all := b.statuses(alice+","+guides, "", "201", "201")
		require.Equal(t, []string{all[0].id()}, b.members(all[1].id()))
		require.Equal(t, []string{"qwerty", "ytrewq"}, []string{all[0].BulkID, all[1].BulkID})

		all = b.statuses(post("/Groups", "g", "Later", `,"members":["bulkId:u",{"value":"`+all[0].id()+`"}]`)+`,
			{"method":"PATCH","path":"/Groups/bulkId:g","data":{"members":[{"value":"bulkId:u","operation":"delete"}]}},
			{"method":"PATCH","path":"/Users/bulkId:u","version":"W/\"1\"","data":{"Operations":[{"op":"add",`+
			`"path":"manager","value":"bulkId:m"}]}},
			{"method":"PUT","path":"/Users/bulkId:m","data":{"userName":"m2","groups":[{"value":"bulkId:none"}],
				"title":"not `+
			`bulkId:none"}},
			{"method":"DELETE","path":"/Users/bulkId:gone/"},`+
			post("/Users", "u", "U", "")+","+post("/Users", "m", "M", "")+","+post("/Users", "gone", "G", ""), "",
			"201", "200", "200", "200", "204", "201", "201", "201")
		require.NotContains(t, b.members(all[0].id()), all[5].id(), "the removal stood behind the addition")
		require.Len(t, b.members(all[0].id()), 1)
		require.Equal(t, all[6].id(), b.managerOf(all[5].id()))
		require.Equal(t, "m2", b.do("GET", "/Users/"+all[6].id(), "").want(200).json()["userName"])
		require.Equal(t, all[4].Location, all[7].Location)
		b.do("GET", "/Users/"+all[7].id(), "").want(404)
	})
}

// TestBulkKeepsOrder: who waits lets the others pass, but not those behind it on
// the same resource.
func TestBulkKeepsOrder(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		old := b.user("ann")
		g := b.group("g", old)
		patch := func(op, value string) string {
			return `{"method":"PATCH","path":"/Groups/` + g + `","data":{"Operations":[{"op":"` + op +
				`","path":"members",` +
				`"value":` + value + `}]}},`
		}
		all := b.statuses(patch("add", `[{"value":"bulkId:new"}]`)+patch("remove", `[{"value":"`+old+`"}]`)+
			`{"method":"DELETE","path":"/Users/`+old+`"},`+post("/Users", "new", "ann", ""), "", "204", "204",
			"204", "201")
		require.Equal(t, []string{all[3].id()}, b.members(g))
		b.statuses(patch("add", `[{"value":"bulkId:n"}]`)+patch("remove", `null`)+post("/Users", "n", "n", ""),
			"", "204",
			"204", "201")
		require.Empty(t, b.members(g))
	})
}

// TestBulkCircles is RFC 7644 section 3.7.1.
func TestBulkCircles(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		// Two users who manage each other, and one who manages herself.
		all := b.statuses(post("/Users", "x", "x", managedBy("bulkId:y"))+","+post("/Users", "y", "y",
			managedBy("bulkId:x"))+","+
			post("/Users", "z", "z", managedBy("bulkId:z"))+`,
			{"method":"PATCH","path":"/Users/bulkId:z","data":{"Operations":[{"op":"remove","path":"manager"},
				{"op":"add",`+
			`"path":"title","value":"t"}]}}`,
			"", "201", "201", "201", "200")
		require.Equal(t, all[1].id(), b.managerOf(all[0].id()))
		require.Equal(t, all[0].id(), b.managerOf(all[1].id()))
		require.Nil(t, b.managerOf(all[2].id()), "removed behind the circle")
		require.Equal(t, `W/"2"`, all[0].Version, "the final one")
		require.Equal(t, `W/"3"`, all[3].Version)
		require.Equal(t, all[0].Version, b.do("GET", "/Users/"+all[0].id(), "").want(200).header.Get("ETag"))

		// A group and its members: by the read-only groups, and by what the
		// provider alone knows.
		all = b.statuses(post("/Groups", "g", "g", `,"members":[{"value":"bulkId:u"},{"value":"bulkId:v"},{"value":"`+
			all[0].id()+`"}]`)+","+
			post("/Users", "u", "u", `,"groups":[{"value":"bulkId:g"}]`)+","+
			post("/Users", "v", "v", `,"urn:x:User":{"home":"bulkId:g","n":1},"emails":[{"value":"bulkId:v"},`+
				`{"value":"v@x.example"}]`), "", "201", "201", "201")
		require.Len(t, b.members(all[0].id()), 3)
		v := b.do("GET", "/Users/"+all[2].id(), "").want(200).json()
		require.Equal(t, map[string]any{"home": all[0].id(), "n": 1.0}, v["urn:x:User"])
		require.Len(t, v["emails"], 2)

		// Groups are no members, so two that would be each other's are not made.
		all = b.statuses(post("/Groups", "A", "A", `,"members":[{"type":"Group","value":"bulkId:B"}]`)+","+
			post("/Groups", "B", "B", `,"members":[{"type":"Group","value":"bulkId:A"}]`), "", "400", "400")
		require.Equal(t, "invalidValue", all[0].Response["scimType"])
		require.Contains(t, all[0].Response["detail"], "bulkId:B")
		require.Zero(t, b.total("/Groups", `displayName eq "A" or displayName eq "B"`))

		// Half a circle is a conflict, and its location says that it is there.
		all = b.statuses(post("/Users", "p", "p", managedBy("bulkId:q"))+","+post("/Users", "q", "x",
			managedBy("bulkId:p")), "", "409", "409")
		require.Contains(t, all[0].Response["detail"], `"q"`)
		require.Equal(t, `W/"1"`, b.do("GET", "/Users/"+all[0].id(), "").want(200).header.Get("ETag"))
		require.Equal(t, `W/"1"`, all[0].Version)

		// What a resource cannot be made without cannot come later.
		b.statuses(post("/Users", "p", "bulkId:q", "")+","+post("/Users", "q", "bulkId:p", ""), "", "400", "409")
	})
}

// TestBulkBadReferences: what refers to nothing fails, and nothing of it stays.
func TestBulkBadReferences(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		all := b.statuses(post("/Groups", "g", "g", `,"members":[{"value":"bulkId:none"}]`)+`,
			{"method":"DELETE","path":"/Users/bulkId:none"},
			{"method":"PATCH","path":"/Groups/bulkId:g","data":{"displayName":"x"}},`+
			post("/Groups", "h", "h", `,"members":[{"value":"bulkId:bad"}]`)+","+post("/Users", "bad", "", "")+`,
			{"method":"PUT","path":"/Users/bulkId:h","data":{"userName":"bulkId:"}}`, "", "400", "400", "409",
			"409", "400",
			"400")
		require.Contains(t, all[0].Response["detail"], `"none"`)
		require.Equal(t, "invalidValue", all[0].Response["scimType"])
		require.Contains(t, all[3].Response["detail"], `"bad"`)
		require.Zero(t, b.total("/Groups", `id pr`))
		b.statuses(post("/Users", "u", "u", "")+`,{"method":"DELETE","path":"/Groups/bulkId:u"}`, "", "201", "404")

		// A bulkId that is there twice names no resource.
		all = b.statuses(post("/Users", "d", "d1", "")+","+post("/Users", "d", "d2", "")+","+post("/Users", "D", "d3",
			"")+","+
			post("/Groups", "g", "g", `,"members":[{"value":"bulkId:d"}]`), "", "400", "400", "201", "409")
		require.Contains(t, all[1].Response["detail"], "twice")

		// Any text is a bulkId, and one of the same letters is no reference.
		odd := `a/b %2F"\?#é:bulkId:` + strings.Repeat("x", 300)
		quoted, _ := json.Marshal(odd)
		reference, _ := json.Marshal("bulkId:" + odd)
		all = b.statuses(`{"method":"POST","path":"/Users","bulkId":`+string(quoted)+
			`,"data":{"userName":"odd","title":" `+
			`bulkId:no","nickName":"BULKID:no"}},
			{"method":"POST","path":"/Groups","bulkId":"bulkId:","data":{"displayName":"odd","members":[{"value":`+
			string(reference)+`}]}},
			{"method":"PATCH","path":"/Users/`+string(reference[1:len(reference)-1])+`","data":{"Operations":[]}},
			{"method":"PATCH","path":"/Groups/bulkId:bulkId%3A","data":{"Operations":[]}}`, "", "201", "201",
			"200", "204")
		require.Equal(t, odd, all[0].BulkID)
		require.Equal(t, []string{all[0].id()}, b.members(all[1].id()))
	})
}

// TestBulkAlwaysEnds: whatever refers to whatever, every operation has a result,
// and no reference is left in what was made.
func TestBulkAlwaysEnds(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		counts := map[string]int{}
		for seed := range uint64(40) {
			random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // to be repeated
			const n = 25
			kinds := make([]int, n)
			var users []int
			for i := range kinds {
				if kinds[i] = random.IntN(8); kinds[i] > 3 {
					users = append(users, i)
				}
			}
			some := func() string {
				if random.IntN(60) == 0 {
					return fmt.Sprint("bulkId:", random.IntN(n+1)) // anything, or nothing
				}
				return fmt.Sprint("bulkId:", users[random.IntN(len(users))])
			}
			maybe := func() string {
				if random.IntN(2) == 0 {
					return "x"
				}
				return some()
			}
			ops := make([]string, n)
			for i, kind := range kinds {
				id, name := fmt.Sprint(i), fmt.Sprintf("%d-%d", seed, i)
				switch kind {
				case 0:
					ops[i] = `{"method":"PATCH","path":"/Users/` + some() +
						`","data":{"Operations":[{"op":"add","path":"manager",` +
						`"value":"` + some() + `"}]}}`
				case 1:
					ops[i] = `{"method":"PATCH","path":"/Groups/` + some() +
						`","data":{"Operations":[{"op":"add","path":"members",` +
						`"value":"` + some() + `"}]}}`
				case 2:
					ops[i] = `{"method":"DELETE","path":"/Users/` + some() + `"}`
				case 3:
					ops[i] = post("/Groups", id, name,
						`,"members":[{"value":"`+some()+`"}],"urn:x:Group":{"to":"`+maybe()+`"}`)
				default:
					ops[i] = post("/Users", id, name,
						managedBy(maybe())+`,"urn:x:User":{"to":["`+maybe()+`","`+maybe()+`"]}`)
				}
			}
			all := b.bulk(strings.Join(ops, ","), "")
			require.Len(t, all, n, "seed %d", seed)
			for _, o := range all {
				counts[o.Method+" "+o.Status]++
				require.NotContains(t, "500 503", o.Status, "seed %d: %v", seed, o)
				if o.Status == "409" && o.Location != "" && o.Method == "POST" {
					require.NotEmpty(t, o.Version)
				}
			}
		}
		t.Log(counts)
		for _, endpoint := range []string{"/Users", "/Groups"} {
			r := b.do("GET", endpoint+"?count=1000", "").want(200)
			require.NotZero(t, r.json()["totalResults"])
			require.NotContains(t, string(r.body), "bulkId:")
		}
	})
}

// TestBulkHostile: a thousand operations that wait for each other in every way
// take their own time and no more.
func TestBulkHostile(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const n = 1000
		made := func(name string, refersTo func(i int) string) {
			t.Helper()
			ops := make([]string, n)
			for i := range ops {
				ops[i] = post("/Users", fmt.Sprint(i), fmt.Sprint(name, i), refersTo(i))
			}
			start := time.Now()
			for _, o := range b.bulk(strings.Join(ops, ","), "") {
				require.Equal(t, "201", o.Status)
			}
			t.Log(name, time.Since(start))
		}
		made("free", func(int) string { return "" })
		made("chain", func(i int) string {
			if i == n-1 {
				return ""
			}
			return managedBy(fmt.Sprint("bulkId:", i+1))
		})
		made("ring", func(i int) string { return managedBy(fmt.Sprint("bulkId:", (i+1)%n)) })
		made("self", func(i int) string { return managedBy(fmt.Sprint("bulkId:", i)) })
		var everybody strings.Builder
		for i := range 300 {
			fmt.Fprintf(&everybody, `{"value":"bulkId:%d"},`, i*3)
		}
		all := `,"ims":[` + strings.TrimSuffix(everybody.String(), ",") + `]`
		ops := make([]string, 300)
		for i := range ops {
			ops[i] = post("/Users", fmt.Sprint(i*3), fmt.Sprint("all", i), strings.ReplaceAll(all, `"value":"bulkId:0"`,
				`"value":"x"`))
		}
		start := time.Now()
		for _, o := range b.bulk(strings.Join(ops, ","), "") {
			require.Equal(t, "201", o.Status)
		}
		t.Log("all to all", time.Since(start))
	})
}
