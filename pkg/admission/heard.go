package admission

import (
	"io"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// heard is when the API server last sent anything about a resource: an object, or the
// bookmarks that a watch brings about once a minute although nothing has changed. A watch
// that hangs is heard of no more.
type heard struct {
	now func() time.Time
	// failed counts what could not be asked for, or was refused.
	failed *prometheus.CounterVec

	mu sync.Mutex
	at map[string]time.Time // by resource
}

func newHeard(now func() time.Time, failed *prometheus.CounterVec) *heard {
	return &heard{now: now, failed: failed, at: map[string]time.Time{}}
}

func (h *heard) of(resource string) (at time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok = h.at[resource]
	return at, ok
}

func (h *heard) note(resource string) {
	at := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at[resource] = at
}

// transport notes what lists and watches bring. It is for rest.Config.Wrap.
func (h *heard) transport(next http.RoundTripper) http.RoundTripper { return listening{h, next} }

type listening struct {
	*heard
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (l listening) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(request)
	resource := path.Base(request.URL.Path) // of a single object it is its name, which nobody asks for
	switch {
	case err == nil && response.StatusCode == http.StatusOK:
		response.Body = listened{response.Body, l.heard, resource}
	case request.Context().Err() == nil: // of a server that is not there client-go tells no handler
		l.failed.WithLabelValues(resource).Inc()
	}
	return response, err
}

type listened struct {
	io.ReadCloser
	heard    *heard
	resource string
}

// Read implements io.Reader.
func (l listened) Read(into []byte) (int, error) {
	n, err := l.ReadCloser.Read(into)
	if n > 0 {
		l.heard.note(l.resource)
	}
	return n, err
}
