package postgres

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// Traces of statements have what kind they are, how many, where, and the SQLSTATE of what
// failed: no names of objects, no values, no text. Names and attributes are those of
// OpenTelemetry's conventions for databases.

// statement begins the step of one statement.
func (s *session) statement(ctx context.Context, text string) (context.Context, trace.Span) {
	ctx, step := tracing.Start(ctx, "postgresql")
	if step.IsRecording() {
		kind := kindOfStatement(text)
		step.SetName("postgresql " + kind)
		step.SetAttributes(append(s.attributes(), attribute.String("db.operation.name", kind))...)
	}
	return ctx, step
}

// statements begins the step of several statements in one round trip.
func (s *session) statements(ctx context.Context, texts []string) (context.Context, trace.Span) {
	ctx, step := tracing.Start(ctx, "postgresql transaction")
	if step.IsRecording() {
		kinds := make([]string, len(texts))
		for i, text := range texts {
			kinds[i] = kindOfStatement(text)
		}
		step.SetAttributes(append(s.attributes(), attribute.Int("db.operation.batch.size", len(texts)), attribute.StringSlice("dbtether.operations", kinds))...)
	}
	return ctx, step
}

func (s *session) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("db.system.name", "postgresql"), attribute.String("db.namespace", s.Config().Database), attribute.String("dbtether.cluster", s.server)}
}

// kindOfStatement returns the first words of a statement of ours as far as they are
// PostgreSQL's and no name: "CREATE ROLE", "GRANT".
func kindOfStatement(text string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	second, _, _ := strings.Cut(rest, " ")
	switch second {
	case "DATABASE", "DEFAULT", "EXTENSION", "OWNED", "ROLE", "SCHEMA", "LOCAL", "ON", "TRANSACTION":
		return keyword(first) + " " + second
	}
	return keyword(first)
}

func keyword(word string) string {
	for _, r := range word {
		if r < 'A' || r > 'Z' {
			return "OTHER"
		}
	}
	return word
}
