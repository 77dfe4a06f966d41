package telemetry

import (
	"bytes"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDebug(t *testing.T) {
	var text bytes.Buffer
	level := NewLevel(slog.LevelInfo)
	log := slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: level}))
	ask := func(profiles bool, method, host, target, body string) (int, string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Host = host
		Debug{Profiles: profiles, Level: level, Log: log}.handler().ServeHTTP(w, r)
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	for _, c := range []struct {
		profiles                   bool
		method, host, target, body string
		code                       int
		says                       string
		level                      slog.Level
	}{
		{false, "GET", "localhost:6060", "/loglevel", "", 200, "info", slog.LevelInfo},
		{false, "PUT", "localhost", "/loglevel", "debug\n", 200, "debug", slog.LevelDebug},
		{false, "PUT", "[::1]:6060", "/loglevel?for=10m", "WARN", 200, "warn", slog.LevelWarn},
		{false, "PUT", "127.0.0.1:6060", "/loglevel", "loud", 400, `level "loud" is none of debug, info, warn and error`, slog.LevelWarn},
		{false, "PUT", "127.0.0.1:6060", "/loglevel?for=soon", "info", 400, `for="soon" is no duration as 10m`, slog.LevelWarn},
		{false, "PUT", "127.0.0.1:6060", "/loglevel?for=-1s", "info", 400, `for="-1s" is no duration as 10m`, slog.LevelWarn},
		{false, "PUT", "evil.example:6060", "/loglevel", "debug", 403, "ask for localhost", slog.LevelWarn},
		{true, "GET", "evil.example", "/debug/pprof/heap", "", 403, "ask for localhost", slog.LevelWarn},
		{false, "GET", "localhost:6060", "/debug/pprof/heap", "", 404, "404 page not found", slog.LevelWarn},
		{true, "GET", "localhost:6060", "/debug/pprof/goroutine?debug=1", "", 200, "goroutine profile", slog.LevelWarn},
	} {
		code, says := ask(c.profiles, c.method, c.host, c.target, c.body)
		if code != c.code || !strings.HasPrefix(says, c.says) || level.Level() != c.level {
			t.Errorf("%s %s %q at %s: %d, %q, level %s", c.method, c.target, c.body, c.host, code, says, level.Level())
		}
	}
	if !strings.Contains(text.String(), `"msg":"level of the log changed","from":"INFO","to":"DEBUG"`) {
		t.Errorf("the log does not say that its level has changed:\n%s", text.String())
	}
}

func TestDebugListensOnLoopbackOnly(t *testing.T) {
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	for _, address := range []string{":6060", "0.0.0.0:6060", "[::]:0", "192.0.2.1:6060", "6060", "example.com:6060"} {
		if _, err := (Debug{Listen: address, Log: log}).Serve(); err == nil || !strings.Contains(err.Error(), "--debug-listen") {
			t.Errorf("%q: %v", address, err)
		}
	}
	stop, err := Debug{Listen: "127.0.0.1:0", Level: NewLevel(slog.LevelInfo), Log: log}.Serve()
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if stop, err = (Debug{}).Serve(); err != nil {
		t.Error(err)
	}
	stop()
}
