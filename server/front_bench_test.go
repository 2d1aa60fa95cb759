package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// A GET of a group through everything that the server does.
func BenchmarkWholeGet(b *testing.B) {
	p := newPatching(b)
	b.ReportAllocs()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/scim/v2/Groups/"+p.group, nil)
	r.Header.Set("Authorization", p.header)
	for b.Loop() {
		p.handle.ServeHTTP(httptest.NewRecorder(), r.Clone(b.Context()))
	}
}

// A PATCH that adds or removes one member, likewise.
func BenchmarkWholePatch(b *testing.B) {
	p := newPatching(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.patch(b, p.handle, 0, i)
	}
}

// A POST of a user with what Entra sends, likewise, on each engine.
func BenchmarkWholePost(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			p := newPatchingOf(b, engine)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":"%08x",`+
					`"userName":"person.%[1]d@bench.example","active":true,"displayName":"Person %[1]d",`+
					`"emails":[{"primary":true,"type":"work","value":"person.%[1]d@bench.example"}],`+
					`"name":{"familyName":"Person %[1]d","givenName":"Pat"},"title":"Clerk"}`, i)
				if w := p.send(b, p.handle, http.MethodPost, "/scim/v2/Users", body); w.Code != http.StatusCreated {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
