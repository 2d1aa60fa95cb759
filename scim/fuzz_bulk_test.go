package scim

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// newPretending returns a door that takes everything and keeps nothing.
func newPretending() *door {
	d := &door{base: "http://x" + root, maxBody: 1 << 20, maxGroupBody: 1 << 20, maxBulkBody: 1 << 20,
		log: zap.NewNop()}
	take := func(x *exchange) error {
		if x.r.Method != http.MethodDelete {
			body, err := x.body(d.maxBody)
			if err != nil {
				return err
			}
			if _, err := object(body); err != nil {
				return err
			}
		}
		if x.r.Method == http.MethodPost {
			x.w.Header().Set("Location", d.base+"/Users/"+membership.NewID().String())
		}
		x.w.Header().Set("ETag", membership.ETag(1))
		return x.sendNothing(http.StatusOK)
	}
	d.endpoints = map[string]methods{}
	for _, t := range resourceTypes {
		d.endpoints[t.endpoint] = methods{"POST": take}
		d.endpoints[t.endpoint+"/{id}"] = methods{"PUT": take, "PATCH": take, "DELETE": take}
	}
	return d
}

// FuzzBulk: whatever refers to whatever, a bulk request ends, each operation has
// one result, and none fails for a reason of the server's.
func FuzzBulk(f *testing.F) {
	for _, ops := range []string{
		`{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a"}},{"method":"PATCH",` +
			`"path":"/Users/bulkId:a","data":{"Operations":[]}}`,
		`{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"g","members":[{"value":"bulkId:u"}]}},
			{"method":"POST","path":"/Users","bulkId":"u","data":{"userName":"u","urn:x:y":{"to":"bulkId:g"}}}`,
		`{"method":"POST","path":"/Users","bulkId":"a","data":{"manager":"bulkId:b"}},{"method":"POST",` +
			`"path":"/Users",` +
			`"bulkId":"b","data":{"manager":"bulkId:a"}},
			{"method":"DELETE","path":"/Users/bulkId:a"},{"method":"PUT","path":"/Users/bulkId:a",
				"data":{"x":["bulkId:b",` +
			`{"y":"bulkId:none"}]}}`,
		`5,null,[],{},{"method":"GET"},{"method":"POST","path":"/Bulk","bulkId":""},{"method":"DELETE",` +
			`"path":"/Users/x",` +
			`"version":"W/\"1\""}`,
		`{"method":"POST","path":"/Users","bulkId":"a","data":{"x":"bulkId:a"}},{"method":"POST","path":"/Users",` +
			`"bulkId":"a","data":{}}`,
	} {
		f.Add([]byte(`{"schemas":["` + bulkRequestSchema + `"],"failOnErrors":0,"Operations":[` + ops + `]}`))
		f.Add([]byte(`{"failOnErrors":1,"operations":[` + ops + `]}`))
	}
	d := newPretending()
	f.Fuzz(func(t *testing.T, body []byte) {
		timed(t, func() {
			body, ok := whole(t, body)
			if !ok {
				return
			}
			request, err := readBulk(body)
			if err != nil {
				refusal(t, err)
				return
			}
			r := httptest.NewRequest(http.MethodPost, root+"/Bulk", nil)
			job := d.newBulkJob(&exchange{w: auth.NewAnswer(httptest.NewRecorder()), r: r}, request)
			if err := job.run(); err != nil {
				refusal(t, err)
				return
			}
			for i, o := range job.operations {
				require.Equal(t, i, o.index)
				if s := o.result.Status; request.failOnErrors == 0 || s != "" {
					require.Regexp(t, `^[24][0-9][0-9]$`, s, "%s", o.result.Response)
				}
			}
			if request.failOnErrors == 0 {
				require.Len(t, job.results(), len(request.operations))
			}
		})
	})
}
