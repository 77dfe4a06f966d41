package tracing

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Scope is the name under which all spans of this project are made.
const Scope = "github.com/dbtether/kubectl-dbtether"

// Start begins a step of the span in ctx, and returns the context of what belongs to the step.
// Where ctx is not traced, it returns ctx and a span that does nothing. The caller ends it
// with End.
func Start(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, noop.Span{}
	}
	return parent.TracerProvider().Tracer(Scope).Start(ctx, name, trace.WithAttributes(attributes...))
}

// End ends a step. Of an error the span has the kind only: canceled, timeout, the SQLSTATE of
// PostgreSQL, otherwise its Go type.
func End(s trace.Span, err error) {
	if err != nil && s.IsRecording() {
		s.SetStatus(codes.Error, "")
		s.SetAttributes(attribute.String("error.type", kindOf(err)))
	}
	s.End()
}

// kindOf returns the kind of an error, without its text, which may quote what was sent.
func kindOf(err error) string {
	var state interface{ SQLState() string } // of PostgreSQL
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &state):
		return state.SQLState()
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return fmt.Sprintf("%T", err)
}
