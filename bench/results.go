package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

// results are one run, and the form of --json.
type results struct {
	Machine  machine   `json:"machine"`
	Began    time.Time `json:"began"`
	Seconds  float64   `json:"seconds"`
	Rounds   int       `json:"rounds"`
	Cell     string    `json:"cell"`                // time of a cell in one round
	CutShort bool      `json:"cut_short,omitempty"` // the budget ended some rounds
	Rows     []row     `json:"rows"`
	Goals    []goal    `json:"goals"`

	Neighbours []neighbours `json:"-"`
	Growth     []growth     `json:"-"`
}

// row is one kind of request in one cell on one server: medians of the rounds;
// of memory the most, of requests and errors the sum.
type row struct {
	Engine      string           `json:"engine"`
	Server      string           `json:"server"`
	Operation   string           `json:"operation"`
	Members     int              `json:"members,omitempty"`
	Users       int              `json:"users,omitempty"`
	Clients     int              `json:"clients,omitempty"`
	Rounds      int              `json:"rounds"`
	Requests    int              `json:"requests,omitempty"`
	Errors      int              `json:"errors,omitempty"`
	Failure     string           `json:"failure,omitempty"`
	PerSecond   float64          `json:"per_second,omitempty"` // requests; of a cycle users or members
	P50         float64          `json:"p50_ms,omitempty"`
	P99         float64          `json:"p99_ms,omitempty"`
	FirstByte   float64          `json:"first_byte_p50_ms,omitempty"`
	CPU         float64          `json:"cpu_us,omitempty"`          // of the server, a request
	DatabaseCPU float64          `json:"database_cpu_us,omitempty"` // of PostgreSQL, a request
	MemoryMB    float64          `json:"memory_mb,omitempty"`       // the peak
	GrowthMB    float64          `json:"growth_mb,omitempty"`       // the peak beyond what there was before
	Seconds     float64          `json:"seconds,omitempty"`         // of a cycle
	EndToStart  float64          `json:"end_to_start,omitempty"`    // throughput of the last tenth by that of the first
	Against     map[string]ratio `json:"against,omitempty"`         // ours by another server, its name the key
}

// ratio is ours divided by the other's: the median of the rounds' own ratios.
type ratio struct {
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50,omitempty"`
}

const (
	idleName       = "idle"
	idleSeededName = "idle, seeded"
)

// same reports whether two rows are of the same thing on the same engine.
func (r row) same(other row) bool {
	return r.Engine == other.Engine && r.Operation == other.Operation && r.Members == other.Members &&
		r.Users == other.Users && r.Clients == other.Clients
}

// add makes rows of a cell's samples.
func (r *results) add(e engine, ts []*target, c cell, s samples) {
	for _, kind := range slices.Compact(slices.Clone(c.kinds)) {
		mine := s[sampleKey{ours, kind}]
		for _, t := range ts {
			one := s[sampleKey{t.name, kind}]
			if one == nil {
				continue
			}
			made := row{
				Engine: e.name, Server: t.name, Operation: kind, Members: c.members, Users: c.users, Clients: c.clients,
				Rounds: len(one.p50), Requests: one.requests, Errors: one.errors, Failure: one.failure,
				PerSecond: median(one.perSecond), P50: median(one.p50), P99: median(one.p99),
				FirstByte: median(one.firstByte),
				CPU:       median(one.cpu), DatabaseCPU: median(one.databaseCPU),
				MemoryMB: slices.Max(one.memory), GrowthMB: slices.Max(one.growth),
			}
			if t.name == ours {
				made.Against = map[string]ratio{}
				for key, other := range s {
					if key.kind == kind && key.server != ours {
						made.Against[key.server] = ratio{
							PerSecond: medianRatio(mine.perSecond, other.perSecond),
							P50:       medianRatio(mine.p50, other.p50),
						}
					}
				}
			}
			r.Rows = append(r.Rows, made)
		}
	}
}

// compareCycles sets ours in relation to another server's cycle. Ours was played
// first.
func (r *results) compareCycles(other row) {
	for i, mine := range r.Rows {
		if mine.Server == ours && other.Server != ours && mine.same(other) && other.PerSecond > 0 {
			r.Rows[i].Against = map[string]ratio{other.Server: {PerSecond: mine.PerSecond / other.PerSecond}}
		}
	}
}

// failures counts the requests that failed and the groups that were wrong.
func (r *results) failures() (n int) {
	for _, one := range r.Rows {
		n += one.Errors
	}
	return n
}

func (r *results) save(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o600)
}

func loadResults(file string) (*results, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &results{}
	if err := json.Unmarshal(b, r); err != nil || len(r.Rows) == 0 {
		return nil, fmt.Errorf("%s is not what --json writes", file)
	}
	return r, nil
}
