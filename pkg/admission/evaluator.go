package admission

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// evaluator is an engine with a metric of how long its answers take, and a span for each. It
// is a review.Policies.
type evaluator struct {
	*policy.Engine
	took prometheus.Observer
}

// Evaluate implements review.Policies.
func (e *evaluator) Evaluate(ctx context.Context, area string, input *policy.Input) policy.Decision {
	ctx, s := tracing.Start(ctx, "evaluate policies")
	started := time.Now()
	decision := e.Engine.Evaluate(ctx, area, input)
	e.took.Observe(time.Since(started).Seconds())
	if s.IsRecording() {
		s.SetAttributes(attribute.String("dbtether.area", area), attribute.Bool("dbtether.allow", decision.Allow), attribute.Int("dbtether.evaluated", decision.Evaluated), attribute.String("dbtether.revision", decision.Revision))
	}
	tracing.End(s, nil)
	return decision
}
