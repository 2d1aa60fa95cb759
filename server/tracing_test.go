package server

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/engine"
)

// traceReceiver takes traces as a collector does: OTLP over HTTP, in protobuf.
type traceReceiver struct {
	*httptest.Server
	mu       sync.Mutex
	raw      strings.Builder
	headers  []http.Header
	resource map[string]string
	spans    []*spans.Span
}

func newTraceReceiver(t testing.TB) *traceReceiver {
	r := &traceReceiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || q.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
			http.Error(w, "no traces", http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.raw.Write(body)
		r.headers = append(r.headers, q.Header)
		for _, of := range sent.GetResourceSpans() {
			r.resource = attributesOf(of.GetResource().GetAttributes())
			for _, scope := range of.GetScopeSpans() {
				r.spans = append(r.spans, scope.GetSpans()...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	return r
}

func attributesOf(kvs []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, kv := range kvs {
		switch v := kv.GetValue().GetValue().(type) {
		case *common.AnyValue_IntValue:
			all[kv.GetKey()] = fmt.Sprint(v.IntValue)
		default:
			all[kv.GetKey()] = kv.GetValue().GetStringValue()
		}
	}
	return all
}

// of finds the spans of one trace, by name; several of one name count once.
func (r *traceReceiver) of(trace string) map[string]*spans.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]*spans.Span{}
	for _, s := range r.spans {
		if hex.EncodeToString(s.GetTraceId()) == trace {
			all[s.GetName()] = s
		}
	}
	return all
}

const (
	aTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	aParent = "00f067aa0ba902b7"
)

// A request continues the caller's trace, down to the statements of its transaction,
// and says no value that it was sent.
func TestTraces(t *testing.T) {
	receiver := newTraceReceiver(t)
	t.Setenv("OTEL_SERVICE_NAME", "bridge-7")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=k%201")
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		receiver.mu.Lock()
		receiver.spans = nil
		receiver.mu.Unlock()
		const user = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"zacharias@secret.test"}`
		w := h.send(http.MethodPost, "/scim/v2/Users", user, "Bearer "+h.mine.SCIMToken,
			"Traceparent", "00-"+aTrace+"-"+aParent+"-01")
		require.Equal(t, http.StatusCreated, w.Code, w.Body)
		id := idOf(strings.TrimSpace(w.Header().Get("Location")))

		other := strings.Replace(aTrace, "4b", "5c", 1)
		w = h.send(http.MethodGet, "/scim/v2/Users?filter=title+eq+%22zacharias%22", "", "Bearer "+h.mine.SCIMToken,
			"Traceparent", "00-"+other+"-"+aParent+"-01")
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		native := strings.Replace(aTrace, "4b", "6d", 1)
		w = h.send(http.MethodGet, "/v1/users/"+id, "", "Bearer "+h.mine.APIToken,
			"X-Tenant-Id", h.mine.TenantID.String(), "Traceparent", "00-"+native+"-"+aParent+"-01")
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		unsampled := strings.Replace(aTrace, "4b", "7e", 1)
		w = h.send(http.MethodGet, "/scim/v2/Users/"+id, "", "Bearer "+h.mine.SCIMToken,
			"Traceparent", "00-"+unsampled+"-"+aParent+"-00")
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		w = h.send(http.MethodGet, "/scim/v2/Users/zacharias", "", "Bearer hunter2", "Traceparent", "zacharias")
		require.Equal(t, http.StatusUnauthorized, w.Code, w.Body)
		h.do(t, http.MethodGet, "/healthz")
		require.NoError(t, h.tracing.provider.ForceFlush(t.Context()))

		all := receiver.of(aTrace)
		request := all["POST /scim/v2/Users"]
		require.NotNil(t, request, "%v", all)
		assert.Equal(t, aParent, hex.EncodeToString(request.GetParentSpanId()))
		assert.Equal(t, spans.Span_SPAN_KIND_SERVER, request.GetKind())
		about := attributesOf(request.GetAttributes())
		assert.Equal(t, "201", about["http.response.status_code"])
		assert.Equal(t, "/scim/v2/Users", about["http.route"])
		assert.Equal(t, "users.write", about["scimbridge.operation"])
		assert.Equal(t, h.mine.TenantID.String(), about["scimbridge.tenant"])
		assert.Equal(t, h.mine.ConnectionID.String(), about["scimbridge.connection"])
		transaction := all["store update"]
		require.NotNil(t, transaction, "%v", all)
		assert.Equal(t, request.GetSpanId(), transaction.GetParentSpanId())
		statement := all["INSERT user_links"]
		require.NotNil(t, statement, "%v", all)
		assert.Equal(t, transaction.GetSpanId(), statement.GetParentSpanId())
		assert.Equal(t, spans.Span_SPAN_KIND_CLIENT, statement.GetKind())
		about = attributesOf(statement.GetAttributes())
		assert.Equal(t, map[string]string{"sqlite": "sqlite", "postgres": "postgresql"}[h.store.Engine()],
			about["db.system.name"])
		assert.Contains(t, about["db.query.text"], "insert into user_links")
		assert.Contains(t, about["db.query.text"], "$1")
		require.NotNil(t, all["COMMIT"], "%v", all)
		for name, s := range all {
			assert.GreaterOrEqual(t, s.GetEndTimeUnixNano(), s.GetStartTimeUnixNano(), name)
			assert.Equal(t, spans.Status_STATUS_CODE_UNSET, s.GetStatus().GetCode(), name)
		}

		list := receiver.of(other)
		require.NotNil(t, list["GET /scim/v2/Users"])
		require.NotNil(t, list["SELECT user_links"], "%v", list)
		require.NotNil(t, receiver.of(native)["GET /v1/users/{id}"], "%v", receiver.of(native))
		assert.Empty(t, receiver.of(unsampled), "the caller records nothing")

		receiver.mu.Lock()
		defer receiver.mu.Unlock()
		for _, s := range receiver.spans {
			assert.NotContains(t, s.GetName(), "healthz")
		}
		for _, value := range []string{"zacharias", "secret.test", "hunter2", h.mine.SCIMToken, h.mine.APIToken} {
			assert.NotContains(t, receiver.raw.String(), value)
		}
		assert.Equal(t, "bridge-7", receiver.resource["service.name"])
		assert.Equal(t, "test", receiver.resource["service.version"])
		assert.Equal(t, "k 1", receiver.headers[0].Get("X-Key"))

		for _, id := range []string{aTrace, other, native, unsampled} {
			assert.Contains(t, h.lines.String(), `"trace_id":"`+id+`","span_id":"`)
		}
	})
}

// What failed is marked, without the text of the error.
func TestTracesOfFailures(t *testing.T) {
	receiver := newTraceReceiver(t)
	s := newTestServer(t)
	b := s.bootstrap(t)
	get := func(trace string) map[string]*spans.Span {
		s.do(t, http.MethodGet, "/scim/v2/Users?filter=title+eq+%22zacharias%22",
			"Authorization", "Bearer "+b.SCIMToken, "Traceparent", "00-"+trace+"-"+aParent+"-01")
		require.NoError(t, s.tracing.provider.ForceFlush(t.Context()))
		return receiver.of(trace)
	}
	get(aTrace) // the credential is known from now on
	require.NoError(t, s.store.Close())
	all := get(strings.Replace(aTrace, "4b", "5c", 1))
	for name, kind := range map[string]string{"GET /scim/v2/Users": "500", "store view": "_OTHER"} {
		require.NotNil(t, all[name], "%v", all)
		assert.Equal(t, spans.Status_STATUS_CODE_ERROR, all[name].GetStatus().GetCode(), name)
		assert.Empty(t, all[name].GetStatus().GetMessage(), name)
		assert.Equal(t, kind, attributesOf(all[name].GetAttributes())["error.type"], name)
	}
	assert.NotContains(t, receiver.raw.String(), "zacharias")
}

// A receiver that is away is said once, and delays no request.
func TestTracesOfAReceiverThatIsAway(t *testing.T) {
	receiver := newTraceReceiver(t)
	receiver.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "100")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	s := newTestServer(t)
	ask := func() { assert.Equal(t, http.StatusUnauthorized, s.do(t, http.MethodGet, "/scim/v2/Users").StatusCode) }
	ask()
	require.Eventually(t, func() bool { return s.logs.FilterMessage("traces could not be sent").Len() > 0 },
		10*time.Second, 10*time.Millisecond)
	ask()
	s.tracing.close(t.Context())
	assert.Equal(t, 1, s.logs.FilterMessage("traces could not be sent").Len())
}

func TestTracesAreOff(t *testing.T) {
	receiver := newTraceReceiver(t)
	for name, environ := range map[string]map[string]string{
		"no exporter": {"OTEL_TRACES_EXPORTER": "none"},
		"disabled":    {"OTEL_SDK_DISABLED": "true"},
		"no endpoint": {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range environ {
				t.Setenv(k, v)
			}
			s := newTestServer(t)
			require.Nil(t, s.tracing)
			s.do(t, http.MethodGet, "/scim/v2/Users", "Traceparent", "00-"+aTrace+"-"+aParent+"-01")
			fields := s.logs.FilterMessage("request").All()[0].ContextMap()
			assert.NotContains(t, fields, "trace_id")
		})
	}
	assert.Empty(t, receiver.spans)

	// Nothing is allocated on the way.
	var off *tracing
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, span := off.operation(ctx, "view")
		endSpan(span, nil)
		engine.Span(ctx, off.statements(), "commit")(nil)
		engine.Traced(ctx, off.statements(), nil, nil)
	}))
}

// What this program cannot do is said when it starts.
func TestTracesThatCannotBeSent(t *testing.T) {
	newTraceReceiver(t)
	for name, value := range map[string]string{
		"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json", "OTEL_RESOURCE_ATTRIBUTES": "a",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			c := config.Default()
			c.Listen, c.DatabaseURL = "127.0.0.1:0", config.DatabaseURL("sqlite:"+t.TempDir()+"/x.db")
			_, err := Open(t.Context(), c, "test", zap.NewNop())
			require.ErrorContains(t, err, strings.Replace(name, "_TRACES_PROTOCOL", "_PROTOCOL", 1))
		})
	}
}

func TestSummaryOfStatements(t *testing.T) {
	for text, want := range map[string]string{
		"select a, b from user_links l where x = $1":     "SELECT user_links",
		"insert into events (a)\n\tvalues ($1)":          "INSERT events",
		"\n\tupdate tokens set a = $1":                   "UPDATE tokens",
		"with x as (select 1 from grants) delete from y": "WITH grants",
		"select * from write_members($1, $2)":            "SELECT write_members",
		"commit":                                         "COMMIT",
		"":                                               "",
	} {
		assert.Equal(t, want, summaryOf(text), text)
	}
}

// What traces cost a PATCH that adds or removes one member, on SQLite.
func BenchmarkTracesOfGroupPatch(b *testing.B) {
	for _, on := range []bool{false, true} {
		b.Run(map[bool]string{false: "off", true: "on"}[on], func(b *testing.B) {
			if on {
				newTraceReceiver(b)
			}
			p := newPatching(b)
			b.ReportAllocs()
			start := processorTime(b)
			for i := 0; b.Loop(); i++ {
				p.patch(b, p.handle, 0, i)
			}
			b.ReportMetric(float64(processorTime(b)-start)/float64(b.N), "cpu-ns/patch")
		})
	}
}
