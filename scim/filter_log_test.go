package scim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is logged of a filter has no value of it.
func TestFilterShape(t *testing.T) {
	for text, want := range map[string]string{
		`userName eq "ann@acme.test"`:                             "userName eq ?",
		`active eq true and not (name.familyName co "Lee")`:       "(active eq ? and not name.familyName co ?)",
		`emails[type eq "work" and value sw "ann"]`:               "emails[(type eq ? and value sw ?)]",
		`title pr or meta.lastModified gt "2026-01-01T00:00:00Z"`: "(title pr or meta.lastModified gt ?)",
		`annLee eq "x"`:                     "(unlisted) eq ?",
		`urn:x:annLee:1:User:number eq "x"`: "(unlisted) eq ?",
	} {
		readings, err := userType.readings(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, filterShape(readings[0]), text)
	}
	long := strings.TrimSuffix(strings.Repeat(`userName eq "a" or `, 15), " or ")
	readings, err := userType.readings(long)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(filterShape(readings[0])), maxShape+len("…"))
}
