package scim

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

const plainID, otherID = `01a20125-1e97-70e6-8236-c329a9c89ae6`, `01a20125-1e97-70e6-8236-c329a9c89ae7`

// plainPatches are as Entra and Okta send them.
var plainPatches = []string{
	`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Add","path":"members",` +
		`"value":[{"value":"` + plainID + `"}]}]}`,
	`{"Operations":[{"op":"remove","path":"members[value eq \"` + plainID + `\"]"}]}`,
	` { "Operations" : [ { "value" : [ ] , "op" : "replace" , "path" : "members" } ] } ` + "\r\n",
	`{"Operations":[{"op":"remove","path":"members","value":[{"$ref":"x \" y","value":"` + plainID +
		`","display":"A",` +
		`"type":"User"},{"value":"` + otherID + `"}]},` +
		`{"op":"ADD","path":"members","value":[{"value":"` + otherID + `"}]}]}`,
}

func TestPlainMemberPatch(t *testing.T) {
	for _, body := range plainPatches {
		delta, plain := plainMemberPatch([]byte(body))
		require.True(t, plain, body)
		c, _, err := readGroupPatch(newTokens(strings.NewReader(body)), &attributeBudget{1 << 20}, nil)
		require.NoError(t, err)
		assert.Equal(t, c.members, delta, body)
	}
	for _, body := range []string{
		``, `{}`, `[]`, `null`, `{"Operations":[]}`, `{"Operations":null}`,
		`{"operations":[{"op":"add","path":"members","value":[]}]}`,
		`{"Operations":[{"op":"add","path":"members","value":[{"value":"` + strings.ToUpper(plainID) + `"}]}]}`,
		`{"Operations":[{"op":"add","path":"members","value":[{"value":"x"}]}]}`,
		`{"Operations":[{"op":"add","path":"members","value":[{}]}]}`,
		`{"Operations":[{"op":"add","path":"members","value":[{"value":"` + plainID + `","value":null}]}]}`,
		`{"Operations":[{"op":"add","path":"members","value":[{"display":"é","value":"` + plainID + `"}]}]}`,
		`{"Operations":[{"op":"add","path":"members","value":[{"display":"\u0000","value":"` + plainID + `"}]}]}`,
		`{"Operations":[{"op":"add","path":"members"}]}`,
		`{"Operations":[{"op":"remove","path":"members"}]}`,
		`{"Operations":[{"op":"add","path":"displayName","value":"x"}]}`,
		`{"Operations":[{"op":"remove","path":"members[value ne \"` + plainID + `\"]"}]}`,
		`{"Operations":[{"op":"remove","path":"members","value":[],}]}`,
		`{"Operations":[{"op":"remove","path":"members","value":[]}]}{}`,
		`{"Operations":[{"op":"remove","path":"members","value":[]}],"displayName":"x"}`,
		`{"Operations":[{"op":"remove","path":"members","value":[]}]`,
		`{"Operations":[{"op":"remove","path":"members","value":[]}],"Operations":[{"op":"remove","path":"members",` +
			`"value":[]}]}`,
	} {
		_, plain := plainMemberPatch([]byte(body))
		assert.False(t, plain, body)
	}
	for _, body := range plainPatches { // no beginning of a patch is one
		for i := range strings.TrimRight(body, " \r\n") {
			_, plain := plainMemberPatch([]byte(body[:i]))
			assert.False(t, plain, body[:i])
		}
	}
}

func TestHeldBodyIsReadLikeAnyOther(t *testing.T) {
	for _, body := range []string{``, `{}`, "\ufeff{}", "\ufeff", "{\"a\":\"\xff\"}", `{"a":"\u0000"}`, `{"a":  1}`,
		strings.Repeat("[", 100)} {
		want, wantErr := io.ReadAll(newBodyReader(strings.NewReader(body)))
		held := newHeldBody(strings.NewReader(body), len(body))
		got, err := io.ReadAll(held)
		assert.Equal(t, wantErr, err, "%q", body)
		if err == nil {
			assert.Equal(t, want, got, "%q", body)
		}
		held.drain()
	}
	broken := newHeldBody(io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF)), 10)
	_, err := io.ReadAll(broken)
	require.Error(t, err)
	assert.Empty(t, broken.whole)
}

func BenchmarkMemberPatch(b *testing.B) {
	var many bytes.Buffer
	many.WriteString(`{"Operations":[{"op":"add","path":"members","value":[{"value":"` + plainID + `"}`)
	for range 9_999 {
		many.WriteString(`,{"value":"` + membership.NewID().String() + `"}`)
	}
	many.WriteString(`]}]}`)
	for name, body := range map[string][]byte{"one": []byte(plainPatches[0]), "10000": many.Bytes()} {
		b.Run("plain/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, ok := plainMemberPatch(body); !ok {
					b.Fatal("not plain")
				}
			}
		})
		b.Run("any/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := readGroupPatch(newTokens(newBodyReader(bytes.NewReader(body))),
					&attributeBudget{1 << 20},
					nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
