package main

import (
	"os"
	"runtime"
	"runtime/debug"
	gometrics "runtime/metrics"
)

// spareHeap is how much garbage may gather, in bytes, before it is collected.
// The server keeps so little that by Go's rule, to collect when as much again has
// gathered, a busy one collects many times a second.
const spareHeap = 24 << 20

// collectLess lets garbage gather up to spareHeap; where more than that is in
// use, Go's own rule holds. Whoever has set GOGC or GOMEMLIMIT decides.
func collectLess() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	adjustCollector()
}

// adjustCollector sets the percentage anew after each collection.
func adjustCollector() {
	inUse := []gometrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	gometrics.Read(inUse)
	var bytes uint64
	for _, s := range inUse {
		bytes += s.Value.Uint64()
	}
	debug.SetGCPercent(gcPercent(bytes))
	next := &collected{}
	runtime.AddCleanup(next, func(struct{}) { adjustCollector() }, struct{}{})
}

// collected is garbage at once, so that its cleanup tells of a collection.
type collected struct{ _ [64]byte }

// gcPercent is the GOGC with which spareHeap bytes, or as many as are in use if
// those are more, are the room for garbage.
func gcPercent(inUse uint64) int {
	const most = 600 // Go lets a heap of next to nothing grow to 4 MiB times this
	return int(min(max(100, 100*spareHeap/max(inUse, 1)), most))
}
