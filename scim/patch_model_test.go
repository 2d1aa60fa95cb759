package scim_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The property test of RFC 7644 section 3.5.2: what random operations do to
// random resources, at the door and in a small model of that section. The model
// is told by shapes what the attributes are; the door knows the listed ones by
// their schemas, and the others only by their values.

const (
	shopURN       = "urn:example:params:scim:schemas:extension:shop:2.0:User"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// shape is what the model knows of an attribute.
type shape struct {
	path   string // in small letters
	multi  bool
	subs   []string // of a complex attribute
	listed bool
}

var userShapes = append([]shape{
	{path: "title", listed: true},
	{path: strings.ToLower(enterpriseURN) + ":department", listed: true},
	{path: "name", subs: []string{"givenname", "familyname"}, listed: true},
	{path: "emails", multi: true, subs: []string{"value", "type", "display", "primary"}, listed: true},
	{path: "roles", multi: true, subs: []string{"value", "type", "primary"}, listed: true},
}, groupShapes...)

var groupShapes = []shape{
	{path: strings.ToLower(shopURN) + ":badge"},
	{path: strings.ToLower(shopURN) + ":tags", multi: true},
	{path: strings.ToLower(shopURN) + ":desk", subs: []string{"city", "floor"}},
	{path: strings.ToLower(shopURN) + ":lines", multi: true, subs: []string{"value", "type", "qty", "primary"}},
}

// modelOp is one operation. Without a path its value is an object of attributes.
type modelOp struct {
	op     string
	shape  shape
	where  [2]any // sub-attribute and value of an equality, or nil
	sub    string
	value  any
	given  bool
	inBody map[string]any // by path
}

// resourceModel holds the attributes of a resource by their paths.
type resourceModel map[string]any

func (m resourceModel) apply(shapes []shape, o modelOp) {
	if o.inBody != nil {
		for _, s := range shapes {
			if v, ok := o.inBody[s.path]; ok {
				m.apply(shapes, modelOp{op: o.op, shape: s, value: v, given: true})
			}
		}
		return
	}
	have := m[o.shape.path]
	switch {
	case o.shape.multi:
		list, _ := have.([]any)
		have = nil
		if list = o.elements(list); len(list) > 0 {
			have = list
		}
	case o.shape.subs != nil:
		have = o.object(have)
	case o.op == "remove":
		have = nil
	default:
		have = o.value
	}
	if have == nil {
		delete(m, o.shape.path)
	} else {
		m[o.shape.path] = have
	}
}

// object: sub-attributes that are not named stay.
func (o modelOp) object(have any) any {
	object := map[string]any{}
	if m, ok := have.(map[string]any); ok {
		object = m
	}
	switch {
	case o.sub != "":
		set(object, o.sub, o)
	case o.op == "remove" || o.value == nil:
		return nil
	default:
		for name, v := range o.value.(map[string]any) {
			object[name] = v
		}
	}
	if len(object) == 0 {
		return nil
	}
	return object
}

func set(object map[string]any, sub string, o modelOp) {
	if o.op == "remove" || o.value == nil {
		delete(object, sub)
	} else {
		object[sub] = o.value
	}
}

func (o modelOp) elements(list []any) []any {
	switch {
	case o.where[0] != nil || o.sub != "":
		return o.selected(list)
	case o.op == "remove" && (!o.given || o.value == nil):
		return nil
	case o.op == "remove":
		return slices.DeleteFunc(list, func(e any) bool {
			return slices.ContainsFunc(o.value.([]any), func(part any) bool { return o.contains(e, part, "") })
		})
	case o.op == "replace" && o.value == nil:
		return nil
	case o.op == "replace" && !o.shape.listed:
		return o.value.([]any)
	case o.op == "replace":
		list = nil
	}
	values, _ := o.value.([]any)
	for _, v := range values {
		list = o.add(list, v)
	}
	return list
}

// add: what is there is not added again, and there is one primary element.
func (o modelOp) add(list []any, v any) []any {
	object, _ := v.(map[string]any)
	for i, e := range list {
		have, _ := e.(map[string]any)
		switch {
		case o.contains(e, v, ""):
			return list
		case object == nil:
		case o.shape.listed && alike(have["value"], object["value"]) && alike(have["type"], object["type"]):
			for name, v := range object {
				have[name] = v
			}
			return o.onePrimary(list, i)
		case !o.shape.listed && object["primary"] == true && o.contains(e, v, "primary"):
			have["primary"] = true
			return o.onePrimary(list, i)
		}
	}
	list = append(list, v)
	return o.onePrimary(list, len(list)-1)
}

func (o modelOp) onePrimary(list []any, i int) []any {
	if m, ok := list[i].(map[string]any); ok && m["primary"] == true {
		for j, e := range list {
			if other, ok := e.(map[string]any); ok && j != i && other["primary"] == true {
				other["primary"] = false
			}
		}
	}
	return list
}

// contains: texts of listed attributes compare without letter case.
func (o modelOp) contains(e, part any, but string) bool {
	have, isObject := e.(map[string]any)
	said, _ := part.(map[string]any)
	if !isObject {
		return e == part
	}
	for name, v := range said {
		same := have[name] == v || o.shape.listed && alike(have[name], v)
		absent := name == "primary" && v == false && have[name] == nil
		if name != but && !same && !absent {
			return false
		}
	}
	return true
}

func alike(a, b any) bool {
	s, ok := a.(string)
	t, tok := b.(string)
	return a == b || ok && tok && strings.EqualFold(s, t)
}

// selected: only elements that the filter selects change; the element is made if
// there is none.
func (o modelOp) selected(list []any) []any {
	var places []int
	for i, e := range list {
		have := e
		if m, ok := e.(map[string]any); ok && o.where[0] != nil {
			have = m[o.where[0].(string)]
		}
		if o.where[0] == nil || alike(have, o.where[1]) || o.where[1] == false && have == nil {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		if o.op == "remove" || o.value == nil {
			return list
		}
		made := any(map[string]any{})
		if o.where[0] != nil {
			made = map[string]any{o.where[0].(string): o.where[1]}
		}
		if o.shape.subs == nil {
			made = o.where[1]
		}
		places, list = []int{len(list)}, append(list, made)
	}
	gone := map[int]bool{}
	for _, i := range places {
		list[i], gone[i] = o.element(list[i])
		o.onePrimary(list, i)
	}
	var left []any
	for i, e := range list {
		if !gone[i] {
			left = append(left, e)
		}
	}
	return left
}

func (o modelOp) element(e any) (changed any, gone bool) {
	m, isObject := e.(map[string]any)
	switch {
	case o.sub == "" && (o.op == "remove" || o.value == nil):
		return e, true
	case !isObject:
		return o.value, false
	}
	had := m["value"] != nil
	if o.sub != "" {
		set(m, o.sub, o)
	} else {
		if o.op == "replace" {
			clear(m)
			if o.where[0] != nil {
				m[o.where[0].(string)] = o.where[1]
			}
		}
		for name, v := range o.value.(map[string]any) {
			m[name] = v
		}
	}
	return m, len(m) == 0 || o.shape.listed && had && m["value"] == nil
}

// draws of what the operations are made of.

var modelTexts = []any{"a", "A", "b", "Ω", "ω"}

func drawSub(t *rapid.T, sub string) any {
	switch sub {
	case "primary":
		return rapid.Bool().Draw(t, "primary")
	case "qty", "floor":
		return float64(rapid.IntRange(0, 2).Draw(t, "number"))
	}
	return rapid.SampledFrom(modelTexts).Draw(t, "text")
}

// drawObject draws an object of some of the sub-attributes, of an element always
// with the value.
func (s shape) drawObject(t *rapid.T) map[string]any {
	object := map[string]any{}
	for i, sub := range s.subs {
		if i == 0 || rapid.Bool().Draw(t, sub) {
			object[sub] = drawSub(t, sub)
		}
	}
	return object
}

func (s shape) draw(t *rapid.T) any {
	one := func() any {
		if s.subs != nil {
			return s.drawObject(t)
		}
		return rapid.SampledFrom(modelTexts).Draw(t, "text")
	}
	if !s.multi {
		return one()
	}
	list := []any{}
	for range rapid.IntRange(1, 3).Draw(t, "elements") {
		list = append(list, one())
	}
	return list
}

func drawBody(t *rapid.T, shapes []shape) map[string]any {
	body := map[string]any{}
	for _, s := range shapes {
		if rapid.Bool().Draw(t, "has "+s.path) {
			body[s.path] = s.draw(t)
		}
	}
	return body
}

func drawOp(t *rapid.T, shapes []shape) modelOp {
	o := modelOp{op: rapid.SampledFrom([]string{"add", "replace", "remove"}).Draw(t, "op"), given: true}
	if o.op != "remove" && rapid.IntRange(0, 4).Draw(t, "form") == 0 {
		o.inBody = drawBody(t, shapes)
		return o
	}
	o.shape = rapid.SampledFrom(shapes).Draw(t, "attribute")
	o.given = o.op != "remove" || o.shape.multi && rapid.Bool().Draw(t, "with a value")
	subs := o.shape.subs
	if o.shape.multi && rapid.Bool().Draw(t, "filtered") {
		o.given = o.op != "remove"
		o.where = [2]any{"value", drawSub(t, "value")}
		if subs != nil {
			by := rapid.SampledFrom(subs).Draw(t, "by")
			o.where = [2]any{by, drawSub(t, by)}
		}
	}
	if subs != nil && (o.where[0] != nil || !o.shape.multi) && rapid.Bool().Draw(t, "a part") {
		o.sub = rapid.SampledFrom(subs).Draw(t, "sub")
		o.given = o.op != "remove"
	}
	switch {
	case !o.given:
	case rapid.IntRange(0, 9).Draw(t, "null") == 0:
	case o.sub != "":
		o.value = drawSub(t, o.sub)
	case o.where[0] != nil && subs != nil:
		o.value = o.shape.drawObject(t)
	case o.where[0] != nil:
		o.value = rapid.SampledFrom(modelTexts).Draw(t, "text")
	default:
		o.value = o.shape.draw(t)
	}
	return o
}

// spell draws the letter case of a name. Of extensions it spells the attribute
// only, so that a made one has one URN.
func spell(t *rapid.T, path string) string {
	urn, name := "", path
	if i := strings.LastIndexByte(path, ':'); i >= 0 {
		urn, name = path[:i+1], path[i+1:]
	}
	if rapid.Bool().Draw(t, "capitals") {
		name = strings.ToUpper(name)
	}
	return urn + name
}

func spelled(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, value := range v {
			out[spell(t, name)] = value
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = spelled(t, v[i])
		}
		return out
	}
	return v
}

// body writes attributes as an object; extensions as objects under their URN, or
// in the keys.
func body(t *rapid.T, attributes map[string]any) map[string]any {
	out := map[string]any{}
	for path, v := range attributes {
		i := strings.LastIndexByte(path, ':')
		if i < 0 || rapid.Bool().Draw(t, "in the key") {
			out[spell(t, path)] = spelled(t, v)
			continue
		}
		urn, name := path[:i], spell(t, path[i+1:])
		if out[urn] == nil {
			out[urn] = map[string]any{}
		}
		out[urn].(map[string]any)[name] = spelled(t, v)
	}
	return out
}

func (o modelOp) message(t *rapid.T) map[string]any {
	m := map[string]any{"op": o.op}
	if o.inBody != nil {
		m["value"] = body(t, o.inBody)
		return m
	}
	path := spell(t, o.shape.path)
	if o.where[0] != nil {
		literal, _ := json.Marshal(o.where[1])
		path += fmt.Sprintf("[%s eq %s]", spell(t, o.where[0].(string)), literal)
	}
	if o.sub != "" {
		path += "." + spell(t, o.sub)
	}
	m["path"] = path
	if o.given {
		m["value"] = spelled(t, o.value)
	}
	return m
}

// attributesOf reads a resource back, its names in small letters.
func attributesOf(resource map[string]any, shapes []shape) resourceModel {
	small := lower(resource).(map[string]any)
	m := resourceModel{}
	for _, s := range shapes {
		home, name := small, s.path
		if i := strings.LastIndexByte(s.path, ':'); i >= 0 {
			home, _ = small[s.path[:i]].(map[string]any)
			name = s.path[i+1:]
		}
		if v := home[name]; v != nil {
			m[s.path] = v
		}
	}
	return m
}

func lower(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, value := range v {
			out[strings.ToLower(name)] = lower(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = lower(v[i])
		}
		return out
	}
	return v
}

// copied keeps the model's values apart from those of the messages.
func copied[T any](v T) (out T) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic(err)
	}
	return out
}

func (o modelOp) copied() modelOp {
	o.value, o.inBody = copied(o.value), copied(o.inBody)
	return o
}

// TestPatchMeansWhatTheRFCSays: users and groups, with and without a bulk.
func TestPatchMeansWhatTheRFCSays(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		n := 0
		rapid.Check(t, func(t *rapid.T) {
			n++
			endpoint, shapes, required := "/Users", userShapes, "userName"
			if rapid.Bool().Draw(t, "a group") {
				endpoint, shapes, required = "/Groups", groupShapes, "displayName"
			}
			first := drawBody(t, shapes)
			m := resourceModel{}
			m.apply(shapes, modelOp{op: "replace", inBody: copied(first)})
			made := body(t, first)
			made[required] = fmt.Sprint("x", n)
			text, err := json.Marshal(made)
			require.NoError(t, err)
			id := b.do("POST", endpoint, string(text)).want(201).id()
			history := []string{string(text)}
			check := func() {
				got := b.do("GET", endpoint+"/"+id, "").want(200)
				if have := attributesOf(got.json(), shapes); !reflect.DeepEqual(have, m) {
					want, _ := json.Marshal(m)
					t.Fatalf("after\n\t%s\nwant %s\ngot  %s", strings.Join(history, "\n\t"), want, got.body)
				}
			}
			check()
			for range rapid.IntRange(1, 3).Draw(t, "requests") {
				var operations []any
				for range rapid.IntRange(1, 3).Draw(t, "operations") {
					o := drawOp(t, shapes)
					operations = append(operations, o.message(t))
					m.apply(shapes, o.copied())
				}
				message := map[string]any{"Operations": operations}
				text, err := json.Marshal(message)
				require.NoError(t, err)
				history = append(history, string(text))
				if rapid.Bool().Draw(t, "in a bulk") {
					bulk, err := json.Marshal(map[string]any{"Operations": []any{
						map[string]any{"method": "PATCH", "path": endpoint + "/" + id, "data": message}}})
					require.NoError(t, err)
					result := objects(b.do("POST", "/Bulk", string(bulk)).want(200).json()["Operations"])[0]
					require.Contains(t, []any{"200", "204"}, result["status"], "%s: %v", text, result)
				} else if r := b.do("PATCH", endpoint+"/"+id, string(text)); r.status != 204 {
					r.want(200)
				}
				check()
			}
		})
	})
}
