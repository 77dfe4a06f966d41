package runner_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/runner"
	"github.com/dbtether/kubectl-dbtether/pkg/telemetry"
)

// TestTraces checks that the work on a resource is told with its steps: which statements
// run, and nothing that they say.
func TestTraces(t *testing.T) {
	s := newSite(t)
	collector, err := testenv.StartCollector()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(collector.Stop)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	traces, stop, err := telemetry.Traces(t.Context(), func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL}[name]
	}, telemetry.Service{Name: "dbtether-runner"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	name := "traces-" + s.id
	s.namespace(t, name)
	s.cluster(t, name, name, nil)
	w := s.start(t, s.admin, func(o *runner.Options) { o.Namespace, o.Traces = name, traces })
	if err := s.create(t, v1alpha1.KindDatabase, name, "orders", map[string]any{"clusterRef": map[string]any{"name": name}, "databaseName": "orders_" + s.id}); err != nil {
		t.Fatal(err)
	}
	if err := s.create(t, v1alpha1.KindDatabaseUser, name, "api", map[string]any{"databaseRef": map[string]any{"name": "orders"}, "username": "login_" + s.id}); err != nil {
		t.Fatal(err)
	}
	s.waitPhase(t, v1alpha1.KindDatabaseUser, name, "api", v1alpha1.PhaseReady)
	w.stop()
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for root, steps := range map[string][]string{
		"reconcile Database":     {"\n  plan\n", "\n    authorise\n", "\n    postgresql read\n", "\n  apply\n", "\n    postgresql transaction\n", "\n    postgresql CREATE DATABASE\n", "kubernetes PATCH\n"},
		"reconcile DatabaseUser": {"\n    postgresql connect\n", "\n    postgresql transaction\n", "kubernetes POST\n"},
	} {
		for _, step := range steps {
			if tree := collector.Tree(root); !strings.Contains(tree, step) {
				t.Errorf("%s has no step %q:\n%s", root, step, tree)
			}
		}
	}
	for _, span := range collector.Spans() {
		text := fmt.Sprint(span)
		if strings.Contains(text, "SCRAM-SHA-256") || strings.Contains(text, "login_"+s.id) {
			t.Errorf("a span has something of a statement: %s", text)
		}
	}
}
