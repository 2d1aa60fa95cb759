package membership_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/scimbridge/scimbridge/membership"
)

func TestFoldIsLetterForLetter(t *testing.T) {
	for _, same := range [][]string{
		{"j.weiß@x.test", "J.WEIẞ@X.TEST", " j.weiß@x.test\t", "j.wei\u200bß@x.test", "\ufeffj.weiß@x.test"},
		{"josé", "JOSE\u0301", "jose\u0301", "JOSÉ", "jos\u00ade\u0301"},
		{"σοφός", "ΣΟΦΌΣ", "σοφόσ", "ΣΟΦΟ\u0301Σ"},
		{"i", "I", "İ", "I\u0307"}, // the simple small letter of İ is i
		{"å", "Å", "Å", "a\u030a"}, {"k", "K"}, {"ω", "Ω", "Ω"},
		{"ǆ", "ǅ", "Ǆ"}, {"ᾳ", "ᾼ"}, {"ꭰ", "Ꭰ"},
		{"ann lee", "Ann Lee", "\u00a0Ann Lee\u3000", "Ann Lee\x7f", "\u2066Ann Lee\u2069"},
		{"葛城", "葛\U000e0100城"},
		{"\u0600" + "12", "\u0600" + "12 "}, // a sign that is seen
	} {
		for _, s := range same[1:] {
			require.Equal(t, membership.Fold(same[0]), membership.Fold(s), "%q is %q", s, same[0])
		}
	}
	for _, other := range [][]string{
		{"weiss", "weiß", "weiſs", "weiſſ"},
		{"fi", "ﬁ"}, {"ff", "ﬀ"}, {"i", "ı", "i\u0307", "і"}, {"e", "é", "ë"},
		{"ae", "æ"}, {"ss", "ß"},
		{"ann lee", "annlee", "ann  lee", "ann\u00a0lee", "ann\tlee"},
		{"12", "\u060012"}, {"1", "１", "①"},
		{"a", "а", "ａ", "ª"},
		{"ŉ", "ʼn"}, {"ǰ", "j"}, {"ᾳ", "αι"}, {"", " "}, {"", "\u200b"}, {"\u200b", "\u200b\u200b"}, {"և", "եւ"},
	} {
		keys := map[string]string{}
		for _, s := range other {
			was, taken := keys[membership.Fold(s)]
			require.False(t, taken, "%q is not %q", s, was)
			keys[membership.Fold(s)] = s
		}
	}
	for _, plain := range []string{"", "a.b+c@x.test", "~!", "a b"} {
		require.Equal(t, plain, membership.Fold(plain))
	}
}

// What holds of every letter.
func TestFoldOfEveryLetter(t *testing.T) {
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		s := string(r)
		key := membership.Fold(s)
		if membership.Fold(s+"a") == "a" { // nothing is seen of it
			require.Equal(t, s, key)
			continue
		}
		for _, same := range []string{key, norm.NFC.String(s), norm.NFD.String(s), string(unicode.ToLower(r)),
			" " + s + "\u200d "} {
			require.Equal(t, key, membership.Fold(same), "%q %U and %q", s, r, same)
		}
		if u := unicode.ToUpper(r); unicode.ToLower(u) == r {
			require.Equal(t, key, membership.Fold(string(u)), "%q %U", s, r)
		}
		require.True(t, norm.NFC.IsNormalString(key), "%q %U", s, r)
		require.LessOrEqual(t, len(key), 3*len(s), "the key of %U fits into an index", r)
	}
}

func foldText() *rapid.Generator[string] {
	return rapid.StringOf(rapid.OneOf(
		rapid.Rune(),
		rapid.SampledFrom([]rune("aAiIsSßẞςσΣﬁfeEéÉ"+
			" \t\u0301\u0307\u0345\u030a\u200b\u200d\u034f\ufeff\u00a0İıſK")),
	))
}

func TestFoldOfTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := foldText().Draw(t, "text")
		key := membership.Fold(s)
		require.Equal(t, key, membership.Fold(key), "it is its own key")
		require.Equal(t, s == "", key == "")
		if strings.TrimSpace(s) == "" || key == s {
			return
		}
		for _, same := range []string{norm.NFC.String(s), norm.NFD.String(s), " " + s + "\u3000", "\u200e" + s,
			lower(s)} {
			require.Equal(t, key, membership.Fold(same), "%q is %q", same, s)
		}
		i := rapid.IntRange(0, len(s)).Draw(t, "place")
		if !utf8.RuneStart(append([]byte(s), 'a')[i]) {
			return
		}
		require.Equal(t, key, membership.Fold(s[:i]+"\u2060"+s[i:]))
	})
}

// lower is the simple small letter of each composed letter, of those that are seen:
// what is between I and its dot keeps them from being one letter.
func lower(s string) string {
	seen := strings.Map(func(r rune) rune {
		if membership.Fold("a"+string(r)+"a") == "aa" {
			return -1
		}
		return r
	}, s)
	return strings.Map(unicode.ToLower, norm.NFC.String(seen))
}

func TestFilterOfParts(t *testing.T) {
	name := membership.Attribute{Name: "displayName"}
	match := func(have string, op membership.Operator, want string) bool {
		return membership.Compare{Attribute: name, Op: op, Value: want}.Match(map[string]any{"displayName": have})
	}
	require.True(t, match("Ann Lee", membership.StartsWith, "ann "))
	require.False(t, match("Annabel", membership.StartsWith, "ann "))
	require.True(t, match(" Ann", membership.StartsWith, "ann"))
	require.True(t, match(" Ann", membership.StartsWith, " a"))
	require.True(t, match("Mary Ann", membership.EndsWith, " ann"))
	require.False(t, match("MaryAnn", membership.EndsWith, " ann"))
	require.True(t, match("Weiß", membership.Contains, "Eiẞ"))
	require.False(t, match("Weiß", membership.Contains, "ss"))
	require.False(t, match("Weiss", membership.Contains, "ß"))
	require.False(t, match("ann", membership.Contains, "\u200b"))
	require.True(t, match("ann", membership.Contains, "a\u200bn"))
	rapid.Check(t, func(rt *rapid.T) { // what is equal contains, begins and ends with it
		have, want := foldText().Draw(rt, "have"), foldText().Draw(rt, "want")
		if have != "" && match(have, membership.Equal, want) {
			for _, op := range []membership.Operator{membership.Contains, membership.StartsWith, membership.EndsWith} {
				require.True(rt, match(have, op, want))
			}
		}
	})
}
