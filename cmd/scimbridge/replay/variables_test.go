package replay

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestVariables(t *testing.T) {
	v := variables{
		"run": "ab12", "n": float64(3), "yes": true, "odd": "a b/é'(~)",
		"ids": []any{"one", "two", "three"}, "object": map[string]any{"k": "v"},
	}
	tests := []struct{ name, doc, want string }{
		{"inside a text", `"x.{{run}}@y {{n}}"`, `"x.ab12@y 3"`},
		{"whole keeps its type", `["{{n}}","{{yes}}","{{object}}"]`, `[3,true,{"k":"v"}]`},
		{"modifiers", `"{{run|upper}} {{ run | upper | lower }}"`, `"AB12 ab12"`},
		{"percent-encoding", `"{{odd|q}} {{odd|qq}}"`, `"a%20b%2F%C3%A9'(~) a%2520b%252F%25C3%25A9'(~)"`},
		{"members keep their order", `{"z":1,"{{run}}":{"b":null,"a":2.50}}`, `{"z":1,"ab12":{"b":null,"a":2.50}}`},
		{"no HTML escapes", `"<&> {{run}}"`, `"<&> ab12"`},
		{"each", `{"$each":"ids","of":{"value":"{{it}}.{{run}}"}}`,
			`[{"value":"one.ab12"},{"value":"two.ab12"},{"value":"three.ab12"}]`},
		{"each with a limit", `{"v":{"$each":"ids","limit":2,"of":"{{it}}"}}`, `{"v":["one","two"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := v.json(json.RawMessage(tt.doc))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestVariablesMissing(t *testing.T) {
	var gone missing
	if _, err := (variables{}).text("/Users/{{u}}"); !errors.As(err, &gone) || gone != "u" {
		t.Errorf("a variable nobody set: %v", err)
	}
	for _, doc := range []string{`"{{run|shout}}"`, `{"$each":"run","of":1}`} {
		if _, err := (variables{"run": "x"}).json(json.RawMessage(doc)); err == nil || errors.As(err, &gone) {
			t.Errorf("%s: %v, want an error that is not about a missing variable", doc, err)
		}
	}
}

func TestNewVariables(t *testing.T) {
	a, b := newVariables("http://h/scim"), newVariables("http://h/scim")
	if len(a["run"].(string)) != 8 || a["run"] == b["run"] || a["uuid1"] == a["uuid9"] {
		t.Errorf("names are not fresh: %v, %v", a, b)
	}
	if id := a["uuid1"].(string); len(id) != 36 || strings.Count(id, "-") != 4 || id[14] != '4' {
		t.Errorf("%s is no version 4 UUID", id)
	}
}
