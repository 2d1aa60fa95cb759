package api

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// appendCell appends a text that others chose as a cell of CSV. Where a
// spreadsheet would take it for a formula, it gets an apostrophe in front; so do
// its parts behind a semicolon, a tab or a line break, at which a spreadsheet in
// another language begins the next cell, quoted or not.
func appendCell(b []byte, s string) []byte {
	guarded := guardFormulas(s)
	if guarded != s || strings.ContainsAny(s, "\",\r\n") || s != strings.TrimSpace(s) {
		return appendQuoted(b, guarded)
	}
	return append(b, s...)
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

// separators begin a cell, to some reader of CSV.
const separators = ";\t\r\n"

// signs begin a formula, also in their full-width and small forms (Unicode's
// compatibility forms of the same characters).
const signs = "=+-@" + "＝＋－＠" + "﹦﹢﹣﹫"

func guardFormulas(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	if strings.ContainsRune("\t\r\n", rune(s[0])) {
		b.WriteByte('\'')
	}
	for rest := s; rest != ""; {
		end := strings.IndexAny(rest, separators) + 1
		if end == 0 {
			end = len(rest)
		}
		if startsFormula(strings.TrimRight(rest[:end], separators)) {
			b.WriteByte('\'')
		}
		b.WriteString(rest[:end])
		rest = rest[end:]
	}
	return b.String()
}

// isPlain reports whether nothing in a text could begin a formula: as most names
// do, it starts with a letter or a digit and has no separator.
func isPlain(s string) bool {
	return s == "" || s[0] < utf8.RuneSelf && (unicode.IsLetter(rune(s[0])) || unicode.IsDigit(rune(s[0]))) &&
		!strings.ContainsAny(s, separators)
}

// startsFormula looks behind what readers skip: spaces, quotes, and what is not
// seen at all, such as a byte order mark or a zero-width space.
func startsFormula(s string) bool {
	for _, r := range s {
		switch {
		case strings.ContainsRune(signs, r):
			return true
		case r != '"' && !unicode.IsSpace(r) &&
			!unicode.In(r, unicode.Cc, unicode.Cf, unicode.Mn, unicode.Other_Default_Ignorable_Code_Point):
			return false
		}
	}
	return false
}
