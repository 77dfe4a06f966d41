package admission

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	kwhlog "github.com/slok/kubewebhook/v2/pkg/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// decisionLog has a line for each review that is refused or that policies have findings on,
// and for a share of the others.
type decisionLog struct {
	*slog.Logger
	// allows is that share, from 0 to 1.
	allows float64
}

// record logs one review: who asked for what, and the outcome. The log has no object, no patch
// and no message, because a message quotes what was sent.
func (e *entry) record(ctx context.Context, x *exchange, took time.Duration) {
	level := e.log.level(x)
	if !e.log.Enabled(ctx, level) {
		return
	}
	attributes := make([]slog.Attr, 0, 16)
	attributes = append(attributes, slog.String("entry", e.name), slog.String("outcome", x.result), slog.String("uid", x.uid()),
		slog.Float64("ms", float64(took)/float64(time.Millisecond)))
	if s := trace.SpanContextFromContext(ctx); s.IsSampled() {
		attributes = append(attributes, slog.String("trace_id", s.TraceID().String()))
	}
	if r := x.request; r != nil {
		attributes = append(attributes, slog.String("operation", r.Operation), slog.String("kind", r.Kind.Kind), slog.String("namespace", r.Namespace),
			slog.String("name", r.Name), slog.String("user", r.User.Username), slog.Bool("dryRun", r.DryRun), slog.Bool("allowed", x.outcome.Allowed))
	}
	e.log.LogAttrs(ctx, level, "review", append(attributes, e.decision(x.outcome)...)...)
}

// level returns the level at which a review is logged: Debug if only a log of all reviews has
// it.
func (l decisionLog) level(x *exchange) slog.Level {
	switch x.result {
	case outcomeInvalid, outcomeTooLarge:
		return slog.LevelWarn
	case outcomeError, outcomePanic:
		return slog.LevelError
	}
	d := &x.outcome.Decision
	if x.result == outcomeDenied || len(d.Warn)+len(d.DryRun)+len(d.Excepted) > 0 || l.sampled(x.uid()) {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// sampled reports whether a review is in the share that is logged. That follows from its UID,
// which is random itself.
func (l decisionLog) sampled(uid string) bool {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	hash := uint64(offset)
	for i := range len(uid) {
		hash = (hash ^ uint64(uid[i])) * prime
	}
	return float64(hash>>11)/(1<<53) < l.allows
}

// decision returns what the policies said: the codes of their findings, as far as they may be
// told, and the names of policies and exceptions.
func (e *entry) decision(outcome review.Outcome) (attributes []slog.Attr) {
	d := &outcome.Decision
	excepted := make([]policy.Finding, len(d.Excepted))
	var exceptions, policies []string
	for i, x := range d.Excepted {
		excepted[i] = x.Finding
		exceptions = addOnce(exceptions, x.Exception)
	}
	var codes []any
	for _, list := range []struct {
		verdict  string
		findings []policy.Finding
	}{{verdictDeny, outcome.Findings}, {verdictWarn, d.Warn}, {verdictDryRun, d.DryRun}, {verdictExcepted, excepted}} {
		var of []string
		for _, f := range list.findings {
			of = addOnce(of, e.metrics.shared.code(f))
			policies = addOnce(policies, f.Policy)
		}
		if of != nil {
			codes = append(codes, slog.Any(list.verdict, of))
		}
	}
	if codes != nil {
		attributes = append(attributes, slog.Group("codes", codes...))
	}
	if policies != nil {
		attributes = append(attributes, slog.Any("policies", policies))
	}
	if exceptions != nil {
		attributes = append(attributes, slog.Any("exceptions", exceptions))
	}
	if d.Revision != "" {
		attributes = append(attributes, slog.Int("evaluated", d.Evaluated), slog.String("revision", d.Revision))
	}
	return attributes
}

// addOnce adds a text that is not empty and not in the list.
func addOnce(list []string, text string) []string {
	if text == "" || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// uid returns the UID of the request; empty where the body was no review.
func (x *exchange) uid() string {
	if x.request == nil {
		return ""
	}
	return x.request.UID
}

// lastError is the error of the last attempt at what is tried again and again. One that
// stays is logged once.
type lastError struct{ text string }

// another reports whether err is to be logged: it is not the one before, and not one of ctx,
// with which the attempts end.
func (l *lastError) another(ctx context.Context, err error) bool {
	text := ""
	if err != nil {
		text = err.Error()
	}
	before := l.text
	l.text = text
	return text != "" && text != before && ctx.Err() == nil
}

// kubewebhookLog passes on the errors and warnings of kubewebhook. The rest is left out: record
// logs each review.
type kubewebhookLog struct{ log *slog.Logger }

func (l kubewebhookLog) Infof(string, ...any)  {}
func (l kubewebhookLog) Debugf(string, ...any) {}
func (l kubewebhookLog) Warningf(format string, args ...any) {
	l.log.Warn("kubewebhook: " + fmt.Sprintf(format, args...))
}
func (l kubewebhookLog) Errorf(format string, args ...any) {
	l.log.Error("kubewebhook: " + fmt.Sprintf(format, args...))
}
func (l kubewebhookLog) WithValues(kwhlog.Kv) kwhlog.Logger                              { return l }
func (l kubewebhookLog) WithCtxValues(context.Context) kwhlog.Logger                     { return l }
func (l kubewebhookLog) SetValuesOnCtx(ctx context.Context, _ kwhlog.Kv) context.Context { return ctx }
