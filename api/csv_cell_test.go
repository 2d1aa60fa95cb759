package api

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a directory administrator can write into a name, and the cell of it.
var cells = map[string]string{
	"": "", "Zoë": "Zoë", "Ann Lee": "Ann Lee", "a=b": "a=b", "a-b": "a-b", "a+b@c.test": "a+b@c.test", "'=1": "'=1",
	"３":  "３",
	"=1": "'=1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)",
	"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠SUM(A1)": "'＠SUM(A1)", "﹦1": "'﹦1", "﹣1": "'﹣1",
	"\ufeff=1": "'\ufeff=1", "\u200b=1": "'\u200b=1", "\u200f\u2060\u00ad=1": "'\u200f\u2060\u00ad=1",
	"\ufe0f＝1": "'\ufe0f＝1",
	" =1":      "' =1", "\u00a0=1": "'\u00a0=1", "\u3000=1": "'\u3000=1", "\x01=1": "'\x01=1", `"=1`: `'"=1`,
	"\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx",
	"a;=1": "a;'=1", "a; ＝1": "a;' ＝1", `a;"=1"`: `a;'"=1"`, "a;b;=1": "a;b;'=1", ";=1": ";'=1", "a;b": "a;b",
	"=1;=2": "'=1;'=2",
	"a\t=1": "a\t'=1", "a\n=1": "a\n'=1", "a\r\n=1": "a\r\n'=1", "a\r\n\t=1": "a\r\n\t'=1", "a\nb": "a\nb",
	"\ufeff;=1": "\ufeff;'=1", "\ufeff": "\ufeff",
}

func TestCells(t *testing.T) {
	for text, want := range cells {
		line := string(appendCell(nil, text))
		record, err := csv.NewReader(strings.NewReader("x," + line + "\r\n")).Read()
		require.NoError(t, err, "%q", text)
		assert.Equal(t, strings.ReplaceAll(want, "\r\n", "\n"), record[1], "%q", text)
	}
}

// A program that splits lines at a separator, quoted or not, sees no formula begin.
func FuzzCells(f *testing.F) {
	for text := range cells {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line := string(appendCell([]byte("x,"), text))
		parts := strings.FieldsFunc(strings.TrimPrefix(line, "x,"),
			func(r rune) bool { return strings.ContainsRune(separators, r) })
		for _, part := range parts {
			require.False(t, startsFormula(part), "%q of %q", part, line)
		}
	})
}
