package faults_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// TestPostgreSQLAway stops PostgreSQL under the runner and under a command, and starts it
// again. Meanwhile the status and the metrics say so, and a command says what to do;
// afterwards everything is completed, no later than the last wait has grown.
func TestPostgreSQLAway(t *testing.T) {
	e := newEnvironment(t)
	w := e.webhook(t, "")
	s := e.ordersSite(t)
	k := e.runner(t)
	testenv.Within(t, time.Minute, "the runner works", k.current().ready)
	r := k.current()

	must(t, e.postgres.Halt())
	down := time.Now()
	e.must(t, s.resources("meanwhile"), "create", "-f", "-")
	s.waitPhase(t, 30*time.Second, v1alpha1.DBClusters, s.name, v1alpha1.PhaseFailed, "nothing listens on")
	s.waitPhase(t, 30*time.Second, v1alpha1.Databases, "meanwhile", v1alpha1.PhaseFailed, "nothing listens on")
	r.tells(t, 30*time.Second, "dbtether_runner_unreachable_clusters", "", equal(1))
	r.tells(t, 30*time.Second, "dbtether_runner_errors_total", `reason="Unreachable"`, above(0))
	r.tells(t, 30*time.Second, "dbtether_runner_retrying", "", above(0))
	if c := s.plugin("db", "create", "byhand", "--cluster", s.name, "--user", "byhand-api"); c.err == nil || !strings.Contains(c.stderr, "nothing listens on") || !strings.Contains(c.stderr, "hint:") {
		t.Errorf("a command does not say what is wrong and what to do: %v", c)
	}
	small := w.keepAsking(s.name, 3*time.Second, 50*time.Millisecond)
	time.Sleep(8 * time.Second) // it is tried several times in vain
	small.check(t, 5)

	must(t, e.postgres.Resume(t.Context()))
	outage := time.Since(down)
	back := time.Now()
	s.waitPhase(t, outage+30*time.Second, v1alpha1.DatabaseUsers, "meanwhile-api", v1alpha1.PhaseReady, "")
	t.Logf("the outage was %s, and everything was ready %s after it", outage.Round(time.Second), time.Since(back).Round(time.Second))
	r.tells(t, 30*time.Second, "dbtether_runner_unreachable_clusters", "", equal(0))
	s.mustPlugin(t, "db", "create", "byhand", "--cluster", s.name, "--user", "byhand-api")
	for _, name := range []string{"orders", "meanwhile", "byhand"} {
		s.checkWhole(t, name)
	}
	k.end(t)
	w.stop(t)
}
