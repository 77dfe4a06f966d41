package tracing

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
)

// Transport passes requests to the Kubernetes API on, and makes each a step of the span in its
// context. A span has the method, the path and the status; the query, the
// headers and the bodies stay out of it. It is for rest.Config.Wrap.
func Transport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, s := Start(request.Context(), "kubernetes "+request.Method,
		attribute.String("http.request.method", request.Method), attribute.String("url.path", request.URL.Path))
	if s.IsRecording() {
		request = request.WithContext(ctx)
	}
	response, err := t.next.RoundTrip(request)
	if response != nil {
		s.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode))
	}
	End(s, err)
	return response, err
}
