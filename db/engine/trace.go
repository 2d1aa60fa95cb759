package engine

import "context"

// Tracer makes a span of each statement. It is told the text of a statement, which has
// no value of a request, and never its arguments.
type Tracer interface {
	// Records reports whether the trace of a context is recorded.
	Records(ctx context.Context) bool
	// Statement begins a span below that of ctx; end ends it, with the error of the
	// statement.
	Statement(ctx context.Context, text string) (end func(error))
}

// Span is Tracer.Statement where tracer may be nil, or not record.
func Span(ctx context.Context, tracer Tracer, text string) (end func(error)) {
	if tracer == nil || !tracer.Records(ctx) {
		return func(error) {}
	}
	return tracer.Statement(ctx, text)
}

// Traced is a transaction whose statements are spans below that of ctx. Where nothing
// is recorded it is the transaction itself. expand writes a statement for the engine.
func Traced(ctx context.Context, tracer Tracer, t Tx, expand func(string) string) Tx {
	if tracer == nil || !tracer.Records(ctx) {
		return t
	}
	return &tracedTx{tx: t, trace: trace{ctx, tracer, expand}}
}

// TracedQueries are queries whose spans follow each other below that of ctx: of what
// travels together, the first waits for the round trip. end is told the error of all.
func TracedQueries(
	ctx context.Context, tracer Tracer, qs []Query, expand func(string) string,
) (traced []Query, end func(error)) {
	if tracer == nil || len(qs) == 0 || !tracer.Records(ctx) {
		return qs, func(error) {}
	}
	return trace{ctx, tracer, expand}.queries(qs)
}

// trace makes the spans of one transaction. A statement may be given the context of
// the use case, so the transaction's is kept: it is what its spans are below.
type trace struct {
	ctx    context.Context //nolint:containedctx // see above
	tracer Tracer
	expand func(string) string
}

func (t trace) statement(q string) (end func(error)) { return t.tracer.Statement(t.ctx, t.expand(q)) }

func (t trace) queries(qs []Query) (traced []Query, end func(error)) {
	next := t.statement(qs[0].Text)
	traced = make([]Query, len(qs))
	for i, q := range qs {
		traced[i] = Query{Text: q.Text, Args: q.Args, Read: func(rs Rows) error {
			err := q.Read(rs)
			next(err)
			next = func(error) {}
			if err == nil && i+1 < len(qs) {
				next = t.statement(qs[i+1].Text)
			}
			return err
		}}
	}
	return traced, func(err error) { next(err) }
}

// tracedTx passes on each method, with a span around it.
type tracedTx struct {
	tx Tx
	trace
}

// Query implements Tx. The span ends with the rows.
func (t *tracedTx) Query(ctx context.Context, q string, args ...any) (Rows, error) {
	end := t.statement(q)
	rs, err := t.tx.Query(ctx, q, args...)
	if err != nil {
		end(err)
		return nil, err
	}
	return &tracedRows{rs, end}, nil
}

// Exec implements Tx.
func (t *tracedTx) Exec(ctx context.Context, q string, args ...any) (int64, error) {
	end := t.statement(q)
	n, err := t.tx.Exec(ctx, q, args...)
	end(err)
	return n, err
}

// ExecEach implements Tx.
func (t *tracedTx) ExecEach(ctx context.Context, q string, rows [][]any) error {
	end := t.statement(q)
	err := t.tx.ExecEach(ctx, q, rows)
	end(err)
	return err
}

// ExecLater implements Tx. Where the statement travels with the next one, its span is
// short, and that of the next one has its time.
func (t *tracedTx) ExecLater(ctx context.Context, q string, args ...any) error {
	end := t.statement(q)
	err := t.tx.ExecLater(ctx, q, args...)
	end(err)
	return err
}

// Pipeline implements Tx.
func (t *tracedTx) Pipeline(ctx context.Context, qs ...Query) error {
	if len(qs) == 0 {
		return t.tx.Pipeline(ctx)
	}
	traced, end := t.queries(qs)
	err := t.tx.Pipeline(ctx, traced...)
	end(err)
	return err
}

// Cursor implements Tx.
func (t *tracedTx) Cursor(ctx context.Context, q string, args ...any) (Cursor, error) {
	end := t.statement(q)
	c, err := t.tx.Cursor(ctx, q, args...)
	end(err)
	if err != nil {
		return nil, err
	}
	return tracedCursor{c, t.trace}, nil
}

// Part implements Tx: the statements in it have their spans.
func (t *tracedTx) Part(ctx context.Context, fn func() error) error { return t.tx.Part(ctx, fn) }

type tracedCursor struct {
	cursor Cursor
	trace
}

// Next implements Cursor.
func (c tracedCursor) Next(ctx context.Context, n int, read func(Rows) error) error {
	end := c.statement("fetch")
	err := c.cursor.Next(ctx, n, read)
	end(err)
	return err
}

// Close implements Cursor.
func (c tracedCursor) Close(ctx context.Context) error { return c.cursor.Close(ctx) }

// tracedRows end their span when they end, or are closed.
type tracedRows struct {
	Rows
	end func(error) // nil: it has ended
}

// Next implements Rows.
func (r *tracedRows) Next() bool {
	more := r.Rows.Next()
	if !more {
		r.done()
	}
	return more
}

// Close implements Rows.
func (r *tracedRows) Close() {
	r.Rows.Close()
	r.done()
}

func (r *tracedRows) done() {
	if r.end != nil {
		r.end(r.Err())
		r.end = nil
	}
}
