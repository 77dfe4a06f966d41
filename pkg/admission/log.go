package admission

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	kwhlog "github.com/slok/kubewebhook/v2/pkg/log"
)

// record logs one review: who asked for what and what came of it, never an object
// and never a patch.
func (e *entry) record(ctx context.Context, x *exchange, took time.Duration) {
	level := slog.LevelInfo
	switch x.result {
	case outcomeAllowed:
		level = slog.LevelDebug
	case outcomeInvalid, outcomeTooLarge:
		level = slog.LevelWarn
	case outcomeError, outcomePanic:
		level = slog.LevelError
	}
	if !e.log.Enabled(ctx, level) {
		return
	}
	attributes := make([]slog.Attr, 0, 10)
	attributes = append(attributes, slog.String("entry", e.name), slog.String("outcome", x.result), slog.String("uid", x.uid()), slog.Duration("took", took))
	if r := x.request; r != nil {
		attributes = append(attributes, slog.String("operation", r.Operation), slog.String("resource", r.Resource.Resource),
			slog.String("namespace", r.Namespace), slog.String("name", r.Name), slog.Bool("dryRun", r.DryRun))
	}
	if codes := x.codes(); codes != "" {
		attributes = append(attributes, slog.String("codes", codes))
	}
	e.log.LogAttrs(ctx, level, "review", attributes...)
}

func (x *exchange) uid() string {
	if x.request == nil {
		return ""
	}
	return x.request.UID
}

func (x *exchange) codes() string {
	var codes []string
	for _, finding := range x.outcome.Findings {
		codes = append(codes, finding.Code)
	}
	return strings.Join(codes, ",")
}

// kubewebhookLog passes on kubewebhook's errors. What it says of a review that
// went well is what record says.
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
