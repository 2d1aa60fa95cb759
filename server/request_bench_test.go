package server

import (
	"slices"
	"testing"
	"time"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
)

// BenchmarkRequestLog is a change of one member with the request log and without, by
// turns: the median time of a request, and the processor time of all in this process,
// what is written in the background too.
func BenchmarkRequestLog(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) { benchmarkRequestLog(b, engine) })
	}
}

func benchmarkRequestLog(b *testing.B, engine string) {
	const turn = 50
	kept := func(age time.Duration) *patching {
		url := config.DatabaseURL(dbtest.URL(b, engine))
		return newPatching(b, func(c *config.Config) { c.RequestLog, c.DatabaseURL = age, url })
	}
	servers := map[string]*patching{"on": kept(720 * time.Hour), "off": kept(0)}
	times, cpu := map[string][]time.Duration{}, map[string]time.Duration{}
	for b.Loop() {
		for _, name := range []string{"on", "off"} {
			s, began := servers[name], processorTime(b)
			for i := range turn {
				at := time.Now()
				s.patch(b, s.handle, 0, i)
				times[name] = append(times[name], time.Since(at))
			}
			if s.requests != nil {
				s.requests.writeAll(b.Context(), b.Context().Err)
			}
			cpu[name] += processorTime(b) - began
		}
	}
	for name, all := range times {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1000, "p50-us-"+name)
		b.ReportMetric(float64(cpu[name].Microseconds())/float64(len(all)), "cpu-us-"+name)
	}
}
