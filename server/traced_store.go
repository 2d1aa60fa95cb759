package server

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

// operation begins the span of one operation of the store, a transaction in most cases;
// nil: there is none. inStore ends it.
func (t *tracing) operation(ctx context.Context, name string) (context.Context, trace.Span) {
	if t == nil || !trace.SpanFromContext(ctx).IsRecording() { // what no request asked for has no trace
		return ctx, nil
	}
	return t.tracer.Start(ctx, "store "+name)
}

// endSpan ends a span that may be nil. Of an error it has the kind: its text may name
// what a request sent.
func endSpan(span trace.Span, err error) {
	if span == nil {
		return
	}
	if err != nil {
		span.SetAttributes(attribute.String("error.type", errorType(err)))
		if membership.KindOf(err) == "" || membership.KindOf(err) == membership.KindUnavailable {
			span.SetStatus(codes.Error, "") // else the domain refused
		}
	}
	span.End()
}

func errorType(err error) string {
	var state interface{ SQLState() string }
	switch kind := membership.KindOf(err); {
	case kind != "":
		return string(kind)
	case errors.As(err, &state):
		return state.SQLState()
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline_exceeded"
	}
	return "_OTHER"
}

// statements is what the store tells of statements; nil: nothing is asked.
func (t *tracing) statements() db.Tracer {
	if t == nil {
		return nil
	}
	return statementTracer{t}
}

// statementTracer implements db.Tracer.
type statementTracer struct{ *tracing }

// Records implements db.Tracer.
func (t statementTracer) Records(ctx context.Context) bool {
	return trace.SpanFromContext(ctx).IsRecording()
}

// maxStatement is the bytes of a statement that its span has: those of filters may be long.
const maxStatement = 2000

// Statement implements db.Tracer.
func (t statementTracer) Statement(ctx context.Context, text string) func(error) {
	text = strings.ToValidUTF8(text[:min(len(text), maxStatement)], "")
	summary := summaryOf(text)
	_, span := t.tracer.Start(ctx, summary, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(t.system,
		attribute.String("db.query.summary", summary), attribute.String("db.query.text", text)))
	return func(err error) { endSpan(span, err) }
}

var tableOf = regexp.MustCompile(`(?i)\b(?:from|into|update)\s+([a-z_]+)`)

// summaryOf names a statement by its first word and its first table.
func summaryOf(text string) string {
	verb, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	summary := strings.ToUpper(strings.TrimRight(verb, ";"))
	if m := tableOf.FindStringSubmatch(text); m != nil {
		summary += " " + m[1]
	}
	return summary
}

// policy is one that names the use case in the span of the request.
func (t *tracing) policy(p membership.Policy) membership.Policy {
	if t == nil {
		return p
	}
	return tracedPolicy{p}
}

// tracedPolicy has the span of a request say which use case it is.
type tracedPolicy struct{ policy membership.Policy }

// Allow implements membership.Policy.
func (p tracedPolicy) Allow(ctx context.Context, q membership.Question) error {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String("scimbridge.operation", string(q.Operation)))
	}
	return p.policy.Allow(ctx, q)
}
