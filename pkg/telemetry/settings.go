package telemetry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// settings say how to reach a collector.
type settings struct {
	endpoint *url.URL
	headers  http.Header
	timeout  time.Duration
	gzip     bool
	tls      *tls.Config
}

// The specification's defaults.
const (
	defaultEndpoint = "http://localhost:4318"
	defaultTimeout  = 10 * time.Second
	tracesPath      = "v1/traces"
)

// readSettings returns false where the environment asks for no traces.
func readSettings(getenv func(string) string) (s settings, on bool, err error) {
	of := func(name string) string { // that of traces goes before that of all signals
		if value := getenv("OTEL_EXPORTER_OTLP_TRACES_" + name); value != "" {
			return value
		}
		return getenv("OTEL_EXPORTER_OTLP_" + name)
	}
	exporter := getenv("OTEL_TRACES_EXPORTER")
	switch {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && of("ENDPOINT") == "":
		return s, false, nil
	case exporter != "" && exporter != "otlp":
		return s, false, fmt.Errorf("OTEL_TRACES_EXPORTER is %q: there are otlp and none", exporter)
	}
	if protocol := of("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return s, false, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q: there is http/protobuf, for which collectors listen on port 4318", protocol)
	}
	if s.endpoint, err = endpoint(getenv); err != nil {
		return s, false, err
	}
	if s.headers, err = headers(of("HEADERS")); err != nil {
		return s, false, err
	}
	if s.timeout, err = milliseconds(of("TIMEOUT")); err != nil {
		return s, false, err
	}
	if s.gzip = of("COMPRESSION") == "gzip"; !s.gzip && of("COMPRESSION") != "" && of("COMPRESSION") != "none" {
		return s, false, fmt.Errorf("OTEL_EXPORTER_OTLP_COMPRESSION is %q: there are gzip and none", of("COMPRESSION"))
	}
	s.tls, err = authority(of("CERTIFICATE"))
	return s, err == nil, err
}

// endpoint returns the URL of the traces: that of all signals is a base.
func endpoint(getenv func(string) string) (*url.URL, error) {
	name, text := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	whole := text != ""
	if !whole {
		name, text = "OTEL_EXPORTER_OTLP_ENDPOINT", getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	if text == "" {
		text = defaultEndpoint
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s is not like https://host:4318", name) // it may hold a password
	}
	if !whole {
		u = u.JoinPath(tracesPath)
	}
	return u, nil
}

var errHeaders = errors.New("OTEL_EXPORTER_OTLP_HEADERS is not like name=value,name=value, with values percent-encoded")

func headers(text string) (http.Header, error) {
	all := http.Header{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, encoded, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(encoded))
		if !found || err != nil || strings.TrimSpace(name) == "" {
			return nil, errHeaders // values are secrets
		}
		all.Set(strings.TrimSpace(name), value)
	}
	return all, nil
}

func milliseconds(text string) (time.Duration, error) {
	if text == "" {
		return defaultTimeout, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT is %q: it is a number of milliseconds", text)
	}
	return time.Duration(n) * time.Millisecond, nil
}

// authority returns a configuration that trusts the authorities in a file; "" for those of
// the system.
func authority(file string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return config, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s has no certificate", file)
	}
	return config, nil
}
