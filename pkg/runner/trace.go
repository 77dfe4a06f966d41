package runner

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// trace begins the span of the work on one resource. The caller ends it.
func (r *runner) trace(ctx context.Context, k key) (context.Context, trace.Span) {
	if r.Traces == nil {
		return ctx, noop.Span{}
	}
	return r.Traces.Tracer(tracing.Scope).Start(ctx, "reconcile "+k.kind, trace.WithAttributes(attribute.String("dbtether.kind", k.kind),
		attribute.String("k8s.namespace.name", k.namespace), attribute.String("dbtether.name", k.name)))
}

// tellSpan says in the span of ctx what came of the work.
func tellSpan(ctx context.Context, result provision.Result) {
	s := trace.SpanFromContext(ctx)
	s.SetAttributes(attribute.String("dbtether.action", string(result.Action)), attribute.Int("dbtether.statements", result.Statements))
	if result.Err != nil {
		s.SetStatus(codes.Error, "")
		s.SetAttributes(attribute.String("error.type", string(provision.WhyOf(result.Err))))
	}
}
