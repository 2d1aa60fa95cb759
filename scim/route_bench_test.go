package scim

import (
	"testing"

	"github.com/scimbridge/scimbridge/membership"
)

func BenchmarkEndpoint(b *testing.B) {
	d := &door{}
	d.endpoints = d.newEndpoints()
	path := root + "/Groups/" + membership.NewID().String()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := d.endpoint(path); !ok {
			b.Fatal()
		}
	}
}
