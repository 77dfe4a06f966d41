package runner_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/runner"
)

var served = regexp.MustCompile(`"metrics":"([0-9.:]+)"`)

// ask returns what the runner answers to a path.
func (w *atWork) ask(t *testing.T, path string) (int, string) {
	t.Helper()
	var address string
	eventually(t, "metrics are served", func() error {
		found := served.FindStringSubmatch(w.said())
		if found == nil {
			return fmt.Errorf("it says %s", w.said())
		}
		address = found[1]
		return nil
	})
	response, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestMetrics checks what the metrics say of work that succeeded and that failed, and that
// they name nothing of anybody.
func TestMetrics(t *testing.T) {
	s := newSite(t)
	name := "metrics-" + s.id
	s.namespace(t, name)
	s.cluster(t, name, name, nil)
	for _, one := range []struct {
		kind, name string
		spec       map[string]any
	}{
		{v1alpha1.KindDatabase, "orders", map[string]any{"clusterRef": map[string]any{"name": name}, "databaseName": "orders_" + s.id}},
		{v1alpha1.KindDatabaseUser, "refused", map[string]any{"databaseRef": map[string]any{"name": "orders"}, "username": "refused_" + s.id, "settings": map[string]any{"log_statement": "all"}}},
	} {
		if err := s.create(t, one.kind, name, one.name, one.spec); err != nil {
			t.Fatal(err)
		}
	}
	w := s.start(t, s.admin, func(o *runner.Options) { o.Namespace, o.MetricsListen = name, "127.0.0.1:0" })
	s.waitPhase(t, v1alpha1.KindDatabase, name, "orders", v1alpha1.PhaseReady)
	s.waitPhase(t, v1alpha1.KindDatabaseUser, name, "refused", v1alpha1.PhaseFailed)
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, text := w.ask(t, path); code != http.StatusOK || text != "ok\n" {
			t.Errorf("%s answers %d: %s", path, code, text)
		}
	}
	wants := []string{`dbtether_runner_results_total{action="provisioned",kind="Database"} 1`, `dbtether_runner_results_total{action="unchanged",kind="DBCluster"}`,
		`dbtether_runner_results_total{action="failed",kind="DatabaseUser"}`, `dbtether_runner_errors_total{kind="DatabaseUser",reason="Refused"}`,
		`dbtether_runner_work_duration_seconds_count{kind="Database"}`, "dbtether_runner_leader 1", "dbtether_runner_queue_depth ",
		"dbtether_runner_last_success_timestamp_seconds 1.", "dbtether_runner_unreachable_clusters 0",
		`dbtether_runner_resources{kind="Database",phase="Ready"} 1`, `dbtether_runner_resources{kind="DatabaseUser",phase="Failed"} 1`,
		"dbtether_runner_rotations_due 0", "dbtether_runner_expired_users 0", "dbtether_runner_secrets_due 0", "dbtether_runner_retrying 1",
		`dbtether_runner_build_info{goversion="go1.`, "process_resident_memory_bytes "}
	eventually(t, "all is counted", func() error {
		_, text := w.ask(t, "/metrics")
		for _, want := range wants {
			if !strings.Contains(text, want) {
				return fmt.Errorf("there is no %s in\n%s", want, text)
			}
		}
		if strings.Contains(text, s.id) {
			t.Errorf("a name is told:\n%s", text)
		}
		return nil
	})
	w.stop()
}

// TestNotElected checks that a runner which may not ask for the lease does nothing, and is
// not ready.
func TestNotElected(t *testing.T) {
	s := newSite(t)
	name := "unelected-" + s.id
	as := s.account(t, name, s.rightsOf(t)[:1]) // what it may do everywhere, and nothing in dbtether-system
	w := s.start(t, as, func(o *runner.Options) { o.Leases, o.MetricsListen = as.kube.CoordinationV1(), "127.0.0.1:0" })
	eventually(t, "it says that it cannot get the lease", func() error {
		if said := w.said(); !strings.Contains(said, `cannot get resource "leases"`) {
			return fmt.Errorf("it says %s", said)
		}
		return nil
	})
	if code, text := w.ask(t, "/readyz"); code != http.StatusServiceUnavailable || text != "not ready: which runner works is not known yet\n" {
		t.Errorf("it answers %d: %s", code, text)
	}
	w.stop()
}

// TestNotReady checks that a runner which may not read the policies does nothing, and is
// not ready.
func TestNotReady(t *testing.T) {
	s := newSite(t)
	name := "blind-" + s.id
	s.namespace(t, name)
	s.cluster(t, name, name, nil)
	if err := s.create(t, v1alpha1.KindDatabase, name, "orders", map[string]any{"clusterRef": map[string]any{"name": name}, "databaseName": "orders_" + s.id}); err != nil {
		t.Fatal(err)
	}
	roles := s.rightsOf(t)
	as := s.account(t, name, roles[:1]) // what it may do everywhere, and nothing in dbtether-system
	w := s.start(t, as, func(o *runner.Options) { o.Namespace, o.MetricsListen = name, "127.0.0.1:0" })
	eventually(t, "it says that it cannot read the policies", func() error {
		if said := w.said(); !strings.Contains(said, `cannot list resource "configmaps"`) {
			return fmt.Errorf("it says %s", said)
		}
		return nil
	})
	if code, text := w.ask(t, "/readyz"); code != http.StatusServiceUnavailable || text != "not ready: the resources have not been read yet\n" {
		t.Errorf("it answers %d: %s", code, text)
	}
	if code, _ := w.ask(t, "/healthz"); code != http.StatusOK {
		t.Errorf("it is not healthy: %d", code)
	}
	if phase, message := s.status(t, v1alpha1.KindDatabase, name, "orders"); phase != "" {
		t.Errorf("it has worked without the policies: %s: %s", phase, message)
	}
	w.stop()
}
