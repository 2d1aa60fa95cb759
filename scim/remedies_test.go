package scim_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// problem is an error that the source can give, as the request log tells it.
type problem struct{ where, scimType, why string }

// sources are the files of a folder, without tests.
func sources(t *testing.T, folder string) (files []*ast.File, set *token.FileSet) {
	t.Helper()
	set = token.NewFileSet()
	names, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	require.NoError(t, err)
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			f, err := parser.ParseFile(set, name, nil, 0)
			require.NoError(t, err)
			files = append(files, f)
		}
	}
	return files, set
}

// literals evaluates texts and the names of constants of the folder.
type literals map[string]string

func (l literals) of(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		return constant.StringVal(constant.MakeFromLiteral(e.Value, token.STRING, 0)), true
	case *ast.Ident:
		s, ok := l[e.Name]
		return s, ok
	case *ast.BinaryExpr:
		x, okX := l.of(e.X)
		y, okY := l.of(e.Y)
		return x + y, okX && okY
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" || len(e.Args) == 1 {
			return l.of(e.Args[0])
		}
	case *ast.SelectorExpr:
		for code := 400; code < 600; code++ {
			if name := strings.NewReplacer(" ", "", "-",
				"").Replace(http.StatusText(code)); name != "" && "Status"+name == e.Sel.Name {
				return strconv.Itoa(code), true
			}
		}
		s, ok := l[e.Sel.Name]
		return s, ok
	}
	return "", false
}

func constantsOf(files []*ast.File, into literals) {
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok {
				for i, name := range v.Names {
					if i < len(v.Values) {
						if s, ok := into.of(v.Values[i]); ok {
							into[name.Name] = s
						}
					}
				}
			}
			return true
		})
	}
}

func fieldsOf(c *ast.CompositeLit) map[string]ast.Expr {
	fields := map[string]ast.Expr{}
	for _, e := range c.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok {
				fields[key.Name] = kv.Value
			}
		}
	}
	return fields
}

// problemsIn finds them in the source, so that a new one cannot be forgotten.
func problemsIn(t *testing.T) (all []problem) {
	t.Helper()
	l := literals{}
	kinds := map[string]string{} // of the domain, to scimTypes
	for _, folder := range []string{"membership", "auth", "scim"} {
		files, set := sources(t, folder)
		constantsOf(files, l)
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				where := ""
				if n != nil {
					where = set.Position(n.Pos()).String()
				}
				add := func(scimType, why string) {
					all = append(all, problem{where, scimType, membership.Plain(why)})
				}
				switch n := n.(type) {
				case *ast.CallExpr:
					if len(n.Args) == 0 {
						return true
					}
					name := ""
					switch f := n.Fun.(type) {
					case *ast.Ident:
						name = f.Name
					case *ast.SelectorExpr:
						name = f.Sel.Name
					}
					if id, ok := n.Args[len(n.Args)-1].(*ast.Ident); ok && (id.Name == "args" || id.Name == "detail") {
						return true // one of the functions that make errors
					}
					text := func(i int) string {
						s, ok := l.of(n.Args[i])
						require.True(t, ok || folder != "scim", "%s: a text that is no constant", where)
						return s
					}
					switch {
					case folder == "scim" && name == "badRequest":
						add(text(0), text(0)+": "+text(1))
					case folder == "membership" && name == "errorf" && len(n.Args) > 1:
						if kind, ok := l.of(n.Args[0]); ok {
							add("", kind+": "+text(1))
						}
					case folder == "membership" && name == "Invalidf":
						add("", "invalid: "+text(0))
					case folder == "scim" && name == "NotFound":
						if what, ok := l.of(n.Args[0]); ok {
							add("", "not_found: "+what+" not found")
						}
					case name == "unauthenticated" && (folder == "scim" || strings.Contains(where, "auth/verifier.go")):
						if s, ok := l.of(n.Args[0]); ok {
							add("", "401: "+s)
						}
					case folder == "auth" && name == "forbidden":
						if s, ok := l.of(n.Args[0]); ok {
							add("", "forbidden: "+s)
						}
					case folder == "scim" && name == "id":
						if what, ok := l.of(n.Args[0]); ok {
							add("", "not_found: "+what+" not found")
						}
					}
				case *ast.BasicLit:
					if s, ok := l.of(n); ok && folder == "auth" && strings.HasPrefix(s, "unauthenticated: ") {
						add("", s)
					}
				case *ast.CompositeLit:
					fields := fieldsOf(n)
					typed, _ := n.Type.(*ast.Ident)
					switch {
					case typed != nil && typed.Name == "scimError" && fields["detail"] != nil:
						text := fields["detail"]
						if fields["format"] != nil {
							text = fields["format"]
						}
						status, _ := l.of(fields["status"])
						why, ok := l.of(text)
						if id, is := text.(*ast.Ident); is && id.Name == "detail" && !ok {
							return true // badRequest and unauthenticated, which are found where they are called
						}
						if ok {
							add("", status+": "+why)
						}
					case typed != nil && typed.Name == "oauthError" && fields["code"] != nil:
						code, ok := l.of(fields["code"])
						if ok {
							add(code, code+": ")
						}
					case fields["Kind"] != nil && fields["Message"] != nil:
						kind, ok := l.of(fields["Kind"])
						if why, known := l.of(fields["Message"]); ok && known {
							add("", kind+": "+why)
						}
					}
				case *ast.KeyValueExpr: // the table of kinds
					if key,
						ok := n.Key.(*ast.SelectorExpr); ok && folder == "scim" && strings.HasPrefix(key.Sel.Name,
						"Kind") {
						kind, _ := l.of(key)
						scimType := ""
						if c, ok := n.Value.(*ast.CompositeLit); ok && fieldsOf(c)["scimType"] != nil {
							scimType, _ = l.of(fieldsOf(c)["scimType"])
						}
						kinds[kind] = scimType
						add(scimType, kind+": something that is not in the source")
					}
				}
				return true
			})
		}
	}
	require.NotEmpty(t, kinds)
	// What the domain says to the native side alone has no remedy here.
	var scim []problem
	for _, p := range all {
		kind, _, _ := strings.Cut(p.why, ":")
		scimType, known := kinds[kind]
		inDomain := strings.Contains(p.where, "/membership/") || strings.Contains(p.where, "/auth/")
		if p.scimType == "" {
			if inDomain && !known && !strings.HasPrefix(p.why, "unauthenticated") && !strings.HasPrefix(p.why, "401") {
				continue
			}
			p.scimType = scimType
		}
		scim = append(scim, p)
	}
	scim = append(scim, problem{"scim/errors.go", "", "internal"}, problem{"scim/request_answer.go", "", "gone: the " +
		"caller"})
	return scim
}

var remedyOperations = []string{"POST /Users", "PATCH /Users/{id}", "PATCH /Groups/{id}", "GET /Users", "POST " +
	"/Bulk", "POST /oauth2/token"}

// TestEveryErrorHasARemedy: for everybody, and each error that the guides of Okta and
// Entra tell of for those as well.
func TestEveryErrorHasARemedy(t *testing.T) {
	problems := problemsIn(t)
	require.Greater(t, len(problems), 100)
	used := map[string]bool{}
	for _, p := range problems {
		for _, operation := range remedyOperations {
			r := membership.RemedyFor("okta", operation, p.scimType, p.why)
			assert.NotEmpty(t, r.Remedy, "%s: give %q (%s) a row in membership/remedies.go", p.where, p.why, p.scimType)
			used[r.Remedy] = true
		}
	}
	for _, text := range membership.RemedyTexts() {
		assert.True(t, used[text], "no error has the remedy %q", text)
	}
}

// TestRemediesOfProviders: what the guides tell of has words of its own at both.
func TestRemediesOfProviders(t *testing.T) {
	for why, operation := range map[string]string{
		"401: a bearer token is required":                                      "GET /Users",
		"401: the bearer token is no scimbridge token":                         "GET /Users",
		"unauthenticated: the token has expired":                               "GET /Users",
		"forbidden: this token may not be used from this address":              "GET /Users",
		"forbidden: no permission allows this":                                 "POST /Users",
		"unknown_members: no such user for this connection: …":                 "PATCH /Groups/{id}",
		"uniqueness: userName is taken":                                        "POST /Users",
		"uniqueness: displayName is taken":                                     "POST /Groups",
		"not_found: user not found":                                            "PUT /Users/{id}",
		"not_found: group not found":                                           "PATCH /Groups/{id}",
		"held: held by the removal guard":                                      "PATCH /Groups/{id}",
		"paused: an administrator has paused this connection: try again later": "GET /Users",
		"rate_limited: too many requests of this caller: slow down":            "GET /Users",
		"unavailable: the service cannot answer now; try again":                "GET /Users",
		"busy: too many requests are running at once: try again":               "GET /Users",
		"invalid: userName is required":                                        "POST /Users",
		"internal":                                                             "POST /Users",
		"invalidFilter: the filter cannot be read: …":                          "GET /Users",
		"noTarget: no element of … matches the filter of the path":             "PATCH /Users/{id}",
		"too_large: the resource's attributes are too large":                   "POST /Users",
	} {
		okta, entra := membership.RemedyFor("okta", operation, "", why), membership.RemedyFor("entra", operation,
			"", why)
		assert.NotEmpty(t, okta.AtProvider, why)
		assert.NotEmpty(t, entra.AtProvider, why)
		assert.NotEqual(t, okta.AtProvider, entra.AtProvider, why)
		assert.Equal(t, okta.Remedy, membership.RemedyFor("", operation, "", why).Remedy)
		assert.Empty(t, membership.RemedyFor("", operation, "", why).AtProvider)
	}
}

// TestProvider: the connection says it, else the User-Agent.
func TestProvider(t *testing.T) {
	for _, c := range [][3]string{
		{"entra", "Okta SCIM Client 1.0.0", "entra"}, {"generic", "Okta SCIM Client 1.0.0", "okta"},
		{"generic", "Google-Auto-Provisioning", "google"}, {"generic", "curl/8", ""}, {"", "", ""},
	} {
		assert.Equal(t, c[2], membership.Provider(c[0], c[1]), c)
	}
}
