package membership

import (
	"strings"
	"unicode/utf8"
)

// MaxText is the longest name, userName, externalId or address that is stored,
// in bytes. It leaves the folded key below what a PostgreSQL index row takes.
const MaxText = 800

// ValidText refuses what only one of the engines would store: NUL bytes and
// invalid UTF-8. It says nothing of the length.
func ValidText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// checkText is the rule for every single-line text that enters the domain.
func checkText(field, s string, required bool) error {
	switch {
	case required && strings.TrimSpace(s) == "":
		return Invalidf("%s is required", field)
	case !ValidText(s):
		return Invalidf("%s has a NUL byte or is not UTF-8", field)
	case len(s) > MaxText:
		return Invalidf("%s is longer than %d bytes", field, MaxText)
	}
	return nil
}

// checkReason lets a reason be longer than a name, but not a document.
func checkReason(s string) error {
	if !ValidText(s) {
		return Invalidf("reason has a NUL byte or is not UTF-8")
	}
	if len(s) > 4*MaxText {
		return Invalidf("reason is longer than %d bytes", 4*MaxText)
	}
	return nil
}
