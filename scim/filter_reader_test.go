package scim

import (
	"fmt"
	"strings"
	"testing"

	filter "github.com/scim2/filter-parser/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestReadFilter(t *testing.T) {
	for text, want := range map[string]string{
		// RFC 7644 figure 2.
		`userName eq "bjensen"`:         `userName eq "bjensen"`,
		`name.familyName co "O'Malley"`: `name.familyName co "O'Malley"`,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`: `urn:ietf:params:scim:schemas:core:2.0:User:` +
			`userName sw "J"`,
		`title pr`: `title pr`,
		`meta.lastModified gt "2011-05-13T04:42:34Z"`: `meta.lastModified gt ` +
			`"2011-05-13T04:42:34Z"`,
		`title pr and userType eq "Employee"`: `title pr and userType ` +
			`eq "Employee"`,
		`title pr or userType eq "Intern"`: `title pr or userType eq "Intern"`,
		`schemas eq "urn:x"`:               `schemas eq "urn:x"`,
		`userType eq "E" and (emails co "a.com" or emails.value co "b.org")`: `userType eq "E" and ` +
			`(emails co "a.com" or emails.value co "b.org")`,
		`userType ne "E" and not (emails co "a.com" or emails.value co "b.org")`: `userType ne "E" and ` +
			`not(emails co "a.com" or emails.value co "b.org")`,
		`userType eq "E" and emails[type eq "work" and value co "@a.com"]`: `userType eq "E" and ` +
			`emails[type eq "work" and value co "@a.com"]`,
		`emails[type eq "work" and value co "@a.com"] or ims[type eq "xmpp" and value co "@f.c"]`: `emails[type eq ` +
			`"work" ` +
			`and value co "@a.com"] or ims[type eq "xmpp" and value co "@f.c"]`,
		// and binds closer than or.
		`a pr or b pr and c pr`: `a pr or b pr and c pr`,
		// Letter case of words.
		`userName Eq "x" AND NOT (title Pr)`: `userName eq "x" and not(title pr)`,
		// What the library refuses.
		`emails[type eq "work"].value eq "x"`: `emails[type eq "work" and value eq "x"]`,
		`emails[type eq "work" and primary eq true and value sw "x"]`: `emails[type eq "work" and primary eq true ` +
			`and ` +
			`value sw "x"]`,
		`emails[not (type eq "work") and (value pr or display pr)]`: `emails[not(type eq "work") and (value pr or ` +
			`display ` +
			`pr)]`,
		`emails[type eq "work"] eq "x"`:        `emails[type eq "work" and value eq "x"]`,
		`emails[type eq "work"] co x and a pr`: `emails[type eq "work" and value co "x"] and a pr`,
		`emails[type eq "work"] pr or a pr`:    `emails[type eq "work"] or a pr`,
		`emails[type eq "work"] EQ`:            "",
		`emails[type eq "work"] like "x"`:      "",
		`a eq o'neill`:                         `a eq "o'neill"`,
		`a eq 'x'`:                             "",
		`a eq ''`:                              "",
		"a eq `x`":                             "",
		`a eq “x”`:                             "",
		`a eq ‘x’`:                             "",
		`a eq 'x y' and b pr`:                  "",
		`emails[type eq 'work'].value eq "x"`:  "",
		`emails[type eq 'work']`:               "",
		`'a' eq "x"`:                           "",
		`externalId eq jyoung`:                 `externalId eq "jyoung"`,
		`a eq 5 and b eq -1.5e3`:               `a eq 5 and b eq -1.5e3`,
		`a eq "x\"y\\\u00e9\n"`:                fmt.Sprintf(`a eq %q`, "x\"y\\é\n"),
		`  a   eq   null  `:                    `a eq`,
		`((a pr))`:                             `a pr`,
		`(a eq "x")and(b pr)`:                  `a eq "x" and b pr`,
		``:                                     "",
		`a`:                                    "",
		`a eq`:                                 "",
		`a eq `:                                "",
		`a eq "x`:                              "",
		`a eq "x\q"`:                           "",
		`a eq "x\u0000"`:                       "",
		`a eq "x" b`:                           "",
		`a like "x"`:                           "",
		`a eq "x" and`:                         "",
		`and a pr`:                             "",
		`(a pr`:                                "",
		`a pr)`:                                "",
		`emails[type eq "work"`:                "",
		`emails[]`:                             "",
		`emails[a[b pr] pr]`:                   "",
		`emails[type pr].`:                     "",
		`a..b pr`:                              "",
		`"a" eq "b"`:                           "",
	} {
		e, err := readFilter(text)
		if want == "" {
			assert.Error(t, err, "%s", text)
			continue
		}
		if assert.NoError(t, err, "%s", text) {
			assert.Equal(t, want, strings.TrimSpace(fmt.Sprint(e)), "%s", text)
		}
	}
}

// TestFilterLimits: what kills the library's parser is refused before it can
// cost anything.
func TestFilterLimits(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("(", 90_000),
		strings.Repeat("(", 4000),
		strings.Repeat("(", maxFilterDepth+1) + "a pr" + strings.Repeat(")", maxFilterDepth+1),
		strings.Repeat("not (", maxFilterDepth+1) + "a pr" + strings.Repeat(")", maxFilterDepth+1),
		"a pr" + strings.Repeat(" and a pr", maxFilterTerms),
		`a eq "` + strings.Repeat("x", maxFilter) + `"`,
		"a eq \"\xff\"",
	} {
		_, err := readFilter(text)
		assert.Error(t, err, "%.40s", text)
		_, err = readPath("a[" + text + "]")
		assert.Error(t, err, "%.40s", text)
	}
	_, err := readFilter(strings.Repeat("(", maxFilterDepth) + "a pr" + strings.Repeat(")", maxFilterDepth))
	assert.NoError(t, err)
	// Parentheses in a text do not nest.
	_, err = readFilter(`a eq "` + strings.Repeat("(", 1000) + `"`)
	assert.NoError(t, err)
}

// TestReaderAgreesWithLibrary holds the reader to filter-parser on everything
// that both read.
func TestReaderAgreesWithLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := genFilter(3).Draw(t, "filter")
		want, err := filter.ParseFilterNumber([]byte(text))
		if err != nil {
			t.Skip("the library does not read it")
		}
		have, err := readFilter(text)
		require.NoError(t, err, "%s", text)
		require.Equal(t, treeOf(want), treeOf(have), "%s", text)
	})
}

// treeOf writes a tree out in full: the library's own String leaves out
// parentheses that matter.
func treeOf(e filter.Expression) string {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		return "(" + treeOf(e.Left) + " " + string(e.Operator) + " " + treeOf(e.Right) + ")"
	case *filter.NotExpression:
		return "not(" + treeOf(e.Expression) + ")"
	case *filter.ValuePath:
		return e.AttributePath.String() + "[" + treeOf(e.ValueFilter) + "]"
	case *filter.AttributeExpression:
		return fmt.Sprintf("%s %s %T %v", e.AttributePath, e.Operator, e.CompareValue, e.CompareValue)
	}
	return fmt.Sprintf("%T", e)
}

func genFilter(depth int) *rapid.Generator[string] {
	attr := rapid.SampledFrom([]string{"userName", "name.familyName", "emails.value",
		"urn:ietf:params:scim:schemas:core:2.0:User:title", "x-y_1", "manager.$ref"})
	value := rapid.SampledFrom([]string{`"x"`, `""`, `"a b(c)]"`, `"é"`, "true", "false", "null", "1", "-2.5"})
	op := rapid.SampledFrom([]string{"eq", "NE", "co", "sw", "Ew", "gt", "ge", "lt", "le"})
	term := rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "present") {
			return attr.Draw(t, "attribute") + " pr"
		}
		return attr.Draw(t, "attribute") + " " + op.Draw(t, "operator") + " " + value.Draw(t, "value")
	})
	if depth == 0 {
		return term
	}
	inner := genFilter(depth - 1)
	return rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 5).Draw(t, "shape") {
		case 0:
			return inner.Draw(t, "left") + " and " + inner.Draw(t, "right")
		case 1:
			return inner.Draw(t, "left") + " or " + inner.Draw(t, "right")
		case 2:
			return "not (" + inner.Draw(t, "inner") + ")"
		case 3:
			return "(" + inner.Draw(t, "inner") + ")"
		case 4:
			return "emails[" + term.Draw(t, "a") + " and " + term.Draw(t, "b") + "]"
		}
		return term.Draw(t, "term")
	})
}
