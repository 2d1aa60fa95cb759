package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// withReason is a row of the table of access with a reason: in the query of a
// DELETE, else in the body.
func (a access) withReason(method string, ids things, reason string) (path, body string) {
	path, body = a.with(ids)
	switch {
	case method == http.MethodDelete:
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		return path + sign + "reason=" + url.QueryEscape(reason), body
	case strings.HasPrefix(body, `{"reason":`): // it has to have one
		return path, `{"reason":"` + reason + `"}`
	case body == "", body == "{}":
		return path, `{"reason":"` + reason + `"}`
	}
	return path, strings.Replace(body, "{", `{"reason":"`+reason+`",`, 1)
}

// Every write under /v1 takes a reason, and every event that it leaves has it.
func TestEveryWriteKeepsItsReason(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, rt := range (&door{}).routes() {
			if rt.method == http.MethodGet || !strings.HasPrefix(rt.path, "/v1/") {
				continue
			}
			name := rt.method + " " + rt.path
			if name == "POST /v1/webhooks/{id}/test" || name == "POST /v1/requests/{id}/dry-run" {
				continue // they change nothing
			}
			row := accessTable[name]
			if row.status == http.StatusNotFound {
				continue // there is nothing that it could change: see TestRule16
			}
			ids := h.furnish(h.mine, " "+name)
			if strings.HasSuffix(rt.path, ":batch") {
				row.body = `{"add":["{user}"],"remove":["{member}"]}`
			}
			count := func() (int, []membership.Event) {
				es := dbtest.Events(t, h.store, h.mine.TenantID, membership.EventFilter{})
				return len(es), es
			}
			before, _ := count()

			path, body := row.withReason(rt.method, ids, strings.Repeat("x", 3201))
			assert.Equal(t, "reason is longer than 3200 bytes",
				h.do(rt.method, path, body).fails(http.StatusBadRequest, codeInvalidInput), name)
			n, _ := count()
			assert.Equal(t, before, n, name)

			path, body = row.withReason(rt.method, ids, "INC-4711")
			r := h.do(rt.method, path, body)
			require.Equal(t, row.status, r.status, "%s: %s", name, r.body)
			n, events := count()
			assert.Greater(t, n, before, "%s leaves no event", name)
			for _, e := range events[before:] {
				assert.Equal(t, "INC-4711", e.Reason, "%s: the event %s", name, e.Action)
			}
		}
	})
}
