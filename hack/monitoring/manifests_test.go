package monitoring

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// A dashboard that names a data source shows nothing elsewhere.
func TestDashboardNamesNoDataSource(t *testing.T) {
	dashboard := read(t, "manifests/monitoring/dashboard.json")
	for _, match := range regexp.MustCompile(`"datasource": ([^{]|\{[^}]*\}[^}]*\})`).FindAllString(dashboard, -1) {
		if match != `"datasource": {"type": "prometheus", "uid": "${datasource}"}` {
			t.Errorf("got %s", match)
		}
	}
	for _, e := range expressions(t) {
		if !e.Alert && strings.HasPrefix(e.Where, "panel") && strings.Count(e.Text, "dbtether_") > strings.Count(e.Text, `namespace=~"$namespace"`) {
			t.Errorf("%s does not keep to the namespace that was chosen: %s", e.Where, e.Text)
		}
	}
}

// Each alert says how bad it is, what is wrong and what to do, and the document has its place.
func TestAlertsSayWhatToDo(t *testing.T) {
	alerts, err := Alerts([]byte(read(t, "manifests/monitoring/rules.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	document := read(t, "docs/observability.md")
	names := map[string]bool{}
	for _, alert := range alerts {
		if names[alert.Alert] {
			t.Errorf("there are two alerts %s", alert.Alert)
		}
		names[alert.Alert] = true
		if !slices.Contains([]string{"critical", "warning", "info"}, alert.Labels["severity"]) || alert.For == "" {
			t.Errorf("%s has severity %q, for %q", alert.Alert, alert.Labels["severity"], alert.For)
		}
		if got := slices.Sorted(maps.Keys(alert.Annotations)); !slices.Equal(got, []string{"description", "runbook_url", "summary"}) {
			t.Errorf("%s has the annotations %v", alert.Alert, got)
		}
		if _, anchor, _ := strings.Cut(alert.Annotations["runbook_url"], "/docs/observability.md#"); anchor != strings.ToLower(alert.Alert) {
			t.Errorf("%s points to %s", alert.Alert, alert.Annotations["runbook_url"])
		}
		if !strings.Contains(document, "\n### "+alert.Alert+"\n") {
			t.Errorf("docs/observability.md has no heading ### %s", alert.Alert)
		}
	}
	for _, match := range regexp.MustCompile(`(?m)^### (Dbtether\w+)$`).FindAllStringSubmatch(document, -1) {
		if !names[match[1]] {
			t.Errorf("docs/observability.md has the alert %s, which is not in rules.yaml", match[1])
		}
	}
}

// Each alert is tested both ways: promtool runs the tests (make alerts).
func TestAlertsAreTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Expressions []struct {
				Expr    string `json:"expr"`
				Samples []any  `json:"exp_samples"`
			} `json:"promql_expr_test"`
		} `json:"tests"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "manifests/monitoring/rules_test.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, e := range test.Expressions {
			name := strings.TrimSuffix(strings.TrimPrefix(e.Expr, `ALERTS{alertname="`), `", alertstate="firing"}`)
			fires[name] = fires[name] || len(e.Samples) > 0
			quiet[name] = quiet[name] || len(e.Samples) == 0
		}
	}
	alerts, err := Alerts([]byte(read(t, "manifests/monitoring/rules.yaml")))
	if err != nil || len(alerts) == 0 {
		t.Fatalf("%d alerts, %v", len(alerts), err)
	}
	for _, alert := range alerts {
		if !fires[alert.Alert] || !quiet[alert.Alert] {
			t.Errorf("rules_test.yaml needs a case in which %s fires and one in which it does not", alert.Alert)
		}
	}
}

// The monitors select pods that there are, by a port that they have.
func TestMonitorsSelectThePods(t *testing.T) {
	pods := map[string]map[string]any{} // the pod template by the name of its Deployment
	for _, object := range kustomized(t, "manifests/overlays/runner-watch") {
		if object["kind"] == "Deployment" {
			pods[inside(object, "metadata", "name").(string)] = inside(object, "spec", "template").(map[string]any)
		}
	}
	monitors := 0
	for _, object := range kustomized(t, "manifests/monitoring") {
		if object["kind"] != "PodMonitor" {
			continue
		}
		monitors++
		name := inside(object, "metadata", "name").(string)
		template := pods[name]
		labels, _ := inside(template, "metadata", "labels").(map[string]any)
		for key, value := range inside(object, "spec", "selector", "matchLabels").(map[string]any) {
			if labels[key] != value {
				t.Errorf("PodMonitor %s wants the label %s=%v, the pods have %v", name, key, value, labels[key])
			}
		}
		port := inside(object, "spec", "podMetricsEndpoints").([]any)[0].(map[string]any)["port"]
		container := inside(template, "spec", "containers").([]any)[0].(map[string]any)
		if !slices.ContainsFunc(container["ports"].([]any), func(p any) bool { return p.(map[string]any)["name"] == port }) {
			t.Errorf("PodMonitor %s wants the port %v, which the pods do not have", name, port)
		}
	}
	if monitors != len(pods) {
		t.Errorf("%d monitors for %d Deployments", monitors, len(pods))
	}
}

// kustomized returns the objects of a folder, its generated ones included.
func kustomized(t *testing.T, folder string) []map[string]any {
	t.Helper()
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "../../"+folder)
	if err != nil {
		t.Fatal(err)
	}
	var objects []map[string]any
	for _, resource := range rendered.Resources() {
		object, err := resource.Map()
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
	return objects
}

// inside walks into an object; nil where there is nothing.
func inside(object map[string]any, path ...string) any {
	var value any = object
	for _, key := range path {
		fields, _ := value.(map[string]any)
		value = fields[key]
	}
	return value
}
