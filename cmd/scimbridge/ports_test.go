package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// maxMethods is how many methods an interface of the domain declares itself. One
// with more is composed of interfaces by subject.
const maxMethods = 15

// declared counts the methods that each interface of a file declares itself, also
// those without a name.
func declared(file *ast.File) map[string]int {
	counts := map[string]int{}
	name := ""
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			name = n.Name.Name
		case *ast.FuncDecl:
			name = n.Name.Name
		case *ast.InterfaceType:
			own := 0
			for _, m := range n.Methods.List {
				own += len(m.Names) // an embedded interface has none
			}
			counts[name] = max(counts[name], own)
		}
		return true
	})
	return counts
}

func TestPortsAreSmall(t *testing.T) {
	seen := map[string]bool{}
	for _, dir := range []string{"membership", "auth"} {
		set := token.NewFileSet()
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(set, name, nil, 0)
			if err != nil {
				return err
			}
			for port, n := range declared(file) {
				seen[dir+"."+port] = true
				if n > maxMethods {
					t.Errorf("%s.%s declares %d methods, more than %d: compose it of interfaces by subject",
						dir, port, n, maxMethods)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, port := range []string{"membership.Reader", "membership.Tx", "membership.UserReader", "auth.TokenTx",
		"auth.ClientStore"} {
		if !seen[port] {
			t.Errorf("%s was not looked at", port)
		}
	}
}

func TestDeclared(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
		type A interface { B; C(); D(); E[int] }
		type B interface { F(); C() }
		func g(interface { B; H() }) {}`, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"A": 2, "B": 2, "g": 1} {
		if got := declared(file)[name]; got != want {
			t.Errorf("%s: counted %d methods, not %d", name, got, want)
		}
	}
}
