package admission

import (
	"errors"
	"net/http"
	"sync/atomic"
)

// probes answer the kubelet: whether we live, and whether we take reviews.
type probes struct {
	draining atomic.Bool
	// ready are the checks of what has to be there before a review can be answered.
	ready []func() error
}

var errDraining = errors.New("shutting down")

func (p *probes) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := p.check(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
}

// sendAway makes each answer the last on its connection while we are draining. We do not close
// idle connections: a review may be on its way on one, and would fail. An API server keeps a
// few, and asks on the one that it used last.
func (p *probes) sendAway(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// check returns an error that says why no reviews are taken.
func (p *probes) check() error {
	if p.draining.Load() {
		return errDraining
	}
	for _, check := range p.ready {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}
