package scim

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// whole reads a body as a handler that holds it does.
func whole(t *testing.T, body []byte) ([]byte, bool) {
	t.Helper()
	b, err := io.ReadAll(newBodyReader(bytes.NewReader(body)))
	if err != nil {
		refusal(t, err)
		return nil, false
	}
	require.LessOrEqual(t, len(b), len(body))
	return b, true
}

// FuzzUserPatch: edits can be applied again, and leave a resource that can be
// stored.
func FuzzUserPatch(f *testing.F) {
	for _, r := range allRules() {
		f.Add([]byte(`{"Operations":` + r.ops + `}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		body, ok := whole(t, body)
		if !ok {
			return
		}
		timed(t, func() {
			p, err := readPatch(body)
			if err != nil {
				refusal(t, err)
				return
			}
			edits, err := userType.edits(p.Operations)
			if err != nil {
				refusal(t, err)
				return
			}
			var first []string
			for range 2 { // a transaction may run again with the same edits
				var now []string
				for _, before := range fuzzResources {
					r := clone(before).(map[string]any)
					if err := applyAll(r, edits); err != nil {
						refusal(t, err)
						now = append(now, err.Error())
						continue
					}
					now = append(now, text(t, r))
				}
				if first == nil {
					first = now
				}
				require.Equal(t, first, now)
			}
		})
	})
}

// FuzzGroupPatch: what is folded while it is read is what the whole body says.
func FuzzGroupPatch(f *testing.F) {
	const id = `01a20125-1e97-70e6-8236-c329a9c89ae6`
	for _, ops := range []string{
		`[{"op":"Add","path":"members","value":[{"value":"` + id + `"},"x"]},` +
			`{"op":"remove","path":"members[value eq \"` + id + `\"]"}]`,
		`[{"value":{"value":"` + id + `"},"path":"members","op":"replace"}]`,
		`[{"op":"add","value":{"Members":["x"],"members":[],"displayName":"g"}}]`,
		`[{"op":"remove","path":"members"},{"op":"replace","path":"members","value":null},{"op":"replace",` +
			`"path":"members","value":""}]`,
		`[{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:Group:members.display","value":{"a":[1]}}]`,
		`[]`,
		`null`, `[{"op":"remove"}]`,
		`[{"op":"add","path":"displayName","value":"x","value":"y","op":"replace","x":{"y":[]}}]`,
		`[{"op":"add","path":"members","value":{"display":1}}]`,
		`[{"op":"remove","path":"0"},{"op":"add","value":{"colour":1,"urn:x:y":{"a.b":[1],"c[d eq 1]":2}}}]`,
		`[{"op":"add","path":"members","value":{"members":[{"value":"` + id + `"}]}},{"op":"replace",` +
			`"value":{"members":{"members":null}}}]`,
		`[{"op":"add","path":"members","value":["{\"value\":\"` + id + `\"}","[",5]},{"op":"remove","path":"members",` +
			`"value":"[\"` + id + `\"]"}]`,
	} {
		f.Add([]byte(`{"schemas":["x"],"Operations":` + ops + `}`))
	}
	f.Add([]byte(`{"members":[{"value":"` + id + `","operation":"delete"},{"value":"x"}],"displayName":"g"}`))
	for _, body := range plainPatches {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		timed(t, func() {
			c, old, err := readGroupPatch(newTokens(newBodyReader(bytes.NewReader(body))),
				&attributeBudget{1 << 30}, nil)
			if err != nil {
				refusal(t, err)
			}
			if delta, plain := plainMemberPatch(body); plain {
				require.NoError(t, err)
				require.False(t, old)
				require.Equal(t, groupChange{members: delta}, c)
			}
			for _, before := range fuzzResources {
				if r := clone(before).(map[string]any); err == nil && applyAll(r, c.edits) == nil {
					text(t, r)
				}
			}
			held, ok := whole(t, body)
			if !ok {
				require.Error(t, err)
			}
			if !ok || old || err != nil && strings.Contains(err.Error(), "second path") {
				return
			}
			want, ok := heldPatch(held)
			require.Equal(t, ok, err == nil, "%v", err)
			if ok {
				require.Equal(t, want, c)
			}
		})
	})
}

// heldPatch is readGroupPatch for a body that is held whole.
func heldPatch(body []byte) (c groupChange, ok bool) {
	var sent struct{ Operations []json.RawMessage }
	if json.Unmarshal(body, &sent) != nil || sent.Operations == nil {
		return c, false
	}
	for _, raw := range sent.Operations {
		var o operation
		if raw[0] != '{' || json.Unmarshal(raw, &o) != nil || !heldOperation(&c, o) {
			return c, false
		}
	}
	return c, true
}

func heldOperation(c *groupChange, o operation) bool {
	op, err := o.name()
	if err != nil {
		return false
	}
	if strings.TrimSpace(o.Path) != "" || op == opRemove {
		s, ofMembers, err := memberPath(o.Path)
		if err != nil {
			return false
		}
		if ofMembers {
			return heldMembers(c, op, s, o.Value)
		}
		edits, err := groupType.editsOf(o)
		return err == nil && c.add(edits) == nil
	}
	var parts map[string]json.RawMessage
	if json.Unmarshal(o.Value, &parts) != nil || parts == nil {
		return false
	}
	rest := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		if s, ofMembers, err := memberPath(key); ofMembers && err == nil {
			if !heldMembers(c, op, s, parts[key]) {
				return false
			}
			continue
		}
		var v any
		if decode(parts[key], &v) != nil {
			return false
		}
		rest[key] = v
	}
	edits, err := groupType.expand(op, rest)
	return err == nil && c.add(edits) == nil
}

func heldMembers(c *groupChange, op string, s selection, value json.RawMessage) bool {
	l := memberList{given: value != nil}
	if l.given && s.sub == "" {
		var v any
		if decode(value, &v) != nil {
			return false
		}
		l.null = v == nil
		if !heldList(&l, v) {
			return false
		}
	}
	return c.foldMembers(op, s, l) == nil
}

func heldList(l *memberList, v any) bool {
	if unassigned(v) {
		return true
	}
	elements, isList := v.([]any)
	if m, ok := v.(map[string]any); ok {
		var object struct{ Members any }
		b, _ := json.Marshal(m)
		_ = decode(b, &object)
		named := slices.ContainsFunc(sortedKeys(m), func(key string) bool { return strings.EqualFold(key, "members") })
		switch id := heldValue(m); {
		case named && !heldList(l, object.Members):
			return false
		case named && id == nil:
			return true
		}
	}
	if !isList {
		elements = []any{v}
	}
	for i, e := range elements {
		m, isObject := e.(map[string]any)
		if isObject {
			e = heldValue(m)
		}
		id, ok := e.(string)
		if ok && !isObject && likeJSON(id) {
			if inner, err := decodeText(id); err != nil || !heldList(l, inner) {
				return false
			}
			continue
		}
		if l.add(i, memberValue{id: id, ok: ok}) != nil {
			return false
		}
	}
	return true
}

// heldValue: of spellings the last counts; maps do not tell which that was.
func heldValue(m map[string]any) any {
	var object struct{ Value any }
	b, _ := json.Marshal(m)
	_ = decode(b, &object)
	return object.Value
}

// FuzzQuery: a query is read to what a list can be asked for, and selects of a
// resource nothing that is not there.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"", "filter=userName+eq+%22x%22&startIndex=2&count=5&sortBy=name.familyName&sortOrder=descending",
		"attributes=userName,emails.value&excludedAttributes=emails.type",
		"cursor=&count=10", "count=-1&startIndex=-1", "attributes=" + enterpriseURN + ":manager,urn:x:y,urn:x:y:z",
		"filter=%zz", "FILTER=id%20pr&&&=&x", "sortBy=emails&sortOrder=x",
		"filter=userName%20eq%20%22a+b%22",
		"filter=userName+eq+%22a+b%22&attributes=emails[type+eq+%22work%22].value," +
			"title", "filter=a%20eq+%22a%5C%22+b%22",
		"filter=userName%2520eq%2520%22a+b%22", "attributes=emails[type eq 'x']&sortBy=emails[type pr]",
		`{"filter":"id pr","count":"5","attributes":["id",""],"sortBy":"meta.lastModified"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		timed(t, func() {
			p, err := readQuery(text)
			if err != nil {
				refusal(t, err)
				if p, err = readSearch([]byte(text)); err != nil {
					refusal(t, err)
					return
				}
			}
			require.GreaterOrEqual(t, p.startIndex, 1)
			require.True(t, 0 <= p.count && p.count <= maxCount)
			for _, r := range resourceTypes {
				if _, err := p.readings(r); err != nil {
					refusal(t, err)
				}
				if s, err := r.sort(p.sortBy, p.sortOrder); err != nil {
					refusal(t, err)
				} else {
					for _, resource := range fuzzResources {
						s.Cursor(resource, ann)
					}
				}
				shown := r.newProjection(p.attributes, p.excluded)
				for _, resource := range fuzzResources {
					seen := shown.of(resource)
					for name := range seen {
						require.Contains(t, resource, name)
					}
					if id, ok := resource["id"]; ok {
						require.Equal(t, id, seen["id"])
					}
				}
			}
		})
	})
}
