package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// Kubernetes is a proxy in front of an API server. It asks for no credential and
// brings its own: whoever can reach it has its rights.
type Kubernetes struct {
	// URL is http://127.0.0.1:PORT.
	URL string

	server *http.Server
}

// ServeKubernetes starts a proxy on loopback that forwards to the API server of
// config, with config's credential, and tells the journal of each write: a POST,
// PUT, PATCH or DELETE that is neither a dry run nor a review. It ends at Close.
func ServeKubernetes(journal *Journal, config *rest.Config) (*Kubernetes, error) {
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("serve Kubernetes: %w", err)
	}
	upstream, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("serve Kubernetes: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve Kubernetes: %w", err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport:     &lethalTransport{journal: journal, next: transport},
		FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			if errors.Is(err, errKilled) {
				panic(http.ErrAbortHandler) // ends the connection without an answer
			}
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	k := &Kubernetes{URL: "http://" + listener.Addr().String(), server: &http.Server{Handler: proxy, ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = k.server.Serve(listener) }() // it fails when it is closed
	return k, nil
}

// Close ends the proxy and its connections.
func (k *Kubernetes) Close() error { return k.server.Close() }

var errKilled = errors.New("the process that asked was killed")

// lethalTransport forwards requests. At the write that is the journal's point it kills the
// process that sent it, and gives no answer.
type lethalTransport struct {
	journal *Journal
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (l *lethalTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	write, is := writeOf(request)
	if !is {
		return l.next.RoundTrip(request)
	}
	if l.journal.before() {
		// Only behind a body that was read does the server look whether the client
		// is still there.
		_, _ = io.Copy(io.Discard, request.Body)
		return nil, l.awaitDeath(request.Context())
	}
	response, err := l.next.RoundTrip(request)
	if err != nil {
		l.journal.failed()
		return nil, err
	}
	if !l.journal.after(write) {
		return response, nil
	}
	_ = response.Body.Close()
	return nil, l.awaitDeath(request.Context())
}

// awaitDeath returns errKilled when the client has ended its connection.
func (l *lethalTransport) awaitDeath(ctx context.Context) error {
	<-ctx.Done()
	l.journal.confirm()
	return errKilled
}

// isDryDeletion reports whether a deletion is a dry run: that stands in its body, as JSON or
// as Protobuf.
func isDryDeletion(request *http.Request) bool {
	if request.Method != http.MethodDelete || request.Body == nil {
		return false
	}
	body, err := io.ReadAll(request.Body)
	request.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && bytes.Contains(body, []byte(metav1.DryRunAll))
}

func writeOf(request *http.Request) (Write, bool) {
	switch request.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return Write{}, false
	}
	resource := resourceOf(request.URL.Path)
	if request.URL.Query().Has("dryRun") || isDryDeletion(request) || strings.HasSuffix(resource, "reviews") {
		return Write{}, false
	}
	return Write{Server: ToKubernetes, What: request.Method + " " + resource}, true
}

// resourceOf returns "databases/status" of
// /apis/dbtether.io/v1alpha1/namespaces/shop/databases/orders/status.
func resourceOf(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	parts = parts[min(len(parts), 2):] // /api/v1
	if strings.HasPrefix(path, "/apis/") {
		parts = parts[min(len(parts), 1):]
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	switch len(parts) {
	case 0:
		return path
	case 1, 2:
		return parts[0]
	default:
		return parts[0] + "/" + parts[2]
	}
}
