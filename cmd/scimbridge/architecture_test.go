package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/scimbridge/scimbridge"

// root is the repository, seen from this package's directory.
var root = filepath.Join("..", "..")

// layers is the whole of the architecture: which top-level folder's production
// code may import which others of this module. server ties them together; cmd is
// on top of it, and no package imports cmd. Only those two know the settings.
var layers = map[string][]string{
	"membership": {},
	"auth":       {"membership"},
	"scim":       {"auth", "membership"},
	"api":        {"auth", "membership", "router", "seal"},
	"console":    {"auth", "membership", "router", "seal"},
	"db":         {"auth", "membership"},
	"config":     {},
	"router":     {},
	"outbound":   {}, // auth has a port for it
	"seal":       {}, // read access is all that it needs, and that of an interface
	"server":     {"api", "auth", "config", "console", "db", "membership", "outbound", "router", "scim", "seal"},
	"cmd":        {"api", "auth", "config", "db", "membership", "outbound", "scim", "seal", "server"},
	"bench":      {}, // it drives the built program, as a user would
}

// folders are the other directories at the top: docs and deploy hold no code, bin is
// what make builds.
var folders = []string{"docs", "deploy", "bin"}

// drivers are the libraries of databases, and the one folder that imports each: the
// rest of db asks db/engine. db/dbtest makes the databases of tests, and bench is a
// program of its own.
var drivers = map[string]string{
	"github.com/jackc/pgx":        "db/postgres",
	"github.com/lib/pq":           "db/postgres",
	"github.com/mattn/go-sqlite3": "db/sqlite",
	"modernc.org/sqlite":          "db/sqlite",
	"zombiezen.com/go/sqlite":     "db/sqlite",
}

// driverViolation says which rule the import of a library breaks, or "".
func driverViolation(file, imported string) string {
	if from := top(file); from == "bench" || within(path.Dir(file), "db/dbtest") {
		return ""
	}
	for library, dir := range drivers {
		if within(imported, library) && !within(path.Dir(file), dir) {
			return "only " + dir + " imports " + library
		}
	}
	return ""
}

// storage are the two floors of db: which of its folders may import which others.
var storage = map[string][]string{
	"db":          {"db/engine", "db/postgres", "db/requests", "db/sqlite"},
	"db/engine":   {},
	"db/postgres": {"db/engine"},
	"db/sqlite":   {"db/engine"},
	"db/requests": {"db/engine", "db/sqlite"},
}

// domainMayImport is what membership may use besides the standard library.
const domainMayImport = "golang.org/x/text"

// violation says which rule an import breaks, or "". file is relative to the
// root, with slashes.
func violation(file, imported string) string {
	if strings.HasSuffix(file, "_test.go") {
		return "" // a test may bring the parts together that it needs
	}
	from := top(file)
	own, inModule := strings.CutPrefix(imported, module+"/")
	switch {
	case imported == module:
		return "the root holds no package"
	case !inModule && from == "membership" && !standard(imported) && !within(imported, domainMayImport):
		return "membership imports the standard library and " + domainMayImport + " only"
	case !inModule:
		return driverViolation(file, imported)
	case within(own, "seal/anchor/anchortest"):
		return "only tests import seal/anchor/anchortest"
	case within(own, "db/dbtest") && !within(path.Dir(file), "db/dbtest"):
		return "only tests import db/dbtest"
	case storage[path.Dir(file)] != nil && within(own, "db") && !slices.Contains(storage[path.Dir(file)], own):
		return path.Dir(file) + " is below what it imports"
	case from != "db" && within(own, "db") && own != "db" && !within(own, "db/dbtest"):
		return "only db imports what is below it"
	case top(own) == from || slices.Contains(layers[from], top(own)):
		return ""
	case top(own) == "cmd":
		return "nobody imports cmd"
	case top(own) == "config":
		return "nobody but cmd and server imports config"
	case len(layers[from]) == 0:
		return from + " imports nothing else of this module"
	}
	return fmt.Sprintf("of this module %s imports %s only", from, strings.Join(layers[from], ", "))
}

func top(name string) string { first, _, _ := strings.Cut(name, "/"); return first }

func within(name, dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }

// standard: import paths with a dot in the first element belong to somebody.
func standard(imported string) bool { return !strings.Contains(top(imported), ".") }

func TestViolation(t *testing.T) {
	tests := []struct {
		file, imported string
		allowed        bool
	}{
		{"membership/user.go", "context", true},
		{"membership/user.go", "golang.org/x/text/unicode/norm", true},
		{"membership/user.go", "golang.org/x/textual", false},
		{"membership/user.go", "go.uber.org/zap", false},
		{"membership/user.go", module + "/auth", false},
		{"membership/sub/x.go", module + "/membership", true},
		{"membership/user_test.go", "pgregory.net/rapid", true},
		{"auth/token.go", module + "/membership", true},
		{"auth/token.go", module + "/db", false},
		{"scim/list.go", "github.com/elimity-com/scim", true},
		{"scim/list.go", module + "/auth", true},
		{"scim/list.go", module + "/api", false},
		{"scim/list.go", module + "/db", false},
		{"scim/list_test.go", module + "/db/dbtest", true},
		{"api/sub/x.go", module + "/scim", false},
		{"console/groups.go", module + "/membership", true},
		{"console/groups.go", module + "/api", false},
		{"console/groups.go", module + "/db", false},
		{"db/store.go", module + "/membership", true},
		{"db/store.go", module + "/scim", false},
		{"db/store.go", module + "/db/dbtest", false},
		{"db/store.go", module + "/db/sqlite", true},
		{"db/store.go", "github.com/jackc/pgx/v5", false},
		{"db/store.go", "modernc.org/sqlite", false},
		{"db/store_test.go", "github.com/jackc/pgx/v5", true},
		{"db/postgres/pool.go", "github.com/jackc/pgx/v5/pgxpool", true},
		{"db/postgres/pool.go", "zombiezen.com/go/sqlite", false},
		{"db/postgres/pool.go", module + "/db/sqlite", false},
		{"db/postgres/pool.go", module + "/db/engine", true},
		{"db/postgres/pool.go", module + "/db", false},
		{"db/sqlite/conn.go", "zombiezen.com/go/sqlite/sqlitex", true},
		{"db/sqlite/conn.go", "github.com/jackc/pgx/v5", false},
		{"db/engine/tx.go", module + "/db", false},
		{"db/engine/tx.go", module + "/membership", true},
		{"server/store.go", module + "/db/engine", false},
		{"cmd/scimbridge/migrate.go", "github.com/jackc/pgx/v5", false},
		{"bench/postgres.go", "github.com/jackc/pgx/v5", true},
		{"db/dbtest/store.go", module + "/db", true},
		{"db/dbtest/withpostgres/main.go", module + "/db/dbtest", true},
		{"config/config.go", module + "/membership", false},
		{"seal/anchor/witness.go", module + "/seal", true},
		{"seal/anchor/witness.go", module + "/outbound", false},
		{"seal/verify.go", module + "/membership", false},
		{"server/sealer.go", module + "/seal", true},
		{"auth/token.go", module + "/config", false},
		{"db/store.go", module + "/cmd/scimbridge/replay", false},
		{"server/server.go", module + "/config", true},
		{"server/routes.go", module + "/scim", true},
		{"server/server.go", module + "/cmd/scimbridge/replay", false},
		{"server/server.go", module + "/bench", false},
		{"db/store.go", module + "/server", false},
		{"cmd/scimbridge/serve.go", module + "/config", true},
		{"cmd/scimbridge/serve.go", module + "/server", true},
		{"cmd/scimbridge/demo.go", module + "/cmd/scimbridge/replay", true},
		{"cmd/scimbridge/demo.go", module + "/db/dbtest", false},
		{"cmd/scimbridge/demo.go", module, false},
		{"bench/seed.go", module + "/membership", false},
		{"scim/list.go", module + "/bench", false},
	}
	for _, tt := range tests {
		if rule := violation(tt.file, tt.imported); (rule == "") != tt.allowed {
			t.Errorf("%s importing %s: %q", tt.file, tt.imported, rule)
		}
	}
}

func TestImports(t *testing.T) {
	read := 0
	for file, syntax := range sources(t) {
		read++
		for _, spec := range syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if rule := violation(file, imported); rule != "" {
				t.Errorf("%s imports %s: %s", file, imported, rule)
			}
		}
	}
	if read < 10 {
		t.Errorf("only %d files read: is %s the repository?", read, root)
	}
}

// Package db asks the port what a database can do, never which one it is.
func TestNoAssertionOfADriver(t *testing.T) {
	set := token.NewFileSet()
	files, err := filepath.Glob(filepath.Join(root, "db", "*.go"))
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeAssertExpr:
				if n.Type != nil && ofDriver(n.Type) {
					t.Errorf("%s asks for a driver: the port should answer", set.Position(n.Pos()))
				}
			case *ast.CaseClause:
				if slices.ContainsFunc(n.List, ofDriver) {
					t.Errorf("%s asks for a driver: the port should answer", set.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

// ofDriver reports whether an expression is a type of a driver, or of what knows
// one.
func ofDriver(e ast.Expr) bool {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "sqliteDelta" || e.Name == "postgresDelta"
	case *ast.SelectorExpr:
		pkg, ok := e.X.(*ast.Ident)
		return ok && (pkg.Name == "sqlite" || pkg.Name == "postgres" || pkg.Name == "engine" && e.Sel.Name == "Engine")
	}
	return false
}

func TestPackageComments(t *testing.T) {
	documented := map[string]bool{}
	for file, syntax := range sources(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		want := "Package " + syntax.Name.Name
		if syntax.Name.Name == "main" {
			want = "Command " + path.Base(path.Dir(file))
		}
		dir := path.Dir(file)
		documented[dir] = documented[dir] || strings.HasPrefix(syntax.Doc.Text(), want+" ")
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s has no comment that begins with Package NAME or Command NAME and says what it is for", dir)
		}
	}
}

func TestTopLevelFolders(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		// Folders with a dot are those of tools: .git, .ci, .github, an editor's.
		name := e.Name()
		if _, layer := layers[name]; e.IsDir() && !layer && !strings.HasPrefix(name, ".") &&
			!slices.Contains(folders, name) {
			t.Errorf("%s: the folders at the top are fixed; code belongs into one of them", name)
		}
	}
}

// sources parses every Go file down to its imports, by its path from the root.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && name != root &&
			(strings.HasPrefix(e.Name(), ".") || e.Name() == "bin" || e.Name() == "testdata") {
			return filepath.SkipDir
		}
		if e.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)], err = parser.ParseFile(set, name, nil, parser.ImportsOnly|parser.ParseComments)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
