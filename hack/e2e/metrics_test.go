package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/monitoring"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// asksPrometheus lets a Prometheus scrape the pods of the webhook and of the runner, and
// asks it all that the dashboard asks: while pods are admitted and refused, and while there
// is something that the runner cannot do.
func (s *site) asksPrometheus(t *testing.T) {
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "manifests", "monitoring", "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	panels, err := monitoring.DashboardExpressions(text)
	if err != nil {
		t.Fatal(err)
	}
	targets := s.targets(t)
	if len(targets) != 3 {
		t.Fatalf("the targets are %v", targets)
	}
	prometheus := testenv.OwnPrometheus(t, testenv.PrometheusOptions{Targets: targets})
	s.apply(t, read(t, "wrong.yaml"))
	admitted := app(t, "watched")
	refused := strings.ReplaceAll(admitted, "orders-api", "nobody")
	eventually(t, "the queries of the dashboard find something", func() error {
		// A rate wants reviews while Prometheus looks.
		if said, err := s.run(admitted, "create", "--dry-run=server", "-f", "-"); err != nil {
			return errors.New(said)
		}
		if said, err := s.run(refused, "create", "--dry-run=server", "-f", "-"); err == nil {
			t.Fatalf("a pod is given what is not there: %s", said)
		}
		silent, err := monitoring.Silent(t.Context(), prometheus.URL, panels)
		for _, e := range silent {
			err = errors.Join(err, fmt.Errorf("%s finds nothing: %s", e.Where, e.Query()))
		}
		return err
	})
}

// targets are the pods of an installation that have metrics.
func (s *site) targets(t *testing.T) []testenv.PrometheusTarget {
	t.Helper()
	said := s.kubectl(t, "get", "pods", "-n", "dbtether-system", "-l", "app.kubernetes.io/name=dbtether", "-o", `jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\n"}{end}`)
	var targets []testenv.PrometheusTarget
	for line := range strings.Lines(said) {
		name, address, _ := strings.Cut(strings.TrimSpace(line), " ")
		targets = append(targets, testenv.PrometheusTarget{Address: address + ":8080", Labels: map[string]string{"namespace": "dbtether-system", "pod": name}})
	}
	return targets
}
