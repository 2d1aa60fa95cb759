package membership

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An error names the first few of what is wrong, each cut, and counts the rest.
func TestErrorsNameTheFirstFew(t *testing.T) {
	var few, many Named
	few.Add("a")
	few.Add(strings.Repeat("é", 1000))
	for range 1_000_000 {
		many.Add("b")
	}
	assert.Equal(t, `"a", "`+strings.Repeat("é", 32)+`…"`, few.String())
	assert.Equal(t, strings.Repeat(`"b", `, 19)+`"b", and 999980 more`, many.String())
	few.AddAll(many)
	assert.Equal(t, 1_000_002, few.Len())
	assert.Len(t, few.first, maxNamed)

	ids := make([]ID, 1000)
	for name, err := range map[string]error{"unknown": UnknownMembers(ids), "unknown ": unknownUsers(ids)} {
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.Len(t, e.Details["unknown"], maxNamed, name)
		assert.Equal(t, 1000, e.Details["unknown_count"], name)
		assert.Less(t, len(e.Message), 1000, name)
	}
	var e *Error
	require.ErrorAs(t, alreadyMembers(make([]Member, 1000)), &e)
	assert.Len(t, e.Details["members"], maxNamed)
	assert.Equal(t, 1000, e.Details["members_count"])
	assert.Equal(t, map[string]any{"unknown": ids[:2]}, FirstOf("unknown", ids[:2]), "all of few, without a count")
}
