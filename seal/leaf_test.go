package seal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const tenant = "0197a5e3-0e70-7a11-8b22-9c33ad44be55"

func TestLeaf(t *testing.T) {
	line, err := Leaf{Number: 7, Tenant: tenant, Body: []byte(`{"id":"x","action":"grant.opened"}`)}.Append(nil)
	require.NoError(t, err)
	assert.Equal(t, `{"number":7,"tenant_id":"`+tenant+`","id":"x","action":"grant.opened"}`, string(line))
	l, err := ParseLeaf(line)
	require.NoError(t, err)
	assert.Equal(t, Leaf{Number: 7, Tenant: tenant, Body: []byte(`{"id":"x","action":"grant.opened"}`)}, l)

	longest := []byte(`{"id":"` + strings.Repeat("x", MaxBody-9) + `"}`)
	require.Len(t, longest, MaxBody)
	line, err = Leaf{Number: 1<<63 - 1, Tenant: tenant, Body: longest}.Append(nil)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(line), MaxLeaf)

	for _, l := range []Leaf{
		{Number: 0, Tenant: tenant, Body: []byte(`{"id":"x"}`)},
		{Number: 1, Tenant: "x", Body: []byte(`{"id":"x"}`)},
		{Number: 1, Tenant: tenant, Body: []byte(`{}`)},
		{Number: 1, Tenant: tenant, Body: []byte("{\"id\":\n\"x\"}")},
		{Number: 1, Tenant: tenant, Body: append(longest, ' ')},
	} {
		_, err := l.Append(nil)
		require.Error(t, err)
	}
}

func FuzzParseLeaf(f *testing.F) {
	f.Add([]byte(`{"number":7,"tenant_id":"` + tenant + `","id":"x"}`))
	f.Add([]byte(`{"number":07,"tenant_id":"` + tenant + `","id":"x"}`))
	f.Add([]byte(`{"number":7,"tenant_id":"` + tenant + `"}`))
	f.Add([]byte(`{"number":`))
	f.Fuzz(func(t *testing.T, line []byte) {
		l, err := ParseLeaf(line)
		if err != nil {
			return
		}
		again, err := l.Append(nil)
		if err != nil {
			return // longer than a body may be
		}
		if string(again) != string(line) {
			t.Errorf("%q is read as %q", line, again)
		}
	})
}
