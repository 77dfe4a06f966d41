package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Service is the process that the traces are of.
type Service struct{ Name, Version, Instance string }

// Traces returns the provider of the spans of this process, as OpenTelemetry's own variables
// configure it (specification, "Environment Variable Specification" and "OpenTelemetry
// Protocol Exporter"). Without OTEL_EXPORTER_OTLP_ENDPOINT,
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_TRACES_EXPORTER=otlp, or with
// OTEL_SDK_DISABLED=true, nothing is traced and the provider is nil. stop sends what has not
// been sent, until its context ends.
//
// Spans are sent by HTTP as protobuf: OpenTelemetry's own exporter links gRPC. What cannot be
// sent is logged and lost.
func Traces(ctx context.Context, getenv func(string) string, service Service, log *slog.Logger) (provider trace.TracerProvider, stop func(context.Context) error, err error) {
	settings, on, err := readSettings(getenv)
	if err != nil || !on {
		return nil, func(context.Context) error { return nil }, err
	}
	exporter, err := otlptrace.New(ctx, newCollector(settings))
	if err != nil {
		return nil, nil, err
	}
	// The last one wins: the environment over what is set here.
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", service.Name),
		attribute.String("service.version", service.Version),
		attribute.String("service.instance.id", service.Instance),
	), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	// The SDK has no other place for what it cannot send.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err.Error()) }))
	traces := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	log.Info("tracing", "endpoint", settings.endpoint.Redacted())
	return traces, traces.Shutdown, nil
}
