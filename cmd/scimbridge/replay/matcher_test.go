package replay

import (
	"encoding/json"
	"testing"
)

const document = `{
	"id": "u1", "title": "", "gone": null, "n": 2, "active": true, "empty": {},
	"name": {"givenName": "Ann"},
	"urn:x:2.0:User": {"dept": "R&D"},
	"emails": [{"type": "home", "value": "h@x"}, {"type": "work", "value": "w@x", "primary": true}, {"type": "bare"}],
	"copy": {"givenName": "Ann"}
}`

func TestPointer(t *testing.T) {
	doc, err := decode(json.RawMessage(document))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ pointer, want string }{
		{"$.id", `"u1"`},
		{"$.name.givenName", `"Ann"`},
		{"$['urn:x:2.0:User'].dept", `"R&D"`},
		{"$.emails[1].value", `"w@x"`},
		{"$.emails[?type=work].value", `"w@x"`},
		{"$.emails[?primary=true].type", `"work"`},
		{"$.emails[*].value", `["h@x","w@x"]`},
		{"$.emails.length", `3`},
		{"$.gone", `null`},
		{"$.gone.deeper", `nothing`},
		{"$.emails[7]", `nothing`},
		{"$.emails[?type=other].value", `nothing`},
		{"$.absent[*].value", `[]`},
		{"$.id.length.more", `nothing`},
	}
	for _, tt := range tests {
		got, err := find(doc, tt.pointer)
		if err != nil || brief(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.pointer, brief(got), err, tt.want)
		}
	}
	for _, bad := range []string{"id", "$.a b", "$[", "$[?x]"} {
		if _, err := find(doc, bad); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestMatchers(t *testing.T) {
	doc, err := decode(json.RawMessage(document))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		pointer, want string
		holds         bool
	}{
		{"$.id", `"u1"`, true},
		{"$.n", `2.0`, true},
		{"$.n", `"2"`, false},
		{"$.gone", `null`, true},
		{"$.absent", `null`, false},
		{"$.name", `["Ann"]`, false},
		{"$.id", `{"exists":true}`, true},
		{"$.gone", `{"exists":true}`, true},
		{"$.absent", `{"exists":false}`, true},
		{"$.emails", `{"length":3}`, true},
		{"$.absent", `{"length":0}`, true},
		{"$.name", `{"length":1}`, false},
		{"$.id", `{"length":2}`, true},
		{"$.emails", `{"minLength":3}`, true},
		{"$.emails", `{"minLength":4}`, false},
		{"$.n", `{"min":2}`, true},
		{"$.id", `{"min":0}`, false},
		{"$.emails", `{"type":"array"}`, true},
		{"$.name", `{"type":"object"}`, true},
		{"$.active", `{"type":"boolean"}`, true},
		{"$.gone", `{"type":"null"}`, true},
		{"$.absent", `{"type":"undefined"}`, true},
		{"$.emails[*].type", `{"contains":"work"}`, true},
		{"$.id", `{"contains":"u"}`, true},
		{"$.absent", `{"contains":"u"}`, false},
		{"$.absent", `{"notContains":"u"}`, true},
		{"$.emails[*].type", `{"containsAll":["work","home"]}`, true},
		{"$.emails[*].type", `{"containsAll":["work","other"]}`, false},
		{"$.id", `{"startsWith":"U"}`, true},
		{"$.id", `{"ci":"U1"}`, true},
		{"$.id", `{"ci":"U"}`, false},
		{"$.id", `{"oneOf":["u0","u1"]}`, true},
		{"$.id", `{"oneOf":[]}`, false},
		{"$.id", `{"not":"u1"}`, false},
		{"$.id", `{"matches":"^u[0-9]$"}`, true},
		{"$.emails[*].value", `{"set":["w@x","h@x"]}`, true},
		{"$.emails[*].value", `{"set":["w@x"]}`, false},
		{"$.absent", `{"set":[]}`, false},
		{"$.title", `{"emptyOrAbsent":true}`, true},
		{"$.empty", `{"emptyOrAbsent":true}`, true},
		{"$.absent", `{"emptyOrAbsent":true}`, true},
		{"$.active", `{"emptyOrAbsent":true}`, false},
		{"$", `{"noNulls":true}`, false},
		{"$.emails", `{"noNulls":true}`, true},
		{"$.name", `{"sameAs":"$.copy"}`, true},
		{"$.name", `{"sameAs":"$.id"}`, false},
		{"$.id", `{"type":"string","startsWith":"u","length":9}`, false},
	}
	for _, tt := range tests {
		v, err := find(doc, tt.pointer)
		if err != nil {
			t.Fatal(err)
		}
		wrong, err := check(v, json.RawMessage(tt.want), doc)
		if err != nil || (wrong == "") != tt.holds {
			t.Errorf("%s %s: %q, %v; want holds=%v", tt.pointer, tt.want, wrong, err, tt.holds)
		}
	}
	if _, err := check("x", json.RawMessage(`{"resembles":"x"}`), doc); err == nil {
		t.Error("an unknown matcher was accepted")
	}
}
