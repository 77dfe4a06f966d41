package admission

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/dbtether/kubectl-dbtether/pkg/review"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// The server's time-outs. A review takes milliseconds, and an API server waits three seconds
// for it: a client that is slower than these is broken or hostile.
const (
	headerTimeout   = 5 * time.Second
	bodyTimeout     = 10 * time.Second
	answerTimeout   = maxTimeout + bodyTimeout
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 20 * time.Second
)

// entries returns the handler of each path. A review is decided by the reviewer that there is
// when it comes in, from beginning to end.
func entries(reviewer func() review.Reviewer, index *index, log decisionLog, m *metrics, traces trace.TracerProvider) (map[string]*entry, error) {
	var tracer trace.Tracer
	if traces != nil {
		tracer = traces.Tracer(tracing.Scope)
	}
	bodies := newBuffers()
	type answer = func(review.Reviewer, context.Context, *review.Request, review.Facts) review.Outcome
	all := map[string]*entry{}
	for _, e := range []struct {
		name     string
		mutating bool
		answer   answer
	}{
		{"inject", true, review.Reviewer.Inject},
		{"enforce", false, review.Reviewer.Enforce},
		{"guard", false, review.Reviewer.Guard},
		{"resources", false, review.Reviewer.Resources},
		{"templates", false, review.Reviewer.Templates},
	} {
		made, err := newEntry(entry{name: e.name, mutating: e.mutating, log: log, metrics: m.entry(e.name), traces: tracer, buffers: bodies,
			answer: func(ctx context.Context, r *review.Request) review.Outcome {
				return e.answer(reviewer(), ctx, r, &facts{index: index, ctx: ctx})
			}})
		if err != nil {
			return nil, err
		}
		all[e.name] = made
	}
	return all, nil
}

// server is the two listeners and what they serve.
type server struct {
	https, http *http.Server
	probes      *probes
	drain       time.Duration
	log         *slog.Logger
}

func newServer(o Options, entries map[string]*entry, keeper *certificateKeeper, p *probes, m *metrics, log *slog.Logger) *server {
	reviews := http.NewServeMux()
	for name, entry := range entries {
		reviews.Handle("POST /"+name, o.callers().admit(entry))
	}
	p.register(reviews)
	plain := http.NewServeMux()
	plain.Handle("GET /metrics", m.handler())
	p.register(plain)
	secure := &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: keeper.certificate, NextProtos: []string{"h2", "http/1.1"}}
	o.callers().require(secure)
	errorLog := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	return &server{
		probes: p, drain: o.Drain, log: log,
		https: &http.Server{
			Addr: o.Listen, Handler: p.sendAway(reviews), ErrorLog: errorLog,
			TLSConfig:         secure,
			ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: answerTimeout, IdleTimeout: idleTimeout,
		},
		http: &http.Server{
			Addr: o.MetricsListen, Handler: plain, ErrorLog: errorLog,
			ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: answerTimeout, IdleTimeout: idleTimeout,
		},
	}
}

// run serves until ctx ends and every review that came in is answered. It returns
// an error if a listener fails, or if reviews were cut off.
func (s *server) run(ctx context.Context) error {
	https, err := net.Listen("tcp", s.https.Addr)
	if err != nil {
		return fmt.Errorf("listen for reviews: %w", err)
	}
	plain, err := net.Listen("tcp", s.http.Addr)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for metrics: %w", err), https.Close())
	}
	failed := make(chan error, 2)
	go func() { failed <- s.https.ServeTLS(https, "", "") }()
	go func() { failed <- s.http.Serve(plain) }()
	s.log.Info("serving", "reviews", https.Addr().String(), "metrics", plain.Addr().String())
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = nil
	}
	return errors.Join(err, s.shutdown())
}

// shutdown first says that it is not ready, and ends the connections of who still asks. It
// closes when others have had the time to notice.
func (s *server) shutdown() error {
	s.probes.draining.Store(true)
	s.log.Info("draining", "for", s.drain.String())
	time.Sleep(s.drain)
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	err := errors.Join(s.https.Shutdown(ctx), s.http.Shutdown(ctx))
	s.log.Info("stopped")
	return err
}
