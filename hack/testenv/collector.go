package testenv

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector receives spans as an OpenTelemetry collector does, by OTLP/HTTP on loopback,
// and keeps them. It is safe for concurrent use.
type Collector struct {
	// URL is the value for OTEL_EXPORTER_OTLP_ENDPOINT.
	URL string

	server *http.Server
	mu     sync.Mutex
	spans  []*tracepb.Span
	header http.Header
	about  map[string]string
}

// StartCollector listens until Stop.
func StartCollector() (*Collector, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Collector{URL: "http://" + listener.Addr().String()}
	c.server = &http.Server{Handler: http.HandlerFunc(c.receive), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = c.server.Serve(listener) }() // until it is closed
	return c, nil
}

// Stop closes the listener and its connections.
func (c *Collector) Stop() { _ = c.server.Close() }

func (c *Collector) receive(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		packed, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = packed
	}
	text, err := io.ReadAll(body)
	var request collectorpb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "no spans", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.header, c.about = r.Header.Clone(), map[string]string{}
	for _, of := range request.GetResourceSpans() {
		for _, a := range of.GetResource().GetAttributes() {
			c.about[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, scope := range of.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
}

// Spans returns what has been received.
func (c *Collector) Spans() []*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Last returns the headers of the last request, and the attributes of the program that
// sent it.
func (c *Collector) Last() (http.Header, map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.header, c.about
}

// Tree returns the spans below each root whose name begins with root, one name a line: a
// span below its parent, with two spaces more, and siblings in the order in which they began.
func (c *Collector) Tree(root string) string {
	spans := c.Spans()
	slices.SortStableFunc(spans, func(a, b *tracepb.Span) int { return int(a.GetStartTimeUnixNano()) - int(b.GetStartTimeUnixNano()) })
	var text strings.Builder
	var below func(parent string, depth int)
	below = func(parent string, depth int) {
		for _, s := range spans {
			if string(s.GetParentSpanId()) == parent && (depth > 0 || strings.HasPrefix(s.GetName(), root)) {
				text.WriteString(strings.Repeat("  ", depth) + s.GetName() + "\n")
				below(string(s.GetSpanId()), depth+1)
			}
		}
	}
	below("", 0)
	return text.String()
}
