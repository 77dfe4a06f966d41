package faults_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// awayFor is how long the API server is away: longer than the Lease lasts, and than the
// bookmarks of a watch are apart.
const awayFor = time.Minute

// TestAPIServerAway kills the API server and starts it again a minute later. The webhook
// answers from what it has read; the runner, who cannot renew its lease, ends before another
// could have it, and the next one goes on.
func TestAPIServerAway(t *testing.T) {
	e := newEnvironment(t)
	w := e.webhook(t, "")
	s := e.ordersSite(t)
	k := e.runner(t)
	testenv.Within(t, time.Minute, "the runner works", k.current().ready)
	r := k.current()
	r.tells(t, 30*time.Second, "dbtether_runner_leader", "", equal(1))
	inject := w.keepAsking(s.name, 3*time.Second, 50*time.Millisecond)

	must(t, e.kubernetes.HaltServer())
	halted := true
	t.Cleanup(func() {
		if halted { // for the tests after this one
			_ = e.kubernetes.ResumeServer(context.Background())
		}
	})
	away := time.Now()
	testenv.Within(t, 20*time.Second, "the runner gives up its lease", func() error {
		if !r.gone() {
			return fmt.Errorf("it works on")
		}
		return nil
	})
	w.tells(t, awayFor, "dbtether_webhook_watch_errors_total", "", above(0))
	if err := w.ready(); err != nil {
		t.Errorf("the webhook is not ready, and would get no reviews: %v", err)
	}
	time.Sleep(time.Until(away.Add(awayFor)))
	for _, resource := range []string{"namespaces", "dbclusters", "databases", "databaseusers"} {
		if age, err := w.metric("dbtether_webhook_index_age_seconds", `"`+resource+`"`); err != nil || age < awayFor.Seconds()-1 {
			t.Errorf("after %s without the API server the index of %s is %v s old, %v", awayFor, resource, age, err)
		}
	}
	inject.check(t, 20)

	must(t, e.kubernetes.ResumeServer(t.Context()))
	halted = false
	testenv.Within(t, time.Minute, "the API server calls the webhook again", func() error {
		_, err := e.kubectl(s.resources("later"), "apply", "--server-side", "-f", "-")
		return err
	})
	s.waitPhase(t, 90*time.Second, v1alpha1.DatabaseUsers, "later-api", v1alpha1.PhaseReady, "")
	s.checkInjected(t, "later", "later-api")
	s.checkWhole(t, "later")
	w.tells(t, 90*time.Second, "dbtether_webhook_index_age_seconds", `"databaseusers"`, func(age float64) bool { return age < 30 })
	k.current().tells(t, 30*time.Second, "dbtether_runner_leader", "", equal(1))
	if starts := k.end(t); starts < 2 {
		t.Errorf("the runner was started %d times", starts)
	}
	w.stop(t)
}
