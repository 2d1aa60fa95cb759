package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
)

// tracing makes spans of requests and sends them by OTLP. Nil: it is off, and costs
// nothing (docs/decisions/0045-opentelemetry.md).
type tracing struct {
	provider  *sdktrace.TracerProvider
	tracer    trace.Tracer
	system    attribute.KeyValue // the database
	continues bool               // a trace that the caller began
}

// traceEnd is how long the last spans may take to be sent.
const traceEnd = 5 * time.Second

// openTracing reads the OTEL_ variables of the process, which the libraries of
// OpenTelemetry read as well; nil: traces are not asked for.
func openTracing(ctx context.Context, c config.Config, version string, log *zap.Logger) (*tracing, error) {
	if wanted, err := tracesWanted(os.Getenv); err != nil || !wanted {
		return nil, err
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "scimbridge"),
			attribute.String("service.version", version)),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("the exporter of traces: %w", err)
	}
	logTraces(log)
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	system := "postgresql"
	if _, embedded := c.DatabaseURL.File(); embedded {
		system = "sqlite"
	}
	return &tracing{
		provider: provider, tracer: provider.Tracer("github.com/scimbridge/scimbridge",
			trace.WithInstrumentationVersion(version)),
		system: attribute.String("db.system.name", system), continues: continuesTraces(os.Getenv, log),
	}, nil
}

// logTraces has the library say in the log what it cannot do. It has one of a process.
func logTraces(log *zap.Logger) {
	otel.SetErrorHandler(newTraceErrors(log))
	otel.SetLogger(funcr.New(func(_, text string) { log.Warn(text) }, funcr.Options{Verbosity: 1}))
}

// close sends the last spans.
func (t *tracing) close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceEnd)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}

// tracesWanted reports whether the environment asks for traces: by an exporter, or by
// an address that they are sent to. What cannot be done is an error, and not silence.
func tracesWanted(getenv func(string) string) (bool, error) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	endpoint := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	switch exporter := getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "":
		if endpoint == "" {
			return false, nil
		}
	case "otlp":
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER is otlp or none, not %q", exporter)
	}
	if to, err := url.Parse(endpoint); endpoint != "" &&
		(err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https") {
		return false, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT is no http or https URL") // it may hold a secret
	}
	protocol := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL"))
	if protocol != "" && protocol != "http/protobuf" {
		return false, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf, which is port 4318, not %q", protocol)
	}
	return true, nil
}

// continuesTraces reports whether traceparent is read (OTEL_PROPAGATORS). Baggage is
// for what a program calls, and this one calls nothing with it.
func continuesTraces(getenv func(string) string, log *zap.Logger) bool {
	names := strings.Split(cmp.Or(getenv("OTEL_PROPAGATORS"), "tracecontext"), ",")
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if !slices.Contains([]string{"tracecontext", "baggage", "none"}, names[i]) {
			log.Warn("OTEL_PROPAGATORS names one that is not known", zap.String("name", names[i]))
		}
	}
	return slices.Contains(names, "tracecontext") && !slices.Contains(names, "none")
}

// traceErrors says in the log what the library could not do, at most once a minute: a
// receiver that is away fails every few seconds.
type traceErrors struct {
	log  *zap.Logger
	mu   sync.Mutex
	said time.Time
}

func newTraceErrors(log *zap.Logger) *traceErrors { return &traceErrors{log: log} }

// Handle implements otel.ErrorHandler.
func (e *traceErrors) Handle(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	e.mu.Lock()
	again := time.Since(e.said) < time.Minute
	if !again {
		e.said = time.Now()
	}
	e.mu.Unlock()
	if !again {
		e.log.Warn("traces could not be sent", zap.Error(err))
	}
}
