package statements

import (
	"context"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Recorder is a tracer of pgx that keeps the texts which are sent to each database, each
// text once.
type Recorder struct {
	mu     sync.Mutex
	taken  map[string]bool
	sentTo map[string]map[string]bool // by database
}

var (
	_ pgx.QueryTracer = (*Recorder)(nil)
	_ pgx.BatchTracer = (*Recorder)(nil)
)

type ofTest struct{}

// OfTest marks statements that a test has written, and the program has not.
func OfTest(ctx context.Context) context.Context { return context.WithValue(ctx, ofTest{}, true) }

func (r *Recorder) record(ctx context.Context, c *pgx.Conn, text string) {
	if ctx.Value(ofTest{}) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken[text] {
		return
	}
	database := c.Config().Database
	if r.sentTo[database] == nil {
		if r.sentTo == nil {
			r.taken, r.sentTo = map[string]bool{}, map[string]map[string]bool{}
		}
		r.sentTo[database] = map[string]bool{}
	}
	r.sentTo[database][text] = true
}

// Take returns what was sent to a database, except what was taken before.
func (r *Recorder) Take(database string) (texts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for text := range r.sentTo[database] {
		if !r.taken[text] {
			r.taken[text] = true
			texts = append(texts, text)
		}
	}
	delete(r.sentTo, database)
	slices.Sort(texts)
	return texts
}

// TraceQueryStart implements pgx.QueryTracer.
func (r *Recorder) TraceQueryStart(ctx context.Context, c *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	r.record(ctx, c, d.SQL)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (r *Recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (r *Recorder) TraceBatchStart(ctx context.Context, c *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	for _, q := range d.Batch.QueuedQueries {
		r.record(ctx, c, q.SQL)
	}
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (r *Recorder) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (r *Recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
