package scim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var (
	ann = membership.NewID()
	bob = membership.NewID()
	cid = membership.NewID()
)

// foldText folds the body of a PATCH as it would come in.
func foldText(body string) (groupChange, error) {
	c, _, err := readGroupPatch(newTokens(newBodyReader(strings.NewReader(body))), &attributeBudget{1 << 20}, nil)
	return c, err
}

// TestFoldMembers: the shapes of operations on members, and the delta that each
// is the same as.
func TestFoldMembers(t *testing.T) {
	delta := func(fn func(*membership.MemberDelta)) membership.MemberDelta {
		var d membership.MemberDelta
		fn(&d)
		return d
	}
	addA := delta(func(d *membership.MemberDelta) { d.Add(ann) })
	removeA := delta(func(d *membership.MemberDelta) { d.Remove(ann) })
	removeAB := delta(func(d *membership.MemberDelta) { d.Remove(ann, bob) })
	clear := delta(func(d *membership.MemberDelta) { d.Clear() })
	keepA := delta(func(d *membership.MemberDelta) { d.Retain(ann) })
	keepAB := delta(func(d *membership.MemberDelta) { d.Retain(ann, bob) })
	setA := delta(func(d *membership.MemberDelta) { d.Clear(); d.Add(ann) })
	names := strings.NewReplacer("{A}", ann.String(), "{B}", bob.String(), "{C}", cid.String(), "{CAPS}",
		strings.ToUpper(ann.String()))
	for ops, want := range map[string]membership.MemberDelta{
		`{"op":"Add","path":"members","value":[{"$ref":null,"value":"{A}"}]}`:                                 addA,
		`{"op":"ADD","path":"Members","value":[{"value":"{A}","display":"x","type":"User"}]}`:                 addA,
		`{"op":"add","path":"members","value":{"value":"{A}"}}`:                                               addA,
		`{"op":"add","path":"members","value":"{A}"}`:                                                         addA,
		`{"op":"add","path":"members","value":["{A}"]}`:                                                       addA,
		`{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:group:members","value":[{"Value":"{A}"}]}`: addA,
		`{"op":"add","value":{"members":[{"value":"{A}"}]}}`:                                                  addA,
		`{"op":"add","value":{"urn:ietf:params:scim:schemas:core:2.0:Group:Members":[{"value":"{A}"}]}}`:      addA,
		`{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:Group.members","value":[{"value":"{A}"}]}`: addA,
		`{"op":"add","path":"URN:ietf:params:scim:schemas:core:2.0:GROUP.Members[value eq \"{A}\"]"}`:         addA,
		`{"op":"add","path":"urn:scim:schemas:core:1.0:members","value":[{"value":"{A}"}]}`:                   addA,
		`{"op":"add","value":{"urn:ietf:params:scim:schemas:core:2.0:Group.members":[{"value":"{A}"}]}}`:      addA,
		`{"op":"add","value":{"urn:ietf:params:scim:schemas:core:2.0:Group":{"members":[{"value":"{A}"}]}}}`:  addA,
		`{"op":"add","value":{"urn:scim:schemas:core:1.0":{"Members":"{A}"}}}`:                                addA,
		`{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:Group","value":{"members":["{A}"]}}`:       addA,
		`{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:Group","value":{"members":["{A}"]}}`:   setA,
		`{"op":"add","path":"members[value eq \"{A}\"]"}`:                                                     addA,
		`{"op":"add","path":"members","value":[]}`:                                                            {},
		`{"op":"add","path":"members","value":null}`:                                                          {},
		`{"op":"Remove","path":"members","value":[{"$ref":null,"value":"{A}"}]}`:                              removeA,
		`{"op":"remove","path":"members","value":"{A}"}`:                                                      removeA,
		`{"op":"remove","path":"members[value eq \"{A}\"]"}`:                                                  removeA,
		`{"op":"remove","path":" MEMBERS[ Value  EQ  \"{A}\" ] "}`:                                            removeA,
		`{"op":"remove","path":"members[value eq \"{A}\"]","value":[{"value":"{B}"}]}`:                        removeA,
		`{"op":"remove","path":"members[value eq {A}]"}`:                                                      removeA,
		`{"op":"remove","path":"members[value eq \"{A}\" or value eq \"{B}\"]"}`:                              removeAB,
		`{"op":"remove","path":"members[(value eq \"{A}\" or value eq \"{B}\") and type eq \"User\"]"}`:       removeAB,
		`{"op":"remove","path":"members[value eq \"{A}\" and value eq \"{B}\"]"}`:                             {},
		`{"op":"remove","path":"members[type eq \"Group\"]"}`:                                                 {},
		`{"op":"remove","path":"members[type eq \"user\"]"}`:                                                  clear,
		`{"op":"remove","path":"members[value pr]"}`:                                                          clear,
		`{"op":"remove","path":"members[not (value eq \"{A}\")]"}`:                                            keepA,
		`{"op":"remove","path":"members[value ne \"{A}\"]"}`:                                                  keepA,
		`{"op":"remove","path":"members[value ne \"{A}\" and type eq \"User\"]"}`:                             keepA,
		`{"op":"remove","path":"members[not (value eq \"{A}\" or type ne \"User\")]"}`:                        keepA,
		`{"op":"remove","path":"members[not (value eq \"{A}\") and not (value eq \"{B}\")]"}`:                 keepAB,
		`{"op":"remove","path":"members[not (value eq \"{A}\" or value eq \"{B}\")]"}`:                        keepAB,
		`{"op":"remove","path":"members[not (value eq \"{A}\") or not (value eq \"{B}\")]"}`:                  clear,
		`{"op":"remove","path":"members[not (not (value eq \"{A}\"))]"}`:                                      removeA,
		`{"op":"remove","path":"members[value eq \"{A}\" and not (value eq \"{B}\")]"}`:                       removeA,
		`{"op":"remove","path":"members[not (value pr)]"}`:                                                    {},
		`{"op":"remove","path":"members[not (value eq \"{CAPS}\")]"}`: delta(func(d *membership.MemberDelta) {
			d.Retain()
		}),
		`{"op":"replace","path":"members[value ne \"{A}\"]",` +
			`"value":[{"value":"{B}"}]}`: delta(func(d *membership.MemberDelta) {
			d.Retain(ann)
			d.Add(bob)
		}),
		`{"op":"remove","path":"members"}`:                                                  clear,
		`{"op":"remove","path":"members","value":null}`:                                     clear,
		`{"op":"remove","path":"members","value":[]}`:                                       {},
		`{"op":"remove","path":"members","value":[{"value":"no user"},{"value":"{CAPS}"}]}`: {},
		`{"op":"replace","path":"members","value":[{"value":"{A}"}]}`:                       setA,
		`{"op":"replace","value":{"members":[{"value":"{A}"}]}}`:                            setA,
		`{"op":"replace","path":"members","value":[]}`:                                      clear,
		`{"op":"replace","path":"members","value":null}`:                                    clear,
		`{"op":"replace","path":"members[value eq \"{B}\"].display","value":"x"}`:           {},
		`{"op":"replace","path":"members[value eq \"{B}\"]","value":{"value":"{A}"}}`: delta(func(
			d *membership.MemberDelta,
		) {
			d.Remove(bob)
			d.Add(ann)
		}),
		`{"op":"add","path":"members","value":[{"value":"x"},{"value":"{CAPS}"}]}`: delta(func(
			d *membership.MemberDelta,
		) {
			d.AddMalformed("x")
			d.AddMalformed(strings.ToUpper(ann.String()))
		}),
		`{"op":"replace","path":"members","value":{"members":[{"value":"{A}"}]}}`:                  setA,
		`{"op":"replace","value":{"members":{"Members":["{A}"]}}}`:                                 setA,
		`{"value":{"members":[{"value":"{A}"},{"value":"{B}"}]},"op":"remove","path":"members"}`:   removeAB,
		`{"op":"remove","path":"members","value":{"members":null}}`:                                {},
		`{"op":"remove","path":"members","value":{"members":[]}}`:                                  {},
		`{"op":"remove","path":"members","value":["{\"value\":\"{A}\",\"display\":\"x\"}","{B}"]}`: removeAB,
		`{"op":"remove","path":"members","value":"[{\"value\":\"{A}\"},\"{B}\"]"}`:                 removeAB,
		`{"op":"replace","path":"members","value":" {\"value\":\"{A}\"}"}`:                         setA,
		`{"op":"add","path":"members","value":[{"value":"{A}"}]},` +
			`{"op":"remove","path":"members","value":"{A}"}`: delta(func(d *membership.MemberDelta) {
			d.Add(ann)
			d.Remove(ann)
		}),
	} {
		c, err := foldText(`{"Operations":[` + names.Replace(ops) + `]}`)
		if assert.NoError(t, err, "%s", ops) {
			assert.Equal(t, want, c.members, "%s", ops)
			assert.Nil(t, c.change(), "%s", ops)
		}
	}
}

func TestFoldMembersRefused(t *testing.T) {
	for ops, scimType := range map[string]string{
		`{"op":"add","path":"members"}`:                              typeInvalidValue,
		`{"op":"replace","path":"members"}`:                          typeInvalidValue,
		`{"op":"add","path":"members","value":5}`:                    typeInvalidValue,
		`{"op":"add","path":"members","value":[{"display":"x"}]}`:    typeInvalidValue,
		`{"op":"add","path":"members","value":[{"value":5}]}`:        typeInvalidValue,
		`{"op":"add","path":"members","value":[null]}`:               typeInvalidValue,
		`{"op":"remove","path":"members[value eq \""}`:               typeInvalidPath,
		`{"op":"remove","path":"members["}`:                          typeInvalidPath,
		`{"op":"remove","path":"members[value eq true]"}`:            typeInvalidPath,
		`{"op":"remove","path":"members[value eq 'x']"}`:             typeInvalidPath,
		`{"op":"remove","path":"members['x']"}`:                      typeInvalidPath,
		`{"op":"add","path":"members[not (value eq \"x\")]"}`:        typeInvalidPath,
		`{"op":"add","path":"members[display eq \"x\"]"}`:            typeInvalidPath,
		`{"op":"replace","path":"members[display eq \"x\"]"}`:        typeInvalidValue,
		`{"op":"remove","path":"members[display eq \"x\"].display"}`: typeMutability,
		`{"op":"add","path":"members","value":["` + ann.String() +
			`"]},{"op":"remove","path":"members[display eq \"x\"]"}` +
			``: typeInvalidFilter,
		`{"op":"replace","path":"members[value eq \"x\"].value","value":"y"}`: typeMutability,
		`{"op":"add","value":[]}`:        typeInvalidValue,
		`{"op":"add"}`:                   typeInvalidValue,
		`{"op":"remove"}`:                typeNoTarget,
		`{"op":"move","path":"members"}`: typeInvalidSyntax,
		`{"op":"remove","path":"members","value":["{\"value\":\"x\""]}`: typeInvalidValue,
		`{"op":"add","path":"members","value":"{\"display\":\"x\"}"}`:   typeInvalidValue,
		`{"op":"add","path":"members","value":"[object Object]"}`:       typeInvalidValue,
		`{"op":"add","path":"members","value":"[\"a\\u0000\"]"}`:        typeInvalidValue,
		`{"op":"add","path":"members","value":"[] []"}`:                 typeInvalidValue,
	} {
		_, err := foldText(`{"Operations":[` + ops + `]}`)
		if assert.Error(t, err, "%s", ops) {
			assert.Equal(t, scimType, errorOf(err).scimType, "%s: %s", ops, err)
		}
	}
}

// TestFoldIsCheap: a request full of single operations is read in time that grows
// with their number.
func TestFoldIsCheap(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"Operations":[`)
	for i := range 100_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		if i%2 == 0 {
			fmt.Fprintf(&b, `{"op":"Add","path":"members","value":[{"$ref":null,"value":"%s"}]}`, membership.NewID())
		} else {
			fmt.Fprintf(&b, `{"op":"remove","path":"members[value eq \"%s\"]"}`, membership.NewID())
		}
	}
	b.WriteString(`]}`)
	timed(t, func() {
		_, err := foldText(b.String())
		require.NoError(t, err)
	})
}
