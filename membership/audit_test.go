package membership_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// Actions are all that the code writes: every constant of the type, and every
// text that a migration writes into a column action.
func TestActionsAreAll(t *testing.T) {
	written := map[membership.Action]bool{}
	inSQL := regexp.MustCompile(`'([a-z]+\.[a-z_]+)'`)
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasSuffix(path, ".sql"):
			text, err := os.ReadFile(path)
			for _, m := range inSQL.FindAllSubmatch(text, -1) {
				if word := string(m[1]); !strings.HasPrefix(word, "scimbridge.") {
					written[membership.Action(word)] = true
				}
			}
			return err
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for _, v := range n.Values {
					if text, ok := v.(*ast.BasicLit); ok && isAction(n.Type) {
						s, err := strconv.Unquote(text.Value)
						require.NoError(t, err)
						written[membership.Action(s)] = true
					}
				}
			case *ast.CallExpr:
				if isAction(n.Fun) && len(n.Args) == 1 {
					_, literal := n.Args[0].(*ast.BasicLit)
					require.False(t, literal, "%s: an action that is no constant", path)
				}
			}
			return true
		})
		return nil
	}))
	var all []membership.Action
	for a := range written {
		all = append(all, a)
	}
	require.Greater(t, len(all), 40)
	require.ElementsMatch(t, all, membership.Actions)
	require.True(t, slices.Contains(membership.Actions, membership.ActionGrantOpened))
}

func isAction(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "Action"
	case *ast.SelectorExpr:
		return e.Sel.Name == "Action"
	}
	return false
}

// What a credential is stored as reads as what it was.
func TestCredentialsAreReadAsTheyWereWritten(t *testing.T) {
	id, owner := membership.NewID(), membership.NewID()
	for _, c := range []membership.Credential{
		{},
		{Kind: membership.CredentialToken, ID: id},
		{Kind: membership.CredentialClient, ID: id},
		{Kind: membership.CredentialAccessToken, ID: id, Owner: owner},
		{Kind: membership.CredentialJWT, Owner: owner, Subject: "auth0|a:b:" + id.String()},
		{Kind: membership.CredentialJWT, Owner: owner, Subject: "token:" + id.String()},
		{Kind: membership.CredentialCLI}, {Kind: membership.CredentialBootstrap}, {Kind: membership.CredentialSystem},
	} {
		again, err := membership.ParseCredential(c.String())
		require.NoError(t, err, c.String())
		require.Equal(t, c, again)
	}
	for _, s := range []string{"token", "token:x", "cli:x", "password:" + id.String(), "jwt:x:y",
		"access_token:" + id.String()} {
		_, err := membership.ParseCredential(s)
		require.Error(t, err, s)
	}
}
