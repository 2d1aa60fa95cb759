package membership

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilterMatch(t *testing.T) {
	r := map[string]any{
		"userName": "Bjensen", "active": true, "title": "", "logins": float64(3), "externalId": "Ab",
		"emails": []any{
			map[string]any{"type": "work", "value": "b@work.test", "primary": true},
			map[string]any{"type": "home", "value": "b@home.test"},
		},
		"meta":  map[string]any{"lastModified": "2026-03-01T10:00:00.000001Z"},
		"urn:x": map[string]any{"department": "Sales", "manager": map[string]any{"value": "26118915"}},
	}
	at := func(name, sub string) Attribute { return Attribute{Name: name, Sub: sub} }
	modified := Attribute{Name: "meta", Sub: "lastModified", Time: true}
	element := func(kind, value string) Filter {
		return Element{at("emails", ""),
			And{Compare{at("type", ""), Equal, kind}, Compare{at("value", ""), Contains, value}}}
	}
	for name, c := range map[string]struct {
		f    Filter
		want bool
	}{
		"eq ignores case":           {Compare{at("userName", ""), Equal, "bJENSEN"}, true},
		"eq keeps case when exact":  {Compare{Attribute{Name: "externalId", CaseExact: true}, Equal, "AB"}, false},
		"ne is not eq":              {Compare{at("userName", ""), NotEqual, "bjensen"}, false},
		"ne of what is absent":      {Compare{at("nickName", ""), NotEqual, "x"}, true},
		"eq null of what is absent": {Compare{at("nickName", ""), Equal, nil}, true},
		"pr of an empty string":     {Compare{at("title", ""), Present, nil}, false},
		"pr of a value":             {Compare{at("emails", "value"), Present, nil}, true},
		"co":                        {Compare{at("userName", ""), Contains, "JENS"}, true},
		"sw":                        {Compare{at("userName", ""), StartsWith, "bj"}, true},
		"ew":                        {Compare{at("userName", ""), EndsWith, "sen"}, true},
		"bool":                      {Compare{at("active", ""), Equal, true}, true},
		"bool against text":         {Compare{at("active", ""), Equal, "true"}, false},
		"numbers by size":           {Compare{at("logins", ""), Greater, float64(2)}, true},
		"times by time":             {Compare{modified, Greater, "2026-03-01T10:59:59+01:00"}, true},
		"times to the microsecond":  {Compare{modified, LessOrEqual, "2026-03-01T10:00:00Z"}, false},
		"any element":               {Compare{at("emails", "value"), Equal, "B@HOME.test"}, true},
		"one element for both":      {element("work", "@home"), false},
		"one element has both":      {element("home", "@home"), true},
		"an extension":              {Compare{Attribute{Schema: "urn:x", Name: "department"}, Equal, "sales"}, true},
		"a complex extension": {
			Compare{Attribute{Schema: "urn:x", Name: "manager", Sub: "value"}, Equal, "26118915"}, true,
		},
		"an extension that is none": {Compare{Attribute{Schema: "urn:y", Name: "department"}, Present, nil}, false},
		"primary is false by default": {
			Element{at("emails", ""),
				And{Compare{at("primary", ""), Equal, false}, Compare{at("type", ""), Equal, "home"}}},
			true,
		},
		"a primary one is not": {
			Element{at("emails", ""),
				And{Compare{at("primary", ""), Equal, false}, Compare{at("type", ""), Equal, "work"}}},
			false,
		},
		"some are not primary": {Compare{at("emails", "primary"), Equal, false}, true},
		"not":                  {Not{Compare{at("active", ""), Equal, true}}, false},
		"or": {
			Or{Compare{at("active", ""), Equal, false}, Compare{at("userName", ""), Present, nil}}, true,
		},
	} {
		require.Equal(t, c.want, c.f.Match(r), name)
	}
}
