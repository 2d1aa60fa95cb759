package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/engine"
)

// A word is the longest that fits, its argument is the rest, and braces without a
// word stay.
func TestWords(t *testing.T) {
	words := engine.Words{
		"in": engine.Around("= any(#)"), "in keys": engine.Around("= some(#)"), "text": engine.Around("<# #>"),
		"for update": engine.Always("for update"), "::json": engine.Always(""),
	}
	for q, want := range map[string]string{
		``:                                   ``,
		`select 1`:                           `select 1`,
		`id {in $2}`:                         `id = any($2)`,
		`id {in keys $2} and x {in $3}`:      `id = some($2) and x = any($3)`,
		`a{::json} -> 'b' {for update}`:      `a -> 'b' for update`,
		`{text x.id}{text y}`:                `<x.id x.id><y y>`,
		`'{"a":true,"b":"' || {text x} || '`: `'{"a":true,"b":"' || <x x> || '`,
		`'{"a":true}' {unknown $1}`:          `'{"a":true}' {unknown $1}`,
		`{in $1`:                             `{in $1`,
		`{`:                                  `{`,
		`{}{in }`:                            `{}= any()`,
	} {
		require.Equal(t, want, words.Expand(q), q)
	}
}
