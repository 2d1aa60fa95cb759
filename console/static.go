package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"sync"
)

//go:embed static
var staticFiles embed.FS

// staticTypes are the files that pages load, with their media types.
var staticTypes = map[string]string{
	"console.css": "text/css; charset=utf-8",
	"console.js":  "text/javascript; charset=utf-8",
	"icon.svg":    "image/svg+xml",
}

type staticFile struct {
	content []byte
	version string // changes with the content
}

var static = sync.OnceValue(func() map[string]staticFile {
	all := make(map[string]staticFile, len(staticTypes))
	for name := range staticTypes {
		b, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			panic(err) // it is part of the program
		}
		sum := sha256.Sum256(b)
		all[name] = staticFile{b, hex.EncodeToString(sum[:8])}
	}
	return all
})

// asset is the address of a file that pages load: a new one whenever it changes.
func asset(name string) string { return Prefix + "/static/" + static()[name].version + "/" + name }

func (d *door) staticRoutes() []route {
	return []route{{method: http.MethodGet, path: "/static/{version}/{name}", open: true,
		handle: func(w http.ResponseWriter, r *request) error {
			f, ok := static()[r.PathValue("name")]
			if !ok || f.version != r.PathValue("version") {
				return noSuchPage
			}
			w.Header().Set("Content-Type", staticTypes[r.PathValue("name")])
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			_, err := w.Write(f.content)
			return err
		}}}
}
