package scim

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestPlusOrBlank: what a + of a filter is, by what stands between its words.
func TestPlusOrBlank(t *testing.T) {
	for raw, want := range map[string]string{
		// Words separated by %20: a plus.
		`userName%20eq%20%22ann+lee@x%22`:                             `userName eq "ann+lee@x"`,
		`userName%20eq%20"a+b"%20and%20title%20co%20"c+d"`:            `userName eq "a+b" and title co "c+d"`,
		`emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22a+b@x%22`: `emails[type eq "work"].value eq "a+b@x"`,
		`not%20(userName%20sw%20%22a+%22)`:                            `not (userName sw "a+")`,
		`externalId%20eq%20a+b`:                                       `externalId eq a+b`,
		`userName%20eq%20%22a%5C%22+b%22`:                             `userName eq "a\"+b"`,
		`meta.created%20gt%20%222026-01-01T00:00:00+01:00%22`:         `meta.created gt "2026-01-01T00:00:00+01:00"`,
		`userName%20eq%20%22a+b%20c%22`:                               `userName eq "a+b c"`,
		`userName%2520eq%2520%2522a+b%2522`:                           `userName%20eq%20%22a+b%22`,
		// Words separated by +: a blank.
		`userName+eq+%22a%2520b+c%22`:                         `userName eq "a%20b c"`,
		`userName+eq+%22ann+lee@x%22`:                         `userName eq "ann lee@x"`,
		`userName+eq+"a+b"+or+title+pr`:                       `userName eq "a b" or title pr`,
		`emails%5Btype+eq+%22work%22%5D.value+eq+%22a+b@x%22`: `emails[type eq "work"].value eq "a b@x"`,
		// An encoded plus is one, and an encoded blank is none.
		`userName+eq+%22ann%2Blee@x%22`:     `userName eq "ann+lee@x"`,
		`userName%20eq%20%22ann%2Blee@x%22`: `userName eq "ann+lee@x"`,
		`userName%20eq%20%22ann%20lee@x%22`: `userName eq "ann lee@x"`,
		`userName+eq+%22ann%20lee@x%22`:     `userName eq "ann lee@x"`,
		// Both: as in a form.
		`userName%20eq+%22a+b%22`:              `userName eq "a b"`,
		`userName+eq%20%22a+b%22`:              `userName eq "a b"`,
		`userName%20eq%20"a+b"+and+title%20pr`: `userName eq "a b" and title pr`,
		`title%20pr+and+userName%20pr`:         `title pr and userName pr`,
		`externalId%20eq%20x+and+title%20pr`:   `externalId eq x and title pr`,
	} {
		p, err := readQuery("count=1&filter=" + raw + "&")
		require.NoError(t, err, raw)
		assert.Equal(t, want, p.filter, raw)
	}
}

// TestSpellingsOfAFilterMeanTheSame: however a client encodes a filter for a
// query, what is read is what was meant; and who mixes its encodings never asks
// for a plus that was a blank.
func TestSpellingsOfAFilterMeanTheSame(t *testing.T) {
	word := rapid.StringOfN(rapid.RuneFrom([]rune(`ab+ @.%\"()[]é,&=`)), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		terms := rapid.IntRange(1, 3).Draw(t, "terms")
		var words []string
		for i := range terms {
			if i > 0 {
				words = append(words, rapid.SampledFrom([]string{"and", "or"}).Draw(t, "logic"))
			}
			attr := rapid.SampledFrom([]string{"userName", "emails.value", enterpriseURN + ".department"}).
				Draw(t, "attribute")
			op := rapid.SampledFrom([]string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"}).Draw(t, "operator")
			value, err := encode(word.Draw(t, "value"))
			require.NoError(t, err)
			words = append(words, attr, op, string(value))
		}
		meant := strings.Join(words, " ")
		raw := func(separator string, encode func(string) string) string {
			parts := make([]string, len(words))
			for i, w := range words {
				parts[i] = encode(w)
			}
			return strings.Join(parts, separator)
		}
		bare := func(s string) string { // as who puts a value into the URL and keeps its plus
			return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), "%2B", "+")
		}
		for _, query := range []string{
			raw("+", url.QueryEscape), raw("%20", url.PathEscape), raw("%20", bare),
			url.QueryEscape(meant), strings.ReplaceAll(url.QueryEscape(meant), "+", "%20"),
		} {
			if strings.Contains(query, "&") || strings.Contains(query, "=") {
				query = strings.NewReplacer("&", "%26", "=", "%3D").Replace(query)
			}
			p, err := readQuery("filter=" + query)
			require.NoError(t, err, query)
			require.Equal(t, meant, p.filter, query)
		}
		// Mixed, with every blank of a value encoded: the texts are as they were, or
		// have blanks for their pluses.
		mixed := words[0]
		for _, w := range words[1:] {
			mixed += rapid.SampledFrom([]string{"+", "%20"}).Draw(t, "separator") + bare(w)
		}
		p, err := readQuery("filter=" + strings.NewReplacer("&", "%26", "=", "%3D").Replace(mixed))
		require.NoError(t, err)
		if p.filter != meant {
			require.Equal(t, strings.ReplaceAll(meant, "+", " "), p.filter, mixed)
		}
	})
}
