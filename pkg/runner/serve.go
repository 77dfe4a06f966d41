package runner

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// requestTimeout bounds one request to the probes and the metrics.
const requestTimeout = 10 * time.Second

// probes is the server of the probes and the metrics; nil: there is none.
type probes struct{ server *http.Server }

// serve begins to answer probes and to show the metrics, where the options ask for it.
func (r *runner) serve() (*probes, error) {
	if r.MetricsListen == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", r.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics (--metrics-listen): %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := r.ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	p := &probes{&http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(r.Log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: requestTimeout, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout, IdleTimeout: requestTimeout}}
	go func() { _ = p.server.Serve(listener) }() // it fails when it is closed
	r.Log.Info("serving", "metrics", listener.Addr().String())
	return p, nil
}

func (p *probes) close() {
	if p != nil {
		_ = p.server.Close()
	}
}
