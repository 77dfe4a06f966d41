package telemetry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"
)

// Debug is an HTTP server for those who may forward a port to the process: GET and PUT
// /loglevel, and with Profiles what net/http/pprof has, below /debug/pprof/.
type Debug struct {
	// Listen is its address, on loopback; empty: there is none.
	Listen   string
	Profiles bool
	Level    *Level
	Log      *slog.Logger
}

// The time-outs of the server. A profile of the processor takes half a minute unless it
// is asked for a longer one.
const (
	debugReadTimeout  = 10 * time.Second
	debugWriteTimeout = 5 * time.Minute
)

// Serve starts the server, which ends when the returned function is called. It returns an
// error where it cannot listen, or where the address is not on loopback.
func (d Debug) Serve() (stop func(), err error) {
	if d.Listen == "" {
		return func() {}, nil
	}
	if err := onLoopback(d.Listen); err != nil {
		return nil, fmt.Errorf("listen for debugging (--debug-listen): %w", err)
	}
	listener, err := net.Listen("tcp", d.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for debugging (--debug-listen): %w", err)
	}
	server := &http.Server{Handler: d.handler(), ErrorLog: slog.NewLogLogger(d.Log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: debugReadTimeout, ReadTimeout: debugReadTimeout, WriteTimeout: debugWriteTimeout, IdleTimeout: debugReadTimeout}
	go func() { _ = server.Serve(listener) }() // it fails when it is closed
	d.Log.Info("serving", "debug", listener.Addr().String(), "profiles", d.Profiles)
	return func() { _ = server.Close() }, nil
}

var errNotLoopback = errors.New("it is for loopback only, as in 127.0.0.1:6060: whoever reaches it may change the log, and is reached by forwarding a port")

// onLoopback returns an error unless an address, host:port, is on loopback.
func onLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("address %q: %w", address, errNotLoopback)
	}
	return nil
}

func (d Debug) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /loglevel", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, strings.ToLower(d.Level.Level().String()))
	})
	mux.HandleFunc("PUT /loglevel", d.setLevel)
	if d.Profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	// A web page may resolve its own host name to loopback (DNS rebinding): the browser would
	// let it read the answers.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if onLoopback(withPort(r.Host)) != nil {
			http.Error(w, "ask for localhost", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// withPort returns the host of a request with a port, 80 where it has none.
func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), "80")
}

// setLevel reads the level from the body, and from ?for= how long it is to be so.
func (d Debug) setLevel(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 64))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.TrimSpace(string(text)))); err != nil {
		http.Error(w, fmt.Sprintf("level %q is none of debug, info, warn and error", text), http.StatusBadRequest)
		return
	}
	var while time.Duration
	if asked := r.URL.Query().Get("for"); asked != "" {
		if while, err = time.ParseDuration(asked); err != nil || while <= 0 {
			http.Error(w, fmt.Sprintf("for=%q is no duration as 10m", asked), http.StatusBadRequest)
			return
		}
	}
	before := d.Level.Level()
	d.Level.Set(level, while)
	d.Log.Warn("level of the log changed", "from", before.String(), "to", level.String(), "for", while.String())
	fmt.Fprintln(w, strings.ToLower(level.String()))
}
