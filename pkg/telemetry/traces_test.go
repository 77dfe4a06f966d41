package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// environment returns a getenv of the variables, and puts those that the SDK reads by
// itself into the process.
func environment(t *testing.T, variables map[string]string) func(string) string {
	t.Helper()
	for name, value := range variables {
		t.Setenv(name, value)
	}
	return func(name string) string { return variables[name] }
}

func TestTraces(t *testing.T) {
	collector, err := testenv.StartCollector()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(collector.Stop)
	for _, compression := range []string{"none", "gzip"} {
		getenv := environment(t, map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%2Cb, tenant=shop", "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
			"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
		})
		provider, stop, err := Traces(t.Context(), getenv, Service{"dbtether-webhook", "v1", "pod-1"}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, whole := provider.Tracer(tracing.Scope).Start(t.Context(), "whole "+compression)
		_, step := tracing.Start(ctx, "step", attribute.String("a", "b"))
		tracing.End(step, context.DeadlineExceeded)
		tracing.End(whole, nil)
		if err := stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := collector.Tree("whole " + compression); got != "whole "+compression+"\n  step\n" {
			t.Errorf("got %q", got)
		}
	}
	header, about := collector.Last()
	if header.Get("api-key") != "a,b" || header.Get("tenant") != "shop" {
		t.Errorf("headers: %v", header)
	}
	for key, want := range map[string]string{"service.name": "dbtether-webhook", "service.version": "v1", "service.instance.id": "pod-1", "deployment.environment.name": "test"} {
		if about[key] != want {
			t.Errorf("%s is %q, not %q", key, about[key], want)
		}
	}
	for _, s := range collector.Spans() {
		if s.GetName() == "step" && !strings.Contains(s.String(), `"timeout"`) {
			t.Errorf("the step does not say that it came too late: %s", s)
		}
	}
}

func TestTracesAreOff(t *testing.T) {
	for _, variables := range []map[string]string{
		nil,
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
	} {
		provider, stop, err := Traces(t.Context(), environment(t, variables), Service{}, slog.New(slog.DiscardHandler))
		if provider != nil || err != nil || stop(t.Context()) != nil {
			t.Errorf("%v: %v, %v", variables, provider, err)
		}
	}
	ctx, step := tracing.Start(t.Context(), "step")
	if ctx != t.Context() || step.IsRecording() {
		t.Error("what is not traced has a span")
	}
	tracing.End(step, context.Canceled)
}

func TestSettingsAreRefused(t *testing.T) {
	for want, variables := range map[string]map[string]string{
		`OTEL_TRACES_EXPORTER is "jaeger"`:                     {"OTEL_TRACES_EXPORTER": "jaeger"},
		`there is http/protobuf`:                               {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
		`OTEL_EXPORTER_OTLP_ENDPOINT is not like`:              {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
		`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not like`:       {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "grpc://collector:4317"},
		`OTEL_EXPORTER_OTLP_HEADERS is not like`:               {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_HEADERS": "geheim"},
		`OTEL_EXPORTER_OTLP_TIMEOUT is "1s"`:                   {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TIMEOUT": "1s"},
		`OTEL_EXPORTER_OTLP_COMPRESSION is "zstd"`:             {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"},
		`read OTEL_EXPORTER_OTLP_CERTIFICATE: open /no`:        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/file"},
		`OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is "grpc"`:         {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"},
		`OTEL_EXPORTER_OTLP_TRACES_HEADERS is not like`:        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "geheim"},
		`OTEL_EXPORTER_OTLP_TRACES_TIMEOUT is "1s"`:            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "1s"},
		`OTEL_EXPORTER_OTLP_TRACES_COMPRESSION is "zstd"`:      {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "zstd"},
		`read OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: open /no`: {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": "/no/file"},
		`traces_test.go has no certificate`:                    {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_CERTIFICATE": "traces_test.go"},
	} {
		_, _, err := readSettings(func(name string) string { return variables[name] })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%v: %v", variables, err)
		}
	}
}

// A collector that is busy is asked again; one that refuses is not. What is said of either
// has no header of ours.
func TestCollectorThatRefuses(t *testing.T) {
	for code, want := range map[int]int32{http.StatusServiceUnavailable: 2, http.StatusUnauthorized: 1, http.StatusFound: 1} {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == 1 {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(code)
			}
		}))
		t.Cleanup(server.Close)
		var text bytes.Buffer
		getenv := environment(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_EXPORTER_OTLP_HEADERS": "authorization=geheim"})
		provider, stop, err := Traces(t.Context(), getenv, Service{}, slog.New(slog.NewJSONHandler(&text, nil)))
		if err != nil {
			t.Fatal(err)
		}
		_, s := provider.Tracer(tracing.Scope).Start(t.Context(), "whole")
		s.End()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		t.Cleanup(cancel)
		if err := stop(ctx); err != nil {
			t.Error(err)
		}
		if asked.Load() != want {
			t.Errorf("after %d it was asked %d times, not %d", code, asked.Load(), want)
		}
		if said := text.String(); strings.Contains(said, "geheim") || strings.Contains(said, "the collector says") != (want == 1) {
			t.Errorf("after %d the log says\n%s", code, said)
		}
	}
}
