package server

import (
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// traceparent is what a trace is continued by: W3C Trace Context, the headers
// traceparent and tracestate. One that cannot be read is as none.
var traceparent propagation.TraceContext

// request begins the span of a request: a server's, below the caller's if there is
// one. Probes and scrapes have none.
func (t *tracing) request(r *http.Request, door string) (*http.Request, trace.Span) {
	ctx := r.Context()
	if t.continues {
		ctx = traceparent.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	method := methodLabel(r.Method)
	if method == "other" {
		method = "_OTHER"
	}
	ctx, span := t.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", method), attribute.String("scimbridge.door", door),
		attribute.String("scimbridge.request_id", r.Header.Get(requestIDHeader))))
	return r.WithContext(ctx), span
}

// endRequest ends it with what is in the line of the log, but for addresses.
func endRequest(span trace.Span, r *http.Request, door, path string, rec *recorder) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	if door == doorSCIM {
		path = routeOf(r)
	}
	if path != "" {
		span.SetName(methodLabel(r.Method) + " " + path)
		span.SetAttributes(attribute.String("http.route", path))
	}
	note := auth.NoteOf(r.Context())
	for name, id := range map[string]membership.ID{"tenant": note.Tenant, "connection": note.Connection} {
		if !id.IsZero() {
			span.SetAttributes(attribute.String("scimbridge."+name, id.String()))
		}
	}
	span.SetAttributes(attribute.Int("http.response.status_code", rec.status))
	switch {
	case rec.cutOff:
		span.SetAttributes(attribute.String("error.type", "cut_off"))
		span.SetStatus(codes.Error, "")
	case rec.status >= http.StatusInternalServerError:
		span.SetAttributes(attribute.String("error.type", strconv.Itoa(rec.status)))
		span.SetStatus(codes.Error, "")
	}
}

// routeOf is the path of a request of the SCIM door with {id} for each id, and without
// what the door does not know: routes are few, whatever callers send.
func routeOf(r *http.Request) string {
	segments := strings.Split(loggedPath(r), "/")
	for i, s := range segments {
		if _, err := membership.ParseID(s); err == nil || s == "(no id)" {
			segments[i] = "{id}"
		}
	}
	return strings.Join(segments, "/")
}
