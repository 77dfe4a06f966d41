package admission

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// trace begins the span of a review, as a child of the API server's if that sends one (W3C Trace
// Context). The returned function ends it.
func (e *entry) trace(r *http.Request) (traced *http.Request, end func(*exchange)) {
	if e.traces == nil {
		return r, func(*exchange) {}
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, s := e.traces.Start(ctx, "review "+e.name, trace.WithSpanKind(trace.SpanKindServer))
	return r.WithContext(ctx), func(x *exchange) {
		s.SetAttributes(attribute.String("dbtether.entry", e.name), attribute.String("dbtether.outcome", x.result))
		if asked := x.request; asked != nil {
			s.SetAttributes(attribute.String("dbtether.review.uid", asked.UID), attribute.String("dbtether.operation", asked.Operation),
				attribute.String("k8s.namespace.name", asked.Namespace), attribute.String("dbtether.kind", asked.Kind.Kind), attribute.String("dbtether.name", asked.Name))
		}
		if x.result == outcomeError || x.result == outcomePanic {
			s.SetStatus(codes.Error, "")
		}
		s.End()
	}
}
