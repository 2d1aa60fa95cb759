package api

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

func init() { openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.FileBodyDecoder) }

func TestDocsHaveEveryOperation(t *testing.T) {
	doc, err := loadContract()
	require.NoError(t, err)
	h := newHouse(t, dbtest.Open(t, dbtest.URL(t, "sqlite")), Config{})
	r := h.do(http.MethodGet, "/v1/docs", "", header("Authorization"), header("X-Tenant-ID"))
	require.Equal(t, http.StatusOK, r.status)
	assert.Equal(t, "text/html; charset=utf-8", r.header.Get("Content-Type"))
	page := html.UnescapeString(string(r.body))

	tags := map[string]bool{}
	for _, tag := range doc.Tags {
		tags[tag.Name] = true
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			require.NotEmpty(t, op.OperationID, name)
			require.False(t, ids[op.OperationID], "two operations are named %s", op.OperationID)
			ids[op.OperationID] = true
			require.Len(t, op.Tags, 1, name)
			assert.True(t, tags[op.Tags[0]], "the tag %s of %s is in no list of tags", op.Tags[0], name)
			assert.Contains(t, page, `<section id="`+op.OperationID+`" `)
			assert.Contains(t, page, op.Summary)
			assert.Contains(t, page, `<code>`+path+`</code>`)
			for _, p := range op.Parameters {
				assert.Contains(t, page, `<code>`+p.Value.Name+`</code>`)
			}
		}
	}
	for name := range doc.Components.Schemas {
		assert.Contains(t, page, `id="schema-`+name+`"`)
	}
	assert.Contains(t, page, `curl -X POST "$SCIMBRIDGE_URL/v1/groups/$ID/members:batch" \
  -H "Authorization: Bearer $API_TOKEN" -H "X-Tenant-ID: $TENANT_ID" \
  -H "Content-Type: application/json" -d '{
  "add": [`)
}

// The page works without a network: it is one answer, and refers to nothing
// that is not in it or beside it.
func TestDocsAskNothingOfOtherHosts(t *testing.T) {
	h := newHouse(t, dbtest.Open(t, dbtest.URL(t, "sqlite")), Config{})
	r := h.do(http.MethodGet, "/v1/docs/", "")
	page := string(r.body)
	sum := sha256.Sum256([]byte(docsStyle))
	assert.Equal(t, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'", r.header.Get("Content-Security-Policy"))
	assert.Contains(t, page, "<style>"+docsStyle+"</style>", "what the policy allows is what is there")
	for _, not := range []string{"<script", "<img", "<link", "<iframe", "<object", "@import", "url(", " src=",
		" style="} {
		assert.NotContains(t, page, not)
	}
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		assert.False(t, anchors[m[1]], "the id %s is there twice", m[1])
		anchors[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if to, within := strings.CutPrefix(m[1], "#"); within {
			assert.True(t, anchors[to], "nothing has the id %s", to)
			continue
		}
		assert.Equal(t, "/v1/openapi.yaml", m[1])
	}
}

// A search lists what has every word, and links to it; what is sent is text.
func TestDocsSearch(t *testing.T) {
	h := newHouse(t, dbtest.Open(t, dbtest.URL(t, "sqlite")), Config{})
	search := func(q string) reply {
		return h.do(http.MethodGet, "/v1/docs?q="+q, "", header("Authorization"), header("X-Tenant-ID"))
	}
	r := search("Removals+allow")
	require.Equal(t, http.StatusOK, r.status, string(r.body))
	page := string(r.body)
	assert.Contains(t, page, `href="/v1/docs#allowRemovals"`)
	assert.NotContains(t, page, `href="/v1/docs#listUsers"`)
	assert.NotContains(t, page, "<script")
	assert.Contains(t, string(search("zzzz").body), "Nothing has all of these words")
	assert.Contains(t, string(search("e").body), "Another word makes it fewer")
	assert.NotContains(t, string(search("%3Cscript%3E").body), "<script")
	assert.Contains(t, string(search("").body), `<section id="listUsers"`)
	assert.Equal(t, http.StatusBadRequest, search(strings.Repeat("x", 101)).status)
}
