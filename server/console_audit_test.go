package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/seal"
)

var (
	eventLinks = regexp.MustCompile(`href="/console/audit/events/(\d+)"`)
	nextLinks  = regexp.MustCompile(`href="([^"]+)" rel="next"`)
	groupRows  = regexp.MustCompile(`<th scope="row" data-label="Group"><a href="[^"]+">([^<]+)</a>`)
)

const person = `{"user_name":"u%[1]d@example.com","email":"u%[1]d@example.com","name":"Person %[1]d"}`

// everyPage collects what an expression finds on a page and those after it.
func (v *visitor) everyPage(path string, of *regexp.Regexp) (found []string, pages int) {
	v.t.Helper()
	for path != "" {
		p := v.get(path)
		require.Equal(v.t, http.StatusOK, p.status, p.body)
		for _, m := range of.FindAllStringSubmatch(p.body, -1) {
			found = append(found, m[1])
		}
		pages++
		path = ""
		if next := nextLinks.FindStringSubmatch(p.body); next != nil {
			path = strings.ReplaceAll(next[1], "&amp;", "&")
		}
	}
	return found, pages
}

// The events on all pages are those of the API, the newest first, each once, whatever is
// asked for.
func TestConsoleEventsByPage(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		var some, group string
		for i := range 170 {
			if i%60 == 0 {
				some = w.made("/v1/users", fmt.Sprintf(person, i), b)["id"].(string)
			}
			group = w.made("/v1/groups", fmt.Sprintf(`{"display_name":"Group %d"}`, i), b)["id"].(string)
			if i%40 == 0 {
				w.made("/v1/groups/"+group+"/members", `{"user_id":"`+some+`","reason":"x"}`, b)
			}
		}
		v := newVisitor(t, s.BaseURL()).logIn(b.APIToken)
		for filters, same := range map[string]string{
			"":                     "",
			"action=group.created": "action=group.created",
			"action=grant.opened":  "action=grant.opened",
			"user=u120@example.com&action=grant.opened": "user_id=" + some + "&action=grant.opened",
			"group=Group+169":                           "group_id=" + group,
			"connection=okta":                           "connection_id=" + b.ConnectionID.String(),
			"actor=operator%3Acli":                      "actor=operator:cli",
			"from=2020-01-01T00:00&action=grant.opened": "from=2020-01-01T00:00:00Z&action=grant.opened",
			"from=2020-01-01&to=2100-01-01":             "to=2100-01-01T00:00:00Z",
			"to=2020-01-01":                             "to=2020-01-01T00:00:00Z",
			"action=webhook.created":                    "action=webhook.created",
		} {
			res := w.send(http.MethodGet, "/v1/audit/events?limit=1000&"+same, "", "Bearer "+b.APIToken, b.TenantID)
			require.Equal(t, http.StatusOK, res.status, res.body)
			var want struct{ Data []struct{ Number int64 } }
			require.NoError(t, json.Unmarshal([]byte(res.body), &want))
			found, pages := v.everyPage("/console/audit?"+filters, eventLinks)
			var numbers []string
			for i := range want.Data {
				numbers = append(numbers, strconv.FormatInt(want.Data[len(want.Data)-1-i].Number, 10))
			}
			assert.Equal(t, numbers, found, filters)
			assert.Equal(t, max(1, (len(numbers)+49)/50), pages, filters)
		}
		for filters, says := range map[string]string{
			"user=nobody": "No user is called so", "actor=x": "kind:id", "from=x": "must be a date",
			"action=x": "No event has this action", "group=nothing": "No group", "connection=nothing": "No connection",
		} {
			p := v.get("/console/audit?" + filters)
			assert.Equal(t, http.StatusBadRequest, p.status, filters)
			assert.Contains(t, p.body, says, filters)
		}
		for _, path := range []string{"0", "100000", "x", "-1", "99999999999999999999"} {
			assert.Equal(t, http.StatusNotFound, v.get("/console/audit/events/"+path).status, path)
		}
		assert.Equal(t, http.StatusBadRequest, v.get("/console/audit?cursor=x").status)
	})
}

// What is downloaded from the pages is what the page shows, and verifies with the key
// beside it and without the server.
func TestConsoleDownloadsVerify(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		group := w.made("/v1/groups", `{"display_name":"Engineering"}`, b)["id"].(string)
		other := w.made("/v1/groups", `{"display_name":"Other"}`, b)["id"].(string)
		for i := range 60 {
			user := w.made("/v1/users", fmt.Sprintf(person, i), b)["id"].(string)
			w.made("/v1/groups/"+group+"/members", `{"user_id":"`+user+`","reason":"=on call"}`, b)
			if i < 10 {
				w.made("/v1/groups/"+other+"/members", `{"user_id":"`+user+`"}`, b)
			}
		}
		require.NoError(t, s.sealer.Number(t.Context()))
		require.NoError(t, s.sealer.Seal(t.Context()))
		v := newVisitor(t, s.BaseURL()).logIn(b.APIToken)
		rows, pages := v.everyPage("/console/audit/register", groupRows)
		assert.Len(t, rows, 70)
		assert.Equal(t, 2, pages)
		rows, _ = v.everyPage("/console/audit/register?group=other", groupRows)
		assert.Len(t, rows, 10)

		dir := t.TempDir()
		keep := func(name string, p shownPage) string {
			t.Helper()
			require.Equal(t, http.StatusOK, p.status, p.body)
			assert.Contains(t, p.header.Get("Content-Disposition"), "attachment", name)
			file := filepath.Join(dir, name)
			require.NoError(t, os.WriteFile(file, []byte(p.body), 0o600))
			return file
		}
		key := keep("vkey", v.get("/console/audit/proof/key"))
		v.get("/console/audit/register?group=other")
		files := seal.Files{Names: []string{
			keep("checkpoint", v.get("/console/audit/proof/checkpoint")),
			keep("all.csv", v.post("/console/audit/register", "format", "csv")),
			keep("other.jsonl", v.post("/console/audit/register", "format", "jsonl", "group", other)),
			keep("exceptions.csv", v.post("/console/audit/exceptions", "format", "csv")),
			keep("event-3.proof", v.get("/console/audit/events/3/proof/proof")),
		}}
		keep("event-3.proof.jsonl", v.get("/console/audit/events/3/proof/event"))
		var err error
		files.Keys, err = seal.KeysOf([]string{key})
		require.NoError(t, err)
		results, err := files.Verify()
		require.NoError(t, err)
		require.Len(t, results, len(files.Names))
		for _, r := range results {
			assert.True(t, r.Signed, r.Name)
		}
		assert.Equal(t, int64(70), results[1].Report.Rows)
		assert.Equal(t, int64(10), results[2].Report.Rows)

		for name, p := range map[string]shownPage{
			"no format":      v.post("/console/audit/register"),
			"another format": v.post("/console/audit/register", "format", "xml"),
			"the future":     v.post("/console/audit/register", "format", "csv", "as_of", "2100-01-01T00:00:00Z"),
			"no group":       v.post("/console/audit/register", "format", "csv", "group", "other"),
			"on a page":      v.get("/console/audit/register?as_of=2100-01-01"),
			"another kind":   v.get("/console/audit/exceptions?kind=x"),
		} {
			assert.Equal(t, http.StatusBadRequest, p.status, name)
		}
	}, func(c *config.Config) { c.SealKeyFile = filepath.Join(t.TempDir(), "seal.key") })
}
