package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBulkOperationRefused: an operation that is none fails alone.
func TestBulkOperationRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ann := b.user("ann")
		i := 0
		for op, status := range map[string]string{
			`5`: "400", `null`: "400", `"x"`: "400", `[]`: "400", `{}`: "400",
			`{"method":5,"path":"/Users"}`:                                                            "400",
			`{"method":"post","path":"/Users","bulkId":"x","data":{"userName":"lost"}}`:               "400",
			`{"method":"GET","path":"/Users"}`:                                                        "400",
			`{"method":"POST","path":"/Users","data":{"userName":"lost"}}`:                            "400",
			`{"method":"POST","path":"/Users","bulkId":"","data":{"userName":"lost"}}`:                "400",
			`{"method":"POST","path":"/Users","bulkId":7,"data":{"userName":"lost"}}`:                 "400",
			`{"method":"POST","path":"/Users","bulkId":"x"}`:                                          "400",
			`{"method":"POST","path":"/Users","bulkId":"x","data":null}`:                              "400",
			`{"method":"POST","path":"/Users","bulkId":"x","data":"{\"userName\":\"lost\"}"}`:         "400",
			`{"method":"POST","path":"/Users","bulkId":"x","data":[{"userName":"lost"}]}`:             "400",
			`{"method":"POST","path":"/Users","bulkId":"x","data":["bulkId:x"]}`:                      "400",
			`{"method":"POST","path":"/Users","bulkId":"x","data":"bulkId:x"}`:                        "400",
			`{"method":"POST","path":"/Users/` + ann + `","bulkId":"x","data":{"userName":"lost"}}`:   "400",
			`{"method":"POST","path":"/Users/.search","bulkId":"x","data":{"userName":"lost"}}`:       "400",
			`{"method":"POST","path":"/Bulk","bulkId":"x","data":{"Operations":[]}}`:                  "400",
			`{"method":"POST","path":"/Users/../Bulk","bulkId":"x","data":{"Operations":[]}}`:         "400",
			`{"method":"POST","path":"/Me","bulkId":"x","data":{"userName":"lost"}}`:                  "400",
			`{"method":"POST","path":"/user","bulkId":"x","data":{"userName":"lost"}}`:                "400",
			`{"method":"POST","path":"Users","bulkId":"x","data":{"userName":"lost"}}`:                "400",
			`{"method":"POST","path":"https://x.example/Users","bulkId":"x","data":{"userName":"x"}}`: "400",
			`{"method":"POST","path":"","bulkId":"x","data":{"userName":"lost"}}`:                     "400",
			`{"method":"POST","path":5,"bulkId":"x","data":{"userName":"lost"}}`:                      "400",
			`{"method":"PUT","path":"/Users","data":{"userName":"lost"}}`:                             "400",
			`{"method":"PUT","path":"/Users/` + ann + `"}`:                                            "400",
			`{"method":"PUT","path":"/Users/` + ann + `","version":1,"data":{"userName":"lost"}}`:     "400",
			`{"method":"PUT","path":"/Users/` + ann + `/x","data":{"userName":"lost"}}`:               "400",
			`{"method":"PUT","path":"/Users/.search","data":{"userName":"lost"}}`:                     "405",
			`{"method":"PATCH","path":"/Users/` + ann + `","data":{"Operations":5}}`:                  "400",
			`{"method":"PATCH","path":"/Users/` + ann + `","data":["bulkId:x"]}`:                      "400",
			`{"method":"DELETE","path":"/Users"}`:                                                     "400",
			`{"method":"DELETE","path":"/Users/` + strings.ToUpper(ann) + `"}`:                        "404",
			`{"method":"DELETE","path":"/Users/%2e%2e"}`:                                              "404",
			`{"method":"POST","path":"/Users","bulkId":"x","data":{"userName":"x","title":"` + strings.Repeat("x",
				1<<20) + `"}}`: "413",
		} {
			i++
			all := b.bulk(op+","+post("/Users", "good", fmt.Sprint("good", i), ""), "")
			require.Len(t, all, 2)
			require.Equal(t, status, all[0].Status, "%.200s: %v", op, all[0])
			require.Equal(t, "201", all[1].Status)
		}
		require.Zero(t, b.total("/Users", `userName eq "lost"`))
		require.Equal(t, `W/"1"`, b.do("GET", "/Users/"+ann, "").want(200).header.Get("ETag"))
	})
}

// TestBulkMessageRefused: a message that is none is refused as a whole.
func TestBulkMessageRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		good := post("/Users", "x", "lost", "")
		for body, scimType := range map[string]string{
			``: "invalidSyntax", `[]`: "invalidSyntax", `null`: "invalidSyntax", `{}`: "invalidSyntax",
			`{"Operations":null}`: "invalidSyntax",
			`{"Operations":{}}`:   "invalidSyntax", `{"Operations":"x"}`: "invalidSyntax",
			`{"Operations":[` + good +
				`]`: "invalidSyntax",
			`{"Operations":[` + good +
				`]} x`: "invalidSyntax",
			`{"Operations":[` + good +
				`],"failOnErrors":"1"}`: "invalidSyntax",
			`{"Operations":[` + good + `],"failOnErrors":-1}`: "invalidValue",
			`{"Operations":[` + good +
				`],"failOnErrors":1.5}`: "invalidSyntax",
			`{"Operations":[` + good +
				`],"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`: "invalidSyntax",
			`{"Operations":[` + good + `,` + strings.Repeat("[", 100) + strings.Repeat("]", 100) +
				`]}`: "invalidSyntax",
			`{"Operations":[` + good + `,{"bulkId":"\u0000"}]}`: "invalidValue",
		} {
			b.do("POST", "/Bulk", body).wantError(400, scimType)
		}
		b.do("POST", "/Bulk", `{"Operations":[`+good+`]}`, "Content-Type: text/plain").wantError(415, "")
		b.do("POST", "/Bulk", `{"Operations":[`+good+`]}`, "Authorization: none").wantError(401, "")
		b.do("GET", "/Bulk", "").wantError(405, "")
		require.Zero(t, b.total("/Users", `id pr`))
		require.Empty(t, b.bulk("", ""))
		b.do("POST", "/Bulk?attributes=id", "\ufeff"+`{"operations":[`+good+`]}`).want(200)
		require.Equal(t, 1, b.total("/Users", `userName eq "lost"`))
	})
}

// TestBulkLimits is RFC 7644 section 3.7.4: what is announced is held, and the
// limit that was exceeded is named.
func TestBulkLimits(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		limits := b.do("GET", "/ServiceProviderConfig", "").want(200).json()["bulk"].(map[string]any)
		require.Equal(t,
			map[string]any{"supported": true, "maxOperations": 1000.0, "maxPayloadSize": 4194304.0}, limits)
		r := b.do("POST", "/Bulk", `{"Operations":[`+post("/Users", "x", "lost", "")+strings.Repeat(",0",
			1000)+`]}`).wantError(413, "")
		require.Contains(t, r.json()["detail"], "maxOperations (1000)")
		b.do("POST", "/Bulk", `{"Operations":[0`+strings.Repeat(",0", 2_000_000)+`]}`).wantError(413, "")
		r = b.do("POST", "/Bulk", `{"Operations":[`+post("/Users", "x", "lost", "")+`],"x":"`+strings.Repeat("x",
			4<<20)+`"}`).wantError(413, "")
		require.Contains(t, r.json()["detail"], "maxPayloadSize (4194304)")
		require.Zero(t, b.total("/Users", `id pr`))
		require.Len(t, b.bulk(`0`+strings.Repeat(",0", 999), ""), 1000)
	})
}
