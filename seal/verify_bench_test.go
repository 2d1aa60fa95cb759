package seal

import (
	"fmt"
	"iter"
	"testing"
)

// What a verifier pays for an event of 400 bytes.
func BenchmarkVerify(b *testing.B) {
	const events = 100_000
	var leaves iter.Seq2[[]byte, error] = func(yield func([]byte, error) bool) {
		var line []byte
		for n := range events {
			line, _ = Leaf{Number: int64(n + 1), Tenant: tenant,
				Body: fmt.Appendf(nil, `{"id":"%0300d"}`, n)}.Append(line[:0])
			if !yield(line, nil) {
				return
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Verifier{}).Verify(Log{Leaves: leaves}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
}
