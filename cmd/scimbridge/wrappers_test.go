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

// wholePorts are what a wrapper would wrap whole. A struct that embeds one passes on every
// method that it does not name, so a new method would slip by what the wrapper does.
var wholePorts = map[string]bool{
	"membership.Store": true, "membership.Reader": true, "membership.Tx": true, "membership.Updater": true,
	"auth.IssuerReader": true, "auth.VerifierStore": true,
	"auth.Store": true, "auth.Tx": true, "auth.TokenTx": true, "auth.CredentialUpdater": true, "auth.ClientStore": true,
	"auth.IssuerStore": true, "auth.PolicyStore": true, "auth.PolicyReader": true, "db.Store": true,
}

// wrappersOfSome change some methods of a port with about 100, and mean to pass on the rest.
var wrappersOfSome = map[string]string{
	"scim.breakingReader": "fails in MemberIDs",
	"scim.crowdedReader":  "makes up MemberIDs",
}

// embedsWhole names the whole ports that each struct of a file embeds.
func embedsWhole(file *ast.File) map[string]string {
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, f := range s.Fields.List {
			if len(f.Names) > 0 {
				continue
			}
			t := f.Type
			if star, ok := t.(*ast.StarExpr); ok {
				t = star.X
			}
			name := ""
			switch t := t.(type) {
			case *ast.Ident:
				name = strings.TrimSuffix(file.Name.Name, "_test") + "." + t.Name
			case *ast.SelectorExpr:
				if p, ok := t.X.(*ast.Ident); ok {
					name = p.Name + "." + t.Sel.Name
				}
			}
			if wholePorts[name] {
				found[strings.TrimSuffix(file.Name.Name, "_test")+"."+spec.Name.Name] = name
			}
		}
		return true
	})
	return found
}

// A wrapper of a port names all of its methods, tests' doubles among them.
func TestWrappersNameEveryMethod(t *testing.T) {
	set := token.NewFileSet()
	files := 0
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(name) != ".go" {
			return err
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			return err
		}
		files++
		for wrapper, port := range embedsWhole(file) {
			if wrappersOfSome[wrapper] == "" {
				t.Errorf("%s: %s embeds %s: name its methods, so that a new one does not compile before it is wrapped",
					name, wrapper, port)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 500 {
		t.Errorf("only %d files were looked at", files)
	}
}

func TestEmbedsWhole(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", `package auth
		type a struct { Store; b int }
		type c struct { *db.Store }
		type d struct { store Store; membership.EventReader }`, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := embedsWhole(file)
	if len(found) != 2 || found["auth.a"] != "auth.Store" || found["auth.c"] != "db.Store" {
		t.Errorf("found %v", found)
	}
}
