package plugin

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/dbtether/kubectl-dbtether/pkg/telemetry"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// tracesTimeout bounds how long the end of a run waits for its last spans to be sent.
const tracesTimeout = 3 * time.Second

// traces returns where the runner's spans go, as the environment says; nil: nowhere. Send
// sends what is left.
func (e *Environment) traces(ctx context.Context, instance string, log *slog.Logger) (provider trace.TracerProvider, send func(), err error) {
	provider, stop, err := telemetry.Traces(ctx, e.Getenv, telemetry.Service{Name: "dbtether-runner", Version: e.Version, Instance: instance}, log)
	if err != nil {
		return nil, nil, err
	}
	return provider, func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesTimeout)
		defer cancel()
		if err := stop(ending); err != nil {
			log.Warn("traces", "error", err.Error())
		}
	}, nil
}

// traced runs work below one span, where the environment asks for traces.
func (e *Environment) traced(ctx context.Context, name string, work func(context.Context) error) (err error) {
	provider, send, err := e.traces(ctx, e.replica(), slog.New(sentences{env: e, level: slog.LevelWarn}))
	if err != nil {
		return err
	}
	defer send()
	if provider != nil {
		var whole trace.Span
		ctx, whole = provider.Tracer(tracing.Scope).Start(ctx, name)
		defer func() { tracing.End(whole, err) }()
	}
	return work(ctx)
}

// replica returns a name for this process that no other has: that of the pod, or of the
// host, and something random.
func (e *Environment) replica() string {
	name := e.Getenv("POD_NAME")
	if name == "" {
		name, _ = os.Hostname() // without one, what is random is enough
	}
	return name + "_" + rand.Text()[:8]
}
