package telemetry

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// settings say how to reach a collector (OpenTelemetry specification, "OpenTelemetry Protocol
// Exporter").
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

// variable is a variable of the environment, by which errors name what is wrong.
type variable struct{ name, value string }

// readSettings returns false where the environment asks for no traces.
func readSettings(getenv func(string) string) (s settings, on bool, err error) {
	of := func(name string) variable { // the variable of traces goes before that of all signals
		if v := (variable{"OTEL_EXPORTER_OTLP_TRACES_" + name, getenv("OTEL_EXPORTER_OTLP_TRACES_" + name)}); v.value != "" {
			return v
		}
		return variable{"OTEL_EXPORTER_OTLP_" + name, getenv("OTEL_EXPORTER_OTLP_" + name)}
	}
	exporter := getenv("OTEL_TRACES_EXPORTER")
	switch {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && of("ENDPOINT").value == "":
		return s, false, nil
	case exporter != "" && exporter != "otlp":
		return s, false, fmt.Errorf("OTEL_TRACES_EXPORTER is %q: there are otlp and none", exporter)
	}
	if protocol := of("PROTOCOL"); protocol.value != "" && protocol.value != "http/protobuf" {
		return s, false, fmt.Errorf("%s is %q: there is http/protobuf, for which collectors listen on port 4318", protocol.name, protocol.value)
	}
	if s.endpoint, err = endpoint(of("ENDPOINT")); err != nil {
		return s, false, err
	}
	if s.headers, err = headers(of("HEADERS")); err != nil {
		return s, false, err
	}
	if s.timeout, err = milliseconds(of("TIMEOUT")); err != nil {
		return s, false, err
	}
	compression := of("COMPRESSION")
	switch compression.value {
	case "", "none":
	case "gzip":
		s.gzip = true
	default:
		return s, false, fmt.Errorf("%s is %q: there are gzip and none", compression.name, compression.value)
	}
	s.tls, err = authority(of("CERTIFICATE"))
	return s, err == nil, err
}

// endpoint returns the URL of the traces. The variable of traces has all of it, that of all
// signals the base of it.
func endpoint(v variable) (*url.URL, error) {
	text := v.value
	if text == "" {
		text = defaultEndpoint
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s is not like https://host:4318", v.name) // the value may hold a password
	}
	if v.name != "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" {
		u = u.JoinPath(tracesPath)
	}
	return u, nil
}

// headers returns the headers of each request. The error has no value: they are secrets.
func headers(v variable) (http.Header, error) {
	all := http.Header{}
	for pair := range strings.SplitSeq(v.value, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, encoded, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(encoded))
		if !found || err != nil || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("%s is not like name=value,name=value, with values percent-encoded", v.name)
		}
		all.Set(strings.TrimSpace(name), value)
	}
	return all, nil
}

func milliseconds(v variable) (time.Duration, error) {
	if v.value == "" {
		return defaultTimeout, nil
	}
	n, err := strconv.Atoi(v.value)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%s is %q: it is a number of milliseconds", v.name, v.value)
	}
	return time.Duration(n) * time.Millisecond, nil
}

// authority returns a configuration that trusts the certificate authorities in a file, or
// those of the system where none is named.
func authority(file variable) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if file.value == "" {
		return config, nil
	}
	text, err := os.ReadFile(file.value)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file.name, err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: %s has no certificate", file.name, file.value)
	}
	return config, nil
}
