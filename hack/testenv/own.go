package testenv

import (
	"os"
	"testing"
	"time"
)

// OwnControlPlane starts a control plane that no other test uses, for what concerns the
// whole of it. It stops when the test ends. It ends the test if it does not start.
func OwnControlPlane(tb testing.TB, options ControlPlaneOptions) *ControlPlane {
	tb.Helper()
	if options.Log == nil {
		options.Log = tb.Logf
	}
	c, err := StartControlPlane(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	stopAfter(tb, c)
	return c
}

// OwnPostgreSQL starts a server that no other test uses. It stops when the test ends. It
// ends the test if it does not start.
func OwnPostgreSQL(tb testing.TB, options PostgreSQLOptions) *PostgreSQL {
	tb.Helper()
	if options.Log == nil {
		options.Log = tb.Logf
	}
	p, err := StartPostgreSQL(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	stopAfter(tb, p)
	return p
}

// OwnPrometheus starts a Prometheus that stops when the test ends. It ends the test if it
// does not start.
func OwnPrometheus(tb testing.TB, options PrometheusOptions) *Prometheus {
	tb.Helper()
	if options.Log == nil {
		options.Log = tb.Logf
	}
	p, err := StartPrometheus(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	stopAfter(tb, p)
	return p
}

// OwnWebhook starts a built webhook, as StartWebhook does, that stops when the test ends;
// the end of its log is shown if the test failed. It ends the test if it does not start.
func (c *ControlPlane) OwnWebhook(tb testing.TB, binary string) *Webhook {
	tb.Helper()
	w, err := c.StartWebhook(binary)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			text, _ := os.ReadFile(w.LogFile)
			tb.Logf("the log of the webhook ends:\n%s", text[max(0, len(text)-4000):])
		}
	})
	stopAfter(tb, w)
	return w
}

func stopAfter(tb testing.TB, server interface{ Stop() error }) {
	tb.Helper()
	tb.Cleanup(func() {
		if err := server.Stop(); err != nil {
			tb.Error(err)
		}
	})
}

// Within calls check until it returns nil, and ends the test when that takes longer than
// limit. what says what is waited for. It returns how long it took.
func Within(tb testing.TB, limit time.Duration, what string, check func() error) time.Duration {
	tb.Helper()
	for started := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := check()
		took := time.Since(started)
		if err == nil {
			return took
		}
		if took > limit {
			tb.Fatalf("not within %s: %s: %v", limit, what, err)
		}
	}
}
