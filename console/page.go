package console

import (
	"bytes"
	"cmp"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/scimbridge/scimbridge/auth"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Those that every page has.
const (
	frameFile = "templates/frame.html" // head, navigation, foot
	partsFile = "templates/parts.html" // what pages are made of
)

// templates are the pages by name, each with the frame and the parts. They are made
// once: what they are made of is part of the program.
var templates = sync.OnceValue(func() map[string]*template.Template {
	base := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, frameFile, partsFile))
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	all := make(map[string]*template.Template, len(files))
	for _, file := range files {
		if file == frameFile || file == partsFile {
			continue
		}
		name := strings.TrimSuffix(path.Base(file), ".html")
		all[name] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, file))
	}
	return all
})

// view is a page to show.
type view struct {
	template string // the file in templates/, without .html: it defines "main"
	title    string
	section  string // of the navigation: the path that it belongs to
	status   int    // 200
	data     any
}

// frame is what templates get.
type frame struct {
	Title, Section string
	Nav            []navigation // empty: without a session
	Tabs           []tab        // of the section
	Who            string
	Tenant         string
	FormToken      string
	Flash          string
	Data           any
}

// show renders a page and sends it. Nothing is sent before it is whole.
func (d *door) show(w http.ResponseWriter, r *request, v view) error {
	f := frame{Title: v.title, Section: v.section, Data: v.data}
	if r.sessionText != "" {
		f.Who, f.Tenant = cmp.Or(r.principal.Name, r.principal.Actor.ID), r.call.Tenant.String()
		d.navigate(r, &f)
		f.FormToken = auth.Derived(r.sessionText, purposeForm)
		f.Flash = d.takeFlash(w, r)
	}
	return d.render(w, v, f)
}

func (d *door) render(w http.ResponseWriter, v view, f frame) error {
	var b bytes.Buffer
	if err := templates()[v.template].ExecuteTemplate(&b, "page", f); err != nil {
		return err
	}
	if a, ok := w.(*auth.Answer); ok {
		if err := a.Reserve(b.Len()); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(cmp.Or(v.status, http.StatusOK))
	_, err := w.Write(b.Bytes())
	return err
}
