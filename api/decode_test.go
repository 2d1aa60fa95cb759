package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

func TestDecodeObject(t *testing.T) {
	for body, want := range map[string]string{
		``:                                      "the body is empty: it must be a JSON object",
		" \n":                                   "the body is empty: it must be a JSON object",
		`{`:                                     "the body is not valid JSON",
		`{"name":"a"} {}`:                       "the body is not valid JSON",
		`{"name":"a"}x`:                         "the body is not valid JSON",
		`{"name":"a",}`:                         "the body is not valid JSON",
		"{\"name\":\"a\x00\"}":                  "the body is not valid JSON",
		"{\"name\":\"\xff\"}":                   "the body is not UTF-8",
		"\xef\xbb\xbf{}":                        "the body is not valid JSON",
		`[]`:                                    "the body must be a JSON object",
		`"name"`:                                "the body must be a JSON object",
		`null`:                                  "the body must be a JSON object",
		`{}`:                                    "name is required",
		`{"name":1}`:                            "name must be a string",
		`{"name":{}}`:                           "name must be a string",
		`{"name":null}`:                         "name must be a string",
		`{"name":"a","maybe":null}`:             "maybe must be a string",
		`{"name":"a","flag":"true"}`:            "flag must be true or false",
		`{"name":"a","on":1}`:                   "on must be true or false",
		`{"name":"a","name":"b"}`:               "the field name is given more than once",
		`{"Name":"a"}`:                          `unknown field "Name"`,
		`{"name":"a","other":[[1,2]]}`:          `unknown field "other"`,
		`{"` + strings.Repeat("x", 70) + `":1}`: `unknown field "` + strings.Repeat("x", 64) + `…"`,
	} {
		var name string
		var maybe *string
		var flag bool
		var on *bool
		err := decodeObject([]byte(body), fields{"name": &name, "maybe": &maybe, "flag": &flag, "on": &on},
			[]string{"name"})
		require.Error(t, err, "%q", body)
		assert.Equal(t, membership.KindInvalid, membership.KindOf(err))
		assert.Equal(t, want, err.Error(), "%q", body)
	}

	var name string
	var maybe *string
	var on *bool
	require.NoError(t, decodeObject([]byte(` {"on":false,"name":"\u00e4"} `),
		fields{"name": &name, "maybe": &maybe, "on": &on}, nil))
	assert.Equal(t, "ä", name)
	assert.Nil(t, maybe)
	assert.False(t, *on)
}

func FuzzDecodeObject(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"name":"a","on":true}`, `{"name":"a"}{}`, `{"name":"\ud800"}`,
		`{"a":[{"b":1}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var name string
		var on *bool
		if decodeObject(body, fields{"name": &name, "on": &on}, []string{"name"}) != nil {
			return
		}
		var v struct {
			Name *string `json:"name"`
			On   *bool   `json:"on"`
		}
		require.NoError(t, json.Unmarshal(body, &v))
		require.Equal(t, name, *v.Name)
		require.Equal(t, on, v.On)
	})
}

func TestBodies(t *testing.T) {
	h := newHouse(t, dbtest.Open(t, dbtest.URL(t, "sqlite")), Config{MaxBody: 100})
	post := func(body string, changes ...with) reply { return h.do(http.MethodPost, "/v1/groups", body, changes...) }
	fits := `{"display_name":"` + strings.Repeat("a", 81) + `"}`
	require.Len(t, fits, 100)

	post(fits).is(http.StatusCreated)
	post(fits+" ").fails(http.StatusRequestEntityTooLarge, codeTooLarge)
	post(strings.Repeat("[", 1000)).fails(http.StatusRequestEntityTooLarge, codeTooLarge)
	post(fits, header("Content-Type")).is(http.StatusCreated)
	post(fits, header("Content-Type", "application/json; charset=utf-8")).is(http.StatusCreated)
	for _, other := range []string{"text/plain", "application/x-www-form-urlencoded", "json", "application/jsonp"} {
		post(fits, header("Content-Type", other)).fails(http.StatusUnsupportedMediaType, codeInvalidInput)
	}
	assert.Len(t, h.do(http.MethodGet, "/v1/groups", "").data(), 3)
}

// A list is not decoded when it is longer than any may be.
func TestLongListsAreNotDecoded(t *testing.T) {
	list := func(element string, n int) string { return "[" + strings.Repeat(element+",", n-1) + element + "]" }
	var texts []string
	into := fields{"a": &texts}
	assert.NoError(t, decodeObject([]byte(`{"a":`+list(`"x,\"["`, maxElements)+`}`), into, nil))
	assert.Len(t, texts, maxElements)
	long := `{"a":` + list(`""`, 3_000_000) + `}`
	assert.LessOrEqual(t, testing.AllocsPerRun(1, func() {
		err := decodeObject([]byte(long), into, nil)
		assert.EqualError(t, err, "a must have fewer than 20000 elements")
	}), 50.0)
	assert.NoError(t, checkElements("a", []byte(list(`{"a":1,"b":[1,2,3,4]}`, maxElements))), "each list for itself")
}

// A POST that needs no body reads one all the same, and takes no field that it does not
// know.
func TestBodiesThatAreNotNeeded(t *testing.T) {
	h := newHouse(t, dbtest.Open(t, dbtest.URL(t, "sqlite")), Config{})
	mine := h.furnish(h.mine, "")
	for _, name := range []string{
		"POST /v1/requests/{id}/dry-run", "POST /v1/webhooks/{id}/test",
		"POST /v1/webhooks/{id}/deliveries/{delivery_id}/retry",
	} {
		row := accessTable[name]
		at, _ := row.with(mine)
		for body, want := range map[string]int{
			"": row.status, "{}": row.status, `{"x":1}`: 400, "[]": 400, "x": 400,
			`{"x":"` + strings.Repeat("x", 2<<20) + `"}`: 413,
		} {
			assert.Equal(t, want, h.do(http.MethodPost, at, body).status, "%s %.20q", name, body)
		}
	}
}
