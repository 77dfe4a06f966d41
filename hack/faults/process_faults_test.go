package faults_test

import (
	"os"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// TestLogFull gives the webhook and the runner a log that takes nothing. Both work on.
func TestLogFull(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skipf("there is no device that is always full: %v", err)
	}
	e := newEnvironment(t)
	w := e.webhook(t, full)
	s := e.site(t, e.postgres.Host, e.postgres.Port)
	r := e.startRunner(t, e.home, full)
	testenv.Within(t, time.Minute, "the runner works", r.ready)
	e.must(t, s.resources("orders"), "create", "-f", "-")
	s.waitPhase(t, time.Minute, v1alpha1.DatabaseUsers, "orders-api", v1alpha1.PhaseReady, "")
	s.checkInjected(t, "orders", "orders-api")
	s.checkWhole(t, "orders")
	small := w.keepAsking(s.name, 3*time.Second, 10*time.Millisecond)
	time.Sleep(2 * time.Second)
	small.check(t, 5)
	r.tells(t, 10*time.Second, "dbtether_runner_results_total", `"provisioned"`, above(0))
	w.tells(t, 10*time.Second, "dbtether_webhook_reviews_total", `"patched"`, above(0))
	r.stop(t)
	w.stop(t)
}

// TestWebhookKilled kills the webhook as a node does that has no memory left, and starts it
// again: it serves the certificate that it had, and is called at once.
func TestWebhookKilled(t *testing.T) {
	e := newEnvironment(t)
	w := e.webhook(t, "")
	s := e.ordersSite(t)
	certificate := func() string {
		return e.must(t, "", "get", "secret", "dbtether-webhook-certificate", "-n", systemNamespace, "-o", `jsonpath={.data.tls\.crt}`)
	}
	before := certificate()
	w.kill()
	if _, err := e.kubectl(s.resources("refused"), "create", "-f", "-"); err == nil {
		t.Error("resources are accepted that nobody has judged")
	}
	again := e.webhook(t, "")
	if certificate() != before {
		t.Error("it made another certificate")
	}
	s.checkInjected(t, "orders", "orders-api")
	again.stop(t)
}
