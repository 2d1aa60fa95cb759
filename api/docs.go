package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
	"sync"
)

//go:embed docs.html
var docsTemplate string

//go:embed docs.css
var docsStyle string

// docs serves the contract as a page for people. It is HTML and a style sheet
// within it: nothing to run, and nothing to load from anywhere. A search is a form.
func docs(w http.ResponseWriter, r *http.Request) error {
	var q query
	if r.URL.RawQuery != "q=" { // a form that was sent empty
		var err error
		if q, err = parseQuery(r.URL.RawQuery, []string{"q"}); err != nil {
			return err
		}
	}
	var page []byte
	var err error
	if text := strings.TrimSpace(q["q"]); text != "" {
		page, err = searchDocs(text)
	} else {
		page, err = renderDocs()
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(docsStyle))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err = w.Write(page)
	return err
}

// docsSource is what the pages are made of.
type docsSource struct {
	page     docsPage
	template *template.Template
}

// readDocs reads it once: it is part of the program.
var readDocs = sync.OnceValues(func() (docsSource, error) {
	page, err := readContract(openAPIDocument)
	if err != nil {
		return docsSource{}, err
	}
	page.index()
	t, err := template.New("docs").Funcs(template.FuncMap{
		"blocks": blocks,
		"curl":   curl,
		"style":  func() template.CSS { return template.CSS(docsStyle) }, //nolint:gosec // our own file
	}).Parse(docsTemplate)
	return docsSource{page, t}, err
})

// renderDocs makes the whole page, once.
var renderDocs = sync.OnceValues(func() ([]byte, error) {
	d, err := readDocs()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = d.template.Execute(&b, d.page)
	return b.Bytes(), err
})

// block is a paragraph or a list of the Markdown that descriptions are in.
type block struct {
	List  bool
	Items [][]span
}

type span struct {
	Code bool
	Text string
}

// blocks reads the little of Markdown that descriptions use: paragraphs, lists
// and code.
func blocks(text string) (bs []block) {
	for _, part := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if part == "" {
			continue
		}
		items := strings.Split("\n"+part, "\n- ")
		b := block{List: len(items) > 1}
		for _, item := range items {
			if item = strings.TrimSpace(item); item != "" {
				b.Items = append(b.Items, spans(item))
			}
		}
		bs = append(bs, b)
	}
	return bs
}

func spans(text string) (ss []span) {
	for i, s := range strings.Split(text, "`") {
		if s != "" {
			ss = append(ss, span{Code: i%2 == 1, Text: s})
		}
	}
	return ss
}

// curl is a call that can be pasted into a shell.
func curl(o operation) string {
	var b strings.Builder
	b.WriteString("curl")
	if o.Method != http.MethodGet {
		b.WriteString(" -X " + o.Method)
	}
	path := o.Path
	for _, p := range o.Parameters {
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", "$"+strings.ToUpper(p.Name))
		}
	}
	b.WriteString(` "$SCIMBRIDGE_URL` + path + `"`)
	if !o.Public {
		b.WriteString(" \\\n  -H \"Authorization: Bearer $API_TOKEN\" -H \"X-Tenant-ID: $TENANT_ID\"")
	}
	if len(o.Bodies) > 0 && len(o.Bodies[0].Examples) > 0 {
		body := strings.ReplaceAll(o.Bodies[0].Examples[0], "'", `'\''`)
		b.WriteString(" \\\n  -H \"Content-Type: " + o.Bodies[0].Type + "\" -d '" + body + "'")
	}
	return b.String()
}
