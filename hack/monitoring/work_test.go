package monitoring

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// TestQueries lets the webhook and the runner work, and asks all that the dashboard and
// the alerts ask: first whether there is each metric and label, then a Prometheus.
func TestQueries(t *testing.T) {
	s := newSite(t)
	s.work(t)
	exposed := Exposed{}
	for _, address := range []string{s.webhook, s.runner} {
		text, err := scrape(address)
		if err != nil {
			t.Fatal(err)
		}
		if err := exposed.Read(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	all := expressions(t)
	for _, sentence := range Missing(all, exposed) {
		t.Error(sentence)
	}
	prometheus := s.watched(t)
	panels := slices.DeleteFunc(slices.Clone(all), func(e Expression) bool { return e.Alert })
	testenv.Within(t, time.Minute, "each query of the dashboard finds something", func() error {
		s.pods(t) // a rate wants reviews while Prometheus looks
		silent, err := Silent(t.Context(), prometheus, panels)
		for _, e := range silent {
			err = errors.Join(err, fmt.Errorf("%s finds nothing: %s", e.Where, e.Query()))
		}
		return err
	})
	readAsPrometheusDoes(t, prometheus, all)
	rulesAreEvaluated(t, prometheus, len(all)-len(panels))
}

const systems = `apiVersion: dbtether.io/v1alpha1
kind: DBCluster
metadata: {name: gone}
spec: {endpoint: 127.0.0.1, port: 1, credentialsSecretRef: {name: gone, namespace: dbtether-system}}
---
apiVersion: v1
kind: Secret
metadata: {name: gone, namespace: dbtether-system}
stringData: {username: admin, password: none}
`

const resources = `apiVersion: dbtether.io/v1alpha1
kind: Database
metadata: {name: orders, namespace: shop}
spec: {clusterRef: {name: main}, databaseName: DATABASE}
---
apiVersion: dbtether.io/v1alpha1
kind: DatabaseUser
metadata: {name: orders-api, namespace: shop}
spec: {databaseRef: {name: orders}, username: DATABASE_api}
---
apiVersion: dbtether.io/v1alpha1
kind: DatabaseUser
metadata: {name: astray, namespace: shop}
spec: {databaseRef: {name: nowhere}, username: DATABASE_astray}
`

// work is what makes every series: reviews of each entry, allowed, patched and denied, and
// resources that become ready and that fail.
func (s *site) work(t *testing.T) {
	t.Helper()
	s.kubectl(t, "", "create", "namespace", "shop")
	s.kubectl(t, "", "create", "namespace", "team-b")
	s.kubectl(t, "", "label", "namespace", "shop", "dbtether.io/injection=enabled")
	s.kubectl(t, s.postgres.AdminPassword, "dbtether", "cluster", "add", "main", "--endpoint", s.postgres.Host, "--port", fmt.Sprint(s.postgres.Port),
		"--admin-username", s.postgres.Admin, "--admin-password", "-", "--allowed-namespaces", "shop", "--credentials-namespace", "dbtether-system")
	s.kubectl(t, systems, "apply", "-f", "-")
	mine := strings.ReplaceAll(resources, "DATABASE", "monitoring_"+strings.TrimPrefix(s.webhook, "127.0.0.1:"))
	s.kubectl(t, mine, "apply", "-f", "-")
	s.refused(t, "CLUSTER-NOT-ALLOWED", strings.ReplaceAll(mine, "namespace: shop", "namespace: team-b"), "create", "-f", "-")
	s.kubectl(t, "", "wait", "--for=condition=Ready", "databaseuser/orders-api", "-n", "shop", "--timeout=60s")
	shows(t, s.runner, "dbtether_runner_unreachable_clusters 1")
	shows(t, s.runner, `dbtether_runner_errors_total{kind="DatabaseUser"`)
	shows(t, s.runner, `phase="Failed"} 1`)
	s.pods(t)
}

// pods lets the API server ask about pods and templates; nothing is stored.
func (s *site) pods(t *testing.T) {
	t.Helper()
	const pod = `apiVersion: v1
kind: Pod
metadata: {name: app, namespace: shop, annotations: {dbtether.io/inject: USER}}
spec: {containers: [{name: app, image: example/app:1}]}
`
	const reader = `apiVersion: v1
kind: Pod
metadata: {name: reader, namespace: shop}
spec: {containers: [{name: app, image: example/app:1, envFrom: [{secretRef: {name: SECRET}}]}]}
`
	const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: shop}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}, annotations: {dbtether.io/inject: orders-api}}
    spec: {containers: [{name: app, image: example/app:1}]}
`
	dryRun := []string{"create", "--dry-run=server", "-f", "-"}
	s.kubectl(t, strings.ReplaceAll(pod, "USER", "orders-api"), dryRun...)
	s.refused(t, "nobody", strings.ReplaceAll(pod, "USER", "nobody"), dryRun...)
	s.kubectl(t, strings.ReplaceAll(reader, "SECRET", "other"), dryRun...)
	s.kubectl(t, deployment, dryRun...)
}

// watched starts a Prometheus that scrapes both, with the alerts, and returns its URL.
func (s *site) watched(t *testing.T) string {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	p := testenv.OwnPrometheus(t, testenv.PrometheusOptions{
		Rules: []string{filepath.Join(root, "manifests", "monitoring", "rules.yaml")},
		Targets: []testenv.PrometheusTarget{
			{Address: s.webhook, Labels: map[string]string{"namespace": "dbtether-system", "pod": "dbtether-webhook-1"}},
			{Address: s.runner, Labels: map[string]string{"namespace": "dbtether-system", "pod": "dbtether-runner-1"}},
		}})
	return p.URL
}

// rulesAreEvaluated asks how Prometheus itself fares with the alerts.
func rulesAreEvaluated(t *testing.T, prometheus string, want int) {
	t.Helper()
	testenv.Within(t, time.Minute, "the alerts are evaluated", func() error {
		response, err := http.Get(prometheus + "/api/v1/rules")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		var answer struct {
			Data struct {
				Groups []struct {
					Rules []struct{ Name, Health, LastError string }
				}
			}
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			return err
		}
		count := 0
		for _, group := range answer.Data.Groups {
			for _, rule := range group.Rules {
				if count++; rule.Health != "ok" {
					return fmt.Errorf("%s is %s: %s", rule.Name, rule.Health, rule.LastError)
				}
			}
		}
		if count != want {
			return fmt.Errorf("there are %d", count)
		}
		return nil
	})
}

// readAsPrometheusDoes compares what is taken out of each expression with what
// Prometheus' own parser says of it.
func readAsPrometheusDoes(t *testing.T, prometheus string, all []Expression) {
	t.Helper()
	for _, e := range all {
		response, err := http.Get(prometheus + "/api/v1/parse_query?" + url.Values{"query": {e.Query()}}.Encode())
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Data any }
		err = json.NewDecoder(response.Body).Decode(&answer)
		_ = response.Body.Close()
		if err != nil || answer.Data == nil {
			t.Fatalf("%s: Prometheus does not read it: %s, %v", e.Where, response.Status, err)
		}
		got, err := usesOf(e.Query())
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		walk(answer.Data, &want)
		have := slices.Concat(got.metrics, got.grouped)
		for _, labels := range got.matched {
			have = append(have, labels...)
		}
		slices.Sort(want)
		slices.Sort(have)
		if !slices.Equal(have, want) {
			t.Errorf("%s: read as %v, by Prometheus as %v: %s", e.Where, have, want, e.Query())
		}
	}
}

// walk collects the metrics of a parsed query, the labels that select and those that group.
func walk(node any, names *[]string) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			walk(child, names)
		}
	case map[string]any:
		if node["type"] == "vectorSelector" || node["type"] == "matrixSelector" {
			*names = append(*names, node["name"].(string))
			for _, matcher := range node["matchers"].([]any) {
				if label := matcher.(map[string]any)["name"].(string); label != "__name__" {
					*names = append(*names, label)
				}
			}
			return
		}
		for key, child := range node {
			if key == "grouping" || key == "labels" || key == "include" {
				labels, _ := child.([]any)
				for _, label := range labels {
					*names = append(*names, label.(string))
				}
				continue
			}
			walk(child, names)
		}
	}
}
