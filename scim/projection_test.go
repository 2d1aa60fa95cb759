package scim

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProjection(t *testing.T) {
	const resource = `{"id":"1","schemas":["s"],"userName":"u","active":true,"name":{"givenName":"G","familyName":"F"},
		"emails":[{"value":"a","type":"work"}],"meta":{"version":"v"},
		` + ent + `:{"department":"d","manager":{"value":"M"}},"urn:x:custom:User":{"k":"v"}}`
	for _, tt := range []struct{ only, except, want string }{
		{"", "", resource},
		{"id", "", `{"id":"1","schemas":["s"]}`},
		{"USERNAME,emails.value", "", `{"id":"1","schemas":["s"],"userName":"u","emails":[{"value":"a"}]}`},
		{"name.givenName", "", `{"id":"1","schemas":["s"],"name":{"givenName":"G"}}`},
		{"urn:ietf:params:scim:schemas:core:2.0:User:active", "", `{"id":"1","schemas":["s"],"active":true}`},
		{enterpriseURN, "", `{"id":"1","schemas":["s"],` + ent + `:{"department":"d","manager":{"value":"M"}}}`},
		{enterpriseURN + ":manager", "", `{"id":"1","schemas":["s"],` + ent + `:{"manager":{"value":"M"}}}`},
		{"urn:x:custom:User", "", `{"id":"1","schemas":["s"],"urn:x:custom:User":{"k":"v"}}`},
		{"urn:x:custom:User:k", "", `{"id":"1","schemas":["s"],"urn:x:custom:User":{"k":"v"}}`},
		{"nothing", "", `{"id":"1","schemas":["s"]}`},
		{"", "id,schemas,meta,name,emails,active,urn:x:custom:User," + enterpriseURN,
			`{"id":"1","schemas":["s"],"userName":"u"}`},
		{"", "meta,active,userName,name.GIVENNAME,emails.type,urn:x:custom:User,department," + enterpriseURN +
			":manager",
			`{"id":"1","schemas":["s"],"name":{"familyName":"F"},"emails":[{"value":"a"}]}`},
		{"userName,name", "name.givenName", `{"id":"1","schemas":["s"],"userName":"u","name":{"familyName":"F"}}`},
	} {
		r, err := object([]byte(resource))
		require.NoError(t, err)
		have, err := encode(userType.newProjection(namesOf(t, tt.only), namesOf(t, tt.except)).of(r))
		require.NoError(t, err)
		assert.JSONEq(t, tt.want, string(have), "attributes=%s excludedAttributes=%s", tt.only, tt.except)
	}
}

func TestReadQuery(t *testing.T) {
	p, err := readQuery("startIndex=-5&count=99999999999999999999&filter=userName+eq+%22x%2By%22&")
	require.NoError(t, err)
	assert.Equal(t, parameters{filter: `userName eq "x+y"`, hasFilter: true, startIndex: 1, hasStartIndex: true,
		count: maxCount}, p)
	p, err = readQuery("STARTINDEX=99999999999999999999&count=-1&attributes=a,b&attributes=c&junk=%41;")
	require.NoError(t, err)
	assert.Equal(t, parameters{attributes: []string{"a", "b", "c"}, startIndex: 1<<31 - 1, hasStartIndex: true,
		count: 0}, p)
	for _, bad := range []string{"count=x", "startIndex=1.5", "filter=%zz", "filter=%", "filter=%ff",
		"count=1&count=2", "filter=a&FILTER=b"} {
		_, err := readQuery(bad)
		assert.Error(t, err, "%s", bad)
	}
}

func TestTags(t *testing.T) {
	for header, want := range map[string][]int64{
		`W/"3"`: {3}, `"3"`: {3}, `3`: {3}, `W/"3", W/"14"`: {3, 14}, `W/"x"`: {never}, `W/"03"`: {never},
		`W/"-1"`: {never}, ``: nil,
	} {
		have, star := tags([]string{header})
		assert.Equal(t, want, have, "%s", header)
		assert.False(t, star)
	}
	_, star := tags([]string{"*"})
	assert.True(t, star)
}

func namesOf(t require.TestingT, list string) []string {
	names, err := appendNames(nil, list)
	require.NoError(t, err)
	return names
}

// TestNamesWithAFilter: a value filter in a list of names is read and narrows
// nothing; its commas, blanks and brackets separate nothing.
func TestNamesWithAFilter(t *testing.T) {
	const core = "urn:ietf:params:scim:schemas:core:2.0:User"
	for list, want := range map[string][]string{
		`emails[type eq "work"]`:                        {"emails"},
		`userName,emails[type eq "work"].value title`:   {"userName", "emails.value", "title"},
		`emails[value eq "a, b]\"["] , title`:           {"emails", "title"},
		core + `:emails[type eq "work"],name.givenName`: {core + ":emails", "name.givenName"},
		core + `.emails[type eq "x"].type`:              {core + ".emails.type"},
		``:                                              nil,
	} {
		assert.Equal(t, want, namesOf(t, list), list)
	}
	for _, list := range []string{`emails[type eq 'work']`, `emails[`, `emails[type]`, `a[b pr]c`,
		`emails[type eq "x]`} {
		_, err := appendNames(nil, list)
		require.Error(t, err, list)
		assert.Equal(t, typeInvalidPath, errorOf(err).scimType, list)
		_, err = readSearch([]byte(`{"sortBy":` + text(t, list) + `}`))
		require.Error(t, err, list)
	}
}
