package scim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/scimbridge/scimbridge/membership"
)

const enterpriseDoc = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT",` +
	`"manager":{"value":"m"}}`

// usualDoc is what is kept of a user as Entra sends them.
const usualDoc = `{"displayName":"Ann Ö. Lee","emails":[{"primary":true,"type":"work","value":"ann@example.test"}],` +
	`"name":{"familyName":"Lee","formatted":"Ann Lee","givenName":"Ann"},"title":"Engineer",` + enterpriseDoc + `}`

// theProjections are those of attributes and of excludedAttributes.
var theProjections = []string{
	"", "members", "id", "meta", "groups", "emails", "emails.value", "userName,name", "NAME", "name.givenName",
	"externalId,displayName",
	"active", "schemas", "urn:ietf:params:scim:schemas:core:2.0:User",
	"urn:ietf:params:scim:schemas:core:2.0:User:name",
	"urn:ietf:params:scim:schemas:core:2.0:Group", "department",
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "urn:x:y", "urn:x:y:z", "x", "unknown!",
	"meta.version", "x.y",
}

// sameText compares what is written with what would be made and then encoded.
func sameText(t interface {
	require.TestingT
	Helper()
}, doc, text string, version int64,
) (written bool) {
	t.Helper()
	d := &door{base: "https://bridge.example" + root}
	at := time.Date(2026, 11, 22, 7, 0, 0, 1000, time.FixedZone("x", 3600))
	id := membership.NewID()
	user := membership.UserLink{
		User: id, UserName: text, ExternalID: text, Active: version%2 == 0, Attributes: []byte(doc),
		Version: version, CreatedAt: at, LastModified: at.Add(time.Hour),
	}
	group := membership.GroupLink{
		Group: id, DisplayName: text, ExternalID: text, Attributes: []byte(doc), Version: version, CreatedAt: at,
		LastModified: at,
	}
	groups := []membership.GroupRef{{ID: id, DisplayName: text}, {ID: membership.NewID()}}[:version%3]
	for _, attributes := range theProjections {
		for _, excluded := range theProjections {
			shown := userType.newProjection(namesOf(t, attributes), namesOf(t, excluded))
			got := &buffer{text: []byte("x")}
			if d.appendUser(got, user, groups, shown) {
				r, err := d.userResource(user, groups)
				require.NoError(t, err, doc)
				want, err := encode(shown.of(r))
				require.NoError(t, err)
				require.Equal(t, "x"+string(want), string(got.text), "%s: only %q, not %q", doc, attributes, excluded)
				written = true
			}
			shown = groupType.newProjection(namesOf(t, attributes), namesOf(t, excluded))
			got = &buffer{}
			if d.appendGroup(got, group, shown) {
				r, err := d.groupResource(group)
				require.NoError(t, err, doc)
				want, err := encode(shown.of(r))
				require.NoError(t, err)
				require.Equal(t, string(want), string(got.text), "%s: only %q, not %q", doc, attributes, excluded)
			}
		}
	}
	return written
}

// What is usual is written without being decoded.
func TestResourceTextOfTheUsual(t *testing.T) {
	for _, doc := range []string{
		"", "{}", usualDoc, `{"URN:x:y":{"a":1},"a":null,"urn:x:y":{"z":[]},"x":{"y":1,"z":[{"a":-1.5e+3}]},"z":true}`,
		`{"urn:x:y":{},"urn:x:z":5}`,
		`{"active":false,"groups":[],"id":"mine","meta":{},"schemas":[],"userName":"other"}`,
	} {
		for i, text := range []string{"", "ann", "Ö € 😀", "a\"b\\c\n\x01\u2028</script>&"} {
			assert.True(t, sameText(t, doc, text, int64(i)+1), doc)
		}
	}
}

// What is not as encode writes it is decoded.
func TestResourceTextRefuses(t *testing.T) {
	for _, doc := range []string{
		" {}", "{} ", `{"a": 1}`, `{"b":1,"a":1}`, `{"a":1,"a":2}`, `{"a":"\u0041"}`, `{"a":"\"" }`,
		"{\"a\":\"\u2028\"}",
		`{"a":{"c":1,"b":1}}`,
		`{"a":01}`, `{"a":1.}`, `{"a":+1}`, `{"a":1e}`, `{"a":tru}`, `{"a":[1,]}`, `{"a":1,}`, `{"a"}`, `{`,
		`[]`, `null`,
		`{"a":"` + "\xff" + `"}`,
		"{\"a\":\"\n\"}", `{"a":}`, `{a:1}`, `{"a":1}{}`,
	} {
		_, ok := storedParts(nil, []byte(doc))
		assert.False(t, ok, doc)
	}
}

// Whatever is stored, what is written is what would be encoded.
func TestResourceTextIsWhatIsEncoded(t *testing.T) {
	text := rapid.OneOf(rapid.StringMatching(`[a-zA-Z]{0,8}`), rapid.String())
	var value *rapid.Generator[any]
	value = rapid.Deferred(func() *rapid.Generator[any] {
		return rapid.OneOf(
			rapid.Map(text, func(s string) any { return s }),
			rapid.Map(rapid.Float64(), func(f float64) any { return f }),
			rapid.Map(rapid.Bool(), func(b bool) any { return b }),
			rapid.Just[any](nil),
			rapid.Map(rapid.SliceOfN(value, 0, 3), func(v []any) any { return v }),
			rapid.Map(rapid.MapOfN(text, value, 0, 3), func(v map[string]any) any { return v }),
		)
	})
	name := rapid.OneOf(rapid.SampledFrom([]string{
		"displayName", "emails", "name", "members", "externalId", "userName", "active", "id", "x", "URN:x:y", "urn:x:y",
		"urn:x:y:z", enterpriseURN,
	}), text)
	rapid.Check(t, func(t *rapid.T) {
		doc, err := encode(rapid.MapOfN(name, value, 0, 6).Draw(t, "document"))
		require.NoError(t, err)
		sameText(t, string(doc), text.Draw(t, "text"), rapid.Int64Range(1, 1000).Draw(t, "version"))
	})
}

func FuzzResourceText(f *testing.F) {
	for _, doc := range []string{"", "{}", usualDoc, `{"a":-0.5e-7,"b":[{},[]]}`, `{"a":"\n"}`, `{"b":1,"a":2}`} {
		f.Add(doc, "Ann")
	}
	f.Fuzz(func(t *testing.T, doc, text string) {
		if _, ok := storedParts(nil, []byte(doc)); ok {
			sameText(t, doc, text, 2)
		}
		want, err := encode(text)
		require.NoError(t, err)
		require.Equal(t, string(want), string(appendText(nil, text)))
	})
}

// BenchmarkUserText is one user of a list.
func BenchmarkUserText(b *testing.B) {
	d := &door{base: "https://bridge.example" + root}
	l := membership.UserLink{
		User: membership.NewID(), UserName: "ann@example.test", ExternalID: "x", Active: true,
		Attributes: []byte(usualDoc), Version: 7,
		CreatedAt: time.Now(), LastModified: time.Now(),
	}
	shown := userType.newProjection(nil, nil)
	b.Run("written", func(b *testing.B) {
		b.ReportAllocs()
		to := &buffer{}
		for b.Loop() {
			to.text = to.text[:0]
			if !d.appendUser(to, l, nil, shown) {
				b.Fatal("it is decoded")
			}
		}
	})
	b.Run("encoded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, err := d.userResource(l, nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := encode(shown.of(r)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
