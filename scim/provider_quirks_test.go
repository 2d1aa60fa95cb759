package scim

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rule is one quirk of provider_quirks.go or rule of the RFC: operations on a user, and what
// becomes of it.
type rule struct {
	name   string
	before string
	ops    string
	after  string // "" with refused: the scimType
	refuse string
}

const ent = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`

var rules = []rule{
	{name: "string booleans",
		ops: `[{"op":"Replace","path":"active","value":"False"},{"op":"add","path":"roles","value":[{"value":"a",` +
			`"primary":"True"}]}]`,
		after: `{"active":false,"roles":[{"value":"a","primary":true}]}`},
	{name: "a boolean that is none", ops: `[{"op":"replace","path":"active","value":"maybe"}]`,
		refuse: typeInvalidValue},
	{name: "clearing active says nothing", before: `{"active":true}`,
		ops: `[{"op":"remove","path":"active"},{"op":"replace","value":{"active":null}}]`, after: `{"active":true}`},
	{name: "manager as a string", ops: `[{"op":"add",` +
		`"path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"M"}]`,
		after: `{` + ent + `:{"manager":{"value":"M"}}}`},
	{name: "manager as an array, without its URN", ops: `[{"op":"Add","path":"manager","value":[{"$ref":"x/Users/M",` +
		`"value":"M"}]}]`,
		after: `{` + ent + `:{"manager":{"value":"M","$ref":"x/Users/M"}}}`},
	{name: "manager cleared by an empty text", before: `{` + ent + `:{"department":"d","manager":{"value":"M",` +
		`"$ref":"r"}}}`,
		ops: `[{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",` +
			`"value":""}]`,
		after: `{` + ent + `:{"department":"d"}}`},
	{name: "manager cleared by an empty value", before: `{` + ent + `:{"manager":{"value":"M","$ref":"r"}}}`,
		ops: `[{"op":"replace","path":"URN:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User:Manager",` +
			`"value":{"value":""}}]`, after: `{}`},
	{name: "manager by its old name", ops: `[{"op":"add",` +
		`"value":{"urn:scim:schemas:extension:enterprise:1.0":{"manager":{"managerId":"M","displayName":"Boss"}}}}]`,
		after: `{` + ent + `:{"manager":{"value":"M"}}}`},
	{name: "keys dotted and with a URN", before: `{` + ent + `:{"department":"keep"}}`,
		ops: `[{"op":"replace","value":{"name.givenName":"G",` +
			`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber":"7"}}]`,
		after: `{"name":{"givenName":"G"},` + ent + `:{"department":"keep","employeeNumber":"7"}}`},
	{name: "a key that is a value path", before: `{"emails":[{"type":"work","value":"a"}]}`,
		ops:   `[{"op":"replace","value":{"emails[type eq \"work\"].value":"b"}}]`,
		after: `{"emails":[{"type":"work","value":"b"}]}`},
	{name: "an object under a URN keeps the rest", before: `{` + ent + `:{"department":"keep","division":"x"}}`,
		ops: `[{"op":"replace","value":{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:user":{"Division":"d",` +
			`"costCenter":null}}}]`,
		after: `{` + ent + `:{"department":"keep","division":"d"}}`},
	{name: "the core URN",
		ops: `[{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:name.familyName",` +
			`"value":"F"},
			{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User":{"title":"T"}}}]`,
		after: `{"name":{"familyName":"F"},"title":"T"}`},
	{name: "letter case of names", ops: `[{"op":"ADD","path":"NAME.GIVENNAME","value":"G"},{"op":"add",` +
		`"value":{"DisplayName":"D","displayName":"d"}}]`,
		after: `{"name":{"givenName":"G"},"displayName":"d"}`},
	{name: "unassigned by null, text, list and object",
		before: `{"title":"t","nickName":"n","emails":[{"value":"a"}],"name":{"givenName":"G","familyName":"F"},` +
			`"roles":[{"value":"r"}]}`,
		ops: `[{"op":"replace","value":{"title":null,"nickName":"","emails":[],"roles":null,` +
			`"name":{"givenName":""}}}]`,
		after: `{"name":{"familyName":"F"}}`},
	{name: "emails as one object", ops: `[{"op":"replace","path":"emails","value":{"value":"a"}}]`,
		after: `{"emails":[{"value":"a"}]}`},
	{name: "elements as bare texts", ops: `[{"op":"add","path":"emails","value":["a","b"]}]`,
		after: `{"emails":[{"value":"a"},{"value":"b"}]}`},
	{name: "elements that say nothing", ops: `[{"op":"add","value":{"emails":[null,{},{"type":"work","value":""}],` +
		`"phoneNumbers":[{"value":null,"type":"x"},{"value":"1"}]}}]`,
		after: `{"phoneNumbers":[{"value":"1"}]}`},
	{name: "unknown attributes", ops: `[{"op":"add","path":"shoeSize","value":9},{"op":"add",` +
		`"path":"address.streetAddress","value":"x"},
			{"op":"add","value":{"costume":{"a":1},"emails":[{"value":"a","colour":"red"}]}},{"op":"remove",
				"path":"shoeSize"}]`,
		after: `{"emails":[{"value":"a"}]}`},
	{name: "read-only attributes without a path", ops: `[{"op":"replace","value":{"id":"x","meta":{"a":1},` +
		`"schemas":["y"],"groups":[],"title":"t"}}]`, after: `{"title":"t"}`},
	{name: "read-only attributes with a path", ops: `[{"op":"replace","path":"groups","value":[]}]`,
		refuse: typeMutability},
	{name: "the id with a path", ops: `[{"op":"replace","path":"id","value":"x"}]`, after: `{}`},
	{name: "a password is never kept",
		ops: `[{"op":"replace","value":{"password":"p"}},{"op":"add","path":"password",` +
			`"value":"p"}]`, after: `{}`},
	{name: "a custom extension is kept as it was sent",
		ops: `[{"op":"add","value":{"urn:x:custom:1.0:User":{"Size":12345678901234567890,"deep":{"a":[1.50,null]},` +
			`"gone":null}}}]`,
		after: `{"urn:x:custom:1.0:User":{"Size":12345678901234567890,"deep":{"a":[1.50,null]}}}`},
	{name: "a custom extension by path", before: `{"urn:x:custom:1.0:User":{"a":"1","b":"2"}}`,
		ops: `[{"op":"replace","path":"urn:x:custom:1.0:user:A","value":"3"},{"op":"remove",` +
			`"path":"urn:x:custom:1.0:User:b"},
			{"op":"add","path":"urn:y:z:User","value":{"k":"v"}}]`,
		after: `{"urn:x:custom:1.0:User":{"a":"3"},"urn:y:z:User":{"k":"v"}}`},
	{name: "a custom extension removed", before: `{"urn:x:custom:1.0:User":{"a":"1"}}`,
		ops: `[{"op":"remove","path":"urn:x:custom:1.0:User"}]`, after: `{}`},
	{name: "a custom extension with a dot in its version", before: `{"urn:okta:custom:1.0":{"a":"1"}}`,
		ops:   `[{"op":"add","value":{"urn:okta:custom:1.0":{"b":"2"},"urn:okta:custom:2.0":{"c":"3"}}}]`,
		after: `{"urn:okta:custom:1.0":{"a":"1","b":"2"},"urn:okta:custom:2.0":{"c":"3"}}`},
	{name: "a URN in the object of another", before: `{` + ent + `:{"department":"d","division":"x"}}`,
		ops: `[{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User":{"title":"T","emails[type eq ` +
			`\"work\"].value":"a",` + ent + `:{"division":"y"}}}}]`,
		after: `{"title":"T","emails":[{"type":"work","value":"a"}],` + ent + `:{"department":"d","division":"y"}}`},
	{name: "an extension removed", before: `{` + ent + `:{"department":"d"}}`,
		ops: `[{"op":"remove","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"}]`, after: `{}`},
	{name: "value path that selects nothing makes the element, one for several operations",
		ops: `[{"op":"Add","path":"addresses[type eq \"work\"].formatted","value":"f"},{"op":"Replace",` +
			`"path":"addresses[type eq \"work\"].country","value":"US"},
			{"op":"add","path":"roles[primary eq \"True\"].display","value":"d"},{"op":"add",
			"path":"roles[primary eq ` +
			`\"True\"].value","value":"v"}]`,
		after: `{"addresses":[{"type":"work","formatted":"f","country":"US"}],"roles":[{"primary":true,"display":"d",` +
			`"value":"v"}]}`},
	{name: "value path that selects nothing and cannot make one",
		ops: `[{"op":"replace","path":"emails[value co \"x\"].type","value":"work"}]`, refuse: typeNoTarget},
	{name: "a removal that selects nothing", ops: `[{"op":"remove","path":"emails[type eq \"work\"]"},{"op":"remove",` +
		`"path":"title"}]`, after: `{}`},
	{name: "value path with an object", before: `{"emails":[{"type":"work","value":"a","display":"A"},{"type":"home",` +
		`"value":"h"}]}`,
		ops: `[{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"b"}},{"op":"add",` +
			`"path":"emails[type ` +
			`eq \"home\"]","value":[{"display":"H"}]}]`,
		after: `{"emails":[{"type":"work","value":"b"},{"type":"home","value":"h","display":"H"}]}`},
	{name: "removals by value path", before: `{"emails":[{"type":"work","value":"a","display":"A"},{"type":"home",` +
		`"value":"h"},{"type":"x","value":"x"}]}`,
		ops: `[{"op":"remove","path":"emails[type eq \"home\"]"},{"op":"remove","path":"emails[type eq \"work\"]` +
			`.display"},{"op":"remove","path":"emails[type eq \"x\"].value"}]`,
		after: `{"emails":[{"type":"work","value":"a"}]}`},
	{name: "a cleared value takes its element", before: `{"phoneNumbers":[{"type":"mobile","value":"1"}]}`,
		ops: `[{"op":"Replace","path":"phoneNumbers[type eq \"mobile\"].value","value":""}]`, after: `{}`},
	{name: "the value decides what a removal takes", before: `{"roles":[{"value":"a","display":"A"},{"value":"b"}]}`,
		ops:   `[{"op":"remove","path":"roles","value":[{"value":"a"}]},{"op":"remove","path":"roles","value":[]}]`,
		after: `{"roles":[{"value":"b"}]}`},
	{name: "a removal without a value takes all", before: `{"roles":[{"value":"a"}],"emails":[{"value":"b"}]}`,
		ops: `[{"op":"remove","path":"roles"},{"op":"remove","path":"emails","value":null}]`, after: `{}`},
	{name: "an added value that is there", before: `{"roles":[{"value":"a","type":"t"}]}`,
		ops: `[{"op":"add","path":"roles","value":[{"value":"a","type":"t"}]},{"op":"add","path":"roles",` +
			`"value":[{"value":"a","type":"t","display":"A"}]}]`,
		after: `{"roles":[{"value":"a","type":"t","display":"A"}]}`},
	{name: "a new primary unsets the old one", before: `{"emails":[{"value":"a","primary":true},{"value":"b"}]}`,
		ops: `[{"op":"add","path":"emails","value":[{"value":"c","primary":true}]},{"op":"replace",` +
			`"path":"emails[value ` +
			`eq \"b\"].primary","value":"true"}]`,
		after: `{"emails":[{"value":"a","primary":false},{"value":"b","primary":true},{"value":"c","primary":false}]}`},
	{name: "okta's primary mail", before: `{"emails":[{"value":"a","primary":true,"type":"work"}]}`,
		ops:   `[{"op":"replace","path":"emails[primary eq true].value","value":"b"}]`,
		after: `{"emails":[{"value":"b","primary":true,"type":"work"}]}`},
	{name: "replace of a list", before: `{"emails":[{"value":"a"}]}`,
		ops: `[{"op":"replace","value":{"emails":[{"value":"b"}]}}]`, after: `{"emails":[{"value":"b"}]}`},
	{name: "add to a list", before: `{"emails":[{"value":"a"}]}`,
		ops: `[{"op":"add","value":{"emails":[{"value":"b"}]}}]`, after: `{"emails":[{"value":"a"},{"value":"b"}]}`},
	{name: "a sub-attribute of all elements", before: `{"emails":[{"value":"a"},{"value":"b"}]}`,
		ops: `[{"op":"replace","path":"emails.type","value":"x"},{"op":"add","path":"phoneNumbers.value",` +
			`"value":"1"}]`,
		after: `{"emails":[{"value":"a","type":"x"},{"value":"b","type":"x"}],"phoneNumbers":[{"value":"1"}]}`},
	{name: "numbers where texts are meant", ops: `[{"op":"add","value":{"userName":5,"externalId":1.50,` +
		`"phoneNumbers":[15551234,{"value":7,"type":1}],
			` + ent +
		`:{"employeeNumber":12345678901234567890,"manager":26118915}}},{"op":"add","path":"addresses[type eq ` +
		`\"work\"].postalCode","value":1234}]`,
		after: `{"userName":"5","externalId":"1.50","phoneNumbers":[{"value":"15551234"},{"value":"7","type":"1"}],` +
			`"addresses":[{"type":"work","postalCode":"1234"}],
			` + ent + `:{"employeeNumber":"12345678901234567890","manager":{"value":"26118915"}}}`},
	{name: "a number that was rounded", ops: `[{"op":"add","path":"externalId","value":1.2345678901234568e+21}]`,
		refuse: typeInvalidValue},
	{name: "a value in its own name", before: `{"emails":[{"value":"a"}]}`,
		ops: `[{"op":"add","path":"emails","value":{"Emails":[{"value":"b"}]}},{"op":"replace","path":"displayName",` +
			`"value":{"displayName":"D"}},
			{"op":"replace","path":"name","value":{"name":{"givenName":"G"}}},
			{"op":"add","path":"` + enterpriseURN + `:manager","value":{"` + enterpriseURN + `:manager":{"value":"M"}}},
			{"op":"replace","path":"active","value":{"active":"False"}}]`,
		after: `{"emails":[{"value":"a"},{"value":"b"}],"displayName":"D","name":{"givenName":"G"},"active":false,` +
			ent + `:{"manager":{"value":"M"}}}`},
	{name: "a removal of null in its own name", before: `{"emails":[{"value":"a"}]}`,
		ops: `[{"op":"remove","path":"emails","value":{"emails":null}}]`, after: `{"emails":[{"value":"a"}]}`},
	{name: "a removal that names more than is there", before: `{"emails":[{"value":"Ann@x.test","type":"work"},` +
		`{"value":"b"}],"roles":[{"value":"r","display":"R"}]}`,
		ops: `[{"op":"remove","path":"emails","value":[{"value":"ann@X.test","type":"WORK","primary":"False",` +
			`"display":""}]},{"op":"remove","path":"roles","value":"R"}]`,
		after: `{"emails":[{"value":"b"}]}`},
	{name: "a removal of another element", before: `{"emails":[{"value":"a","type":"work","primary":true}],` +
		`"photos":[{"value":"https://x.test/A"}]}`,
		ops: `[{"op":"remove","path":"emails","value":[{"value":"a","type":"home"},{"value":"a","primary":false},` +
			`{"value":"b","type":"work"}]},
			{"op":"remove","path":"photos","value":[{"value":"https://x.test/a"}]}]`,
		after: `{"emails":[{"value":"a","type":"work","primary":true}],"photos":[{"value":"https://x.test/A"}]}`},
	{name: "an added value in other letters", before: `{"emails":[{"value":"Ann@x.test","type":"work"}]}`,
		ops: `[{"op":"add","path":"emails","value":[{"value":"ann@x.test","type":"Work","primary":false},` +
			`{"value":"ann@x.test","type":"WORK","display":"A"}]}]`,
		after: `{"emails":[{"value":"ann@x.test","type":"WORK","display":"A"}]}`},
	{name: "operations in order", before: `{"externalId":"1"}`,
		ops: `[{"op":"remove","path":"externalId"},{"op":"add","path":"externalId","value":"2"},{"op":"replace",` +
			`"path":"externalId","value":"3"}]`, after: `{"externalId":"3"}`},
	{name: "wrong types", ops: `[{"op":"add","path":"userName","value":true}]`, refuse: typeInvalidValue},
	{name: "a list for a text", ops: `[{"op":"add","path":"userName","value":["x"]}]`, refuse: typeInvalidValue},
	{name: "a text for an object", ops: `[{"op":"add","path":"name","value":"x"}]`, refuse: typeInvalidValue},
	{name: "a list for an element", ops: `[{"op":"add","path":"emails","value":[["x"]]}]`, refuse: typeInvalidValue},
	{name: "a filter on one value", ops: `[{"op":"add","path":"name[givenName eq \"x\"].familyName","value":"x"}]`,
		refuse: typeInvalidPath},
	{name: "a path that is none", ops: `[{"op":"add","path":"emails[type eq \"","value":"x"}]`,
		refuse: typeInvalidPath},
	{name: "a name that is none", ops: `[{"op":"add","path":"a b","value":"x"}]`, refuse: typeInvalidPath},
	{name: "no operation", ops: `[{"path":"title","value":"x"}]`, refuse: typeInvalidSyntax},
	{name: "an unknown operation", ops: `[{"op":"explode","path":"title","value":"x"}]`, refuse: typeInvalidSyntax},
	{name: "a removal without a path", ops: `[{"op":"remove"}]`, refuse: typeNoTarget},
	{name: "no path and no object", ops: `[{"op":"replace","value":"x"}]`, refuse: typeInvalidValue},
	{name: "no value", ops: `[{"op":"replace","path":"title"}]`, refuse: typeInvalidValue},
}

func allRules() []rule { return slices.Concat(rules, unlistedRules, textRules) }

func TestRules(t *testing.T) {
	for _, r := range allRules() {
		t.Run(r.name, func(t *testing.T) {
			p, err := readPatch([]byte(`{"Operations":` + r.ops + `}`))
			require.NoError(t, err)
			edits, err := userType.edits(p.Operations)
			var first []byte
			for range 2 { // a transaction may run again with the same edits
				resource := map[string]any{}
				if r.before != "" {
					resource, err = object([]byte(r.before))
					require.NoError(t, err)
				}
				if err == nil {
					err = applyAll(resource, edits)
				}
				if r.refuse != "" {
					require.Error(t, err)
					assert.Equal(t, r.refuse, errorOf(err).scimType, "%v", err)
					return
				}
				require.NoError(t, err)
				have, err := encode(resource)
				require.NoError(t, err)
				want, err := object([]byte(r.after))
				require.NoError(t, err)
				text, err := encode(want)
				require.NoError(t, err)
				assert.Equal(t, string(text), string(have))
				if first == nil {
					first = have
				}
				assert.Equal(t, first, have, "the second time")
			}
		})
	}
}

// TestBrokenURNs: which URNs stand for which schema.
func TestBrokenURNs(t *testing.T) {
	for urn, want := range map[string]string{
		"urn:ietf:params:scim:schemas:core:2.0:USER":                  "",
		"urn:scim:schemas:core:1.0":                                   "",
		"urn:scim:schemas:core:2.0":                                   "",
		"urn:scim:schemas:core:2.0:User":                              "",
		"urn:scim:schemas:extension:enterprise:2.0":                   enterpriseURN,
		"urn:scim:schemas:extension:enterprise:1.0":                   enterpriseURN,
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0User":   enterpriseURN,
		"URN:IETF:PARAMS:SCIM:SCHEMAS:EXTENSION:ENTERPRISE:2.0:USER":  enterpriseURN,
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:Users": "none",
		"urn:x": "none",
		"urn:":  "none",
		"":      "none",
	} {
		have, known := userType.schemaNamed(urn)
		if !known {
			have = "none"
		}
		assert.Equal(t, want, have, "%s", urn)
	}
	_, known := groupType.schemaNamed("urn:scim:schemas:extension:enterprise:1.0")
	assert.False(t, known)
}

// TestWhatTheApplicationIsTold: address and name of a user.
func TestWhatTheApplicationIsTold(t *testing.T) {
	for _, tt := range []struct{ resource, email, name string }{
		{`{}`, "", ""},
		{`{"emails":[{"value":"a"},{"value":"b","type":"work"},{"value":"c","primary":true}],"displayName":"D",` +
			`"name":{"formatted":"F"}}`, "c", "D"},
		{`{"emails":[{"value":"a"},{"value":"b","type":"Work"}],"name":{"formatted":"F","givenName":"G"}}`, "b", "F"},
		{`{"emails":[{"type":"work"},{"value":"a"},{"value":"b"}],"name":{"givenName":"G","familyName":"N"}}`,
			"a", "G N"},
		{`{"name":{"familyName":"N"}}`, "", "N"},
	} {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(tt.resource), &m))
		email, _ := mails(m["emails"])
		assert.Equal(t, tt.email, email, "%s", tt.resource)
		assert.Equal(t, tt.name, displayNameOf(m), "%s", tt.resource)
	}
}
