package api

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

var loadContract = sync.OnceValues(func() (*openapi3.T, error) {
	openapi3.DefineStringFormatValidator("uuid", openapi3.NewRegexpFormatValidator(
		`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`))
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(openAPIDocument)
	if err != nil {
		return nil, err
	}
	// With the examples: they are what people copy.
	return doc, doc.Validate(loader.Context, openapi3.EnableExamplesValidation(),
		openapi3.EnableSchemaFormatValidation())
})

var contractRouter = sync.OnceValues(func() (routers.Router, error) {
	doc, err := loadContract()
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

func contract(t testing.TB) routers.Router {
	t.Helper()
	r, err := contractRouter()
	require.NoError(t, err)
	return r
}

func TestContractHasEveryRouteAndNoOther(t *testing.T) {
	doc, err := loadContract()
	require.NoError(t, err)
	var documented, routed []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	for _, rt := range (&door{}).routes() {
		routed = append(routed, rt.method+" "+rt.path)
	}
	assert.ElementsMatch(t, routed, documented)
}

// The parameters that routes take are closures' business, so they are asked:
// what the contract names is known, and nothing else is.
func TestContractHasEveryQueryParameter(t *testing.T) {
	doc, err := loadContract()
	require.NoError(t, err)
	all := map[string]bool{"unheard_of": true}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, p := range op.Parameters {
				all[p.Value.Name] = true
			}
		}
	}
	store := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	h := newHouse(t, store, Config{})
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for name := range all {
				if path == "/v1/docs" && name == "q" {
					continue // a search that is sent empty shows the whole page
				}
				known := op.Parameters.GetByInAndName("query", name) != nil
				r := h.do(method, strings.NewReplacer(
					"{orgId}", h.mine.TenantID.String(), "{organization_id}", h.mine.TenantID.String()).
					Replace(path)+"?"+name+"=", "")
				message := r.fails(http.StatusBadRequest, codeInvalidInput)
				if known {
					assert.Equal(t, "the query parameter "+name+" is empty", message, "%s %s", method, path)
				} else {
					assert.Equal(t, `unknown query parameter "`+name+`"`, message, "%s %s", method, path)
				}
			}
		}
	}
}

func TestContractIsServedWithoutCredentials(t *testing.T) {
	h := newHouse(t, dbtest.Open(t, dbtest.URL(t, "sqlite")), Config{})
	r := h.do(http.MethodGet, "/v1/openapi.yaml", "", header("Authorization"), header("X-Tenant-ID"))
	require.Equal(t, http.StatusOK, r.status)
	assert.Equal(t, "application/yaml", r.header.Get("Content-Type"))
	assert.Equal(t, openAPIDocument, r.body)
}
