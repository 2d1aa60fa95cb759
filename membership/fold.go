package membership

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold returns the key under which two spellings of a userName, a displayName or
// an address are the same: the composed form (NFC) of the small letters, with ς
// as σ, without blanks at the ends and without invisible characters. It
// compares letter for letter: ß is not ss, ﬁ is not fi. Of a text in which
// nothing can be seen it is the text itself, so that only the empty text has the
// empty key. Engines know ASCII case only: the key is made here and stored
// beside the text, which is shown as it was sent.
func Fold(s string) string {
	if isFolded(s) {
		return s
	}
	if key := strings.TrimSpace(visible(s)); key != "" {
		return small(key)
	}
	return s
}

// foldPart is Fold of a text that is looked for inside others: blanks at its
// ends count.
func foldPart(s string) string {
	if isFolded(s) {
		return s
	}
	if part := visible(s); part != "" {
		return small(part)
	}
	return s
}

// PartKey returns the key of a text that is looked for inside others, or at their
// beginning: what has the text has the key in its own key. exact says that nothing
// else has. Without a key nothing can be said: it has blanks only.
func PartKey(s string) (key string, exact bool) {
	if strings.TrimSpace(visible(s)) == "" {
		return "", false
	}
	key = Fold(s)
	return key, foldPart(s) == key
}

// small returns the small letters of s, composed. It composes first as well, so
// that the two spellings of a letter become the same small one.
func small(s string) string {
	return norm.NFC.String(strings.Map(smallLetter, norm.NFC.String(s)))
}

func smallLetter(r rune) rune {
	if r = unicode.ToLower(r); r == 'ς' {
		return 'σ'
	}
	return r
}

// isFolded finds the texts that most are: printable ASCII without capitals and
// without blanks at the ends.
func isFolded(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf-1 || c < ' ' || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}

// visible returns s without the characters that are not shown.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return r
	}, s)
}

// isInvisible reports whether a character is not shown: one that Unicode calls
// ignorable by default (UAX 44, Default_Ignorable_Code_Point: joiners, marks of
// direction, fillers, variation selectors), or a control character that is no
// white space.
func isInvisible(r rune) bool {
	switch {
	case r < utf8.RuneSelf || unicode.Is(unicode.Cc, r):
		return unicode.Is(unicode.Cc, r) && !unicode.IsSpace(r)
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), unicode.Is(unicode.Variation_Selector, r):
		return true
	case !unicode.Is(unicode.Cf, r):
		return false
	}
	shown := unicode.Is(unicode.Prepended_Concatenation_Mark, r) || // such as the Arabic sign of a number
		0xFFF9 <= r && r <= 0xFFFB || 0x13430 <= r && r <= 0x1343F // annotations, joints of hieroglyphs
	return !shown
}
