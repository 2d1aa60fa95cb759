package scim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWorkOfEditsIsBounded: what operations compare is bounded by more than the
// length of the body.
func TestWorkOfEditsIsBounded(t *testing.T) {
	elements := func(n int, format string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(format, i)
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	before := `{"emails":` + elements(900, `{"value":"%d","type":"work"}`) + `,"` + shop + `":{"lines":` +
		elements(900, `{"VALUE":"%d","QTY":1}`) +
		`}}`
	apply := func(n, bound int, operation string) error {
		r, err := object([]byte(before))
		require.NoError(t, err)
		p, err := readPatch([]byte(`{"Operations":` + elements(n, strings.ReplaceAll(operation, "{S}", shop)) + `}`))
		require.NoError(t, err)
		edits, err := userType.edits(p.Operations)
		require.NoError(t, err)
		return applyWithin(r, edits, &work{bound})
	}
	for _, operation := range []string{
		`{"op":"remove","path":"emails","value":[{"type":"WORK","display":"%d"}]}`,
		`{"op":"remove","path":"{S}:lines","value":[{"qty":1,"value":"x%d"}]}`,
		`{"op":"add","path":"{S}:lines","value":[{"value":"0","qty":1,"primary":false,"a":null,"b%d":""}]}`,
		`{"op":"remove","path":"{S}:lines[value eq \"x%d\" or unit pr]"}`,
		`{"op":"remove","path":"emails[type eq \"%d\" or type eq \"x\" or display pr]"}`,
	} {
		require.NoError(t, apply(100, maxWork, operation), operation)
		require.Equal(t, 413, errorOf(apply(100, maxWork/500, operation)).status, operation)
	}
	// As much as is allowed is no harm.
	r := map[string]any{}
	values, err := object([]byte(`{"addresses":` + elements(1000, `{"locality":"%d","type":"work","country":"DE",`+
		`"postalCode":"1","region":"r","primary":false}`) + `}`))
	require.NoError(t, err)
	for range 2 {
		edits, err := userType.expand(opAdd, values)
		require.NoError(t, err)
		require.NoError(t, applyAll(r, edits))
	}
	require.Len(t, r["addresses"], 1000)
}
