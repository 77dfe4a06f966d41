package monitoring

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestDashboardExpressions(t *testing.T) {
	got, err := DashboardExpressions([]byte(`{"templating": {"list": [{"type": "datasource", "name": "datasource", "query": "prometheus"},
		{"type": "query", "name": "namespace", "query": {"query": "label_values(up{job=\"x\"}, namespace)"}}]},
		"panels": [{"title": "A", "type": "row", "panels": [{"title": "B", "targets": [{"expr": "b", "legendFormat": "{{pod}} of {{ kind }}"}]}]},
		{"title": "C", "targets": [{"expr": "c"}, {"expr": "d"}]}]}`))
	want := []Expression{
		{Where: `variable "namespace"`, Text: `up{job="x"}`, Labels: []string{"namespace"}},
		{Where: `panel "B"`, Text: "b", Labels: []string{"pod", "kind"}},
		{Where: `panel "C"`, Text: "c"},
		{Where: `panel "C"`, Text: "d"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := DashboardExpressions([]byte(`{"templating": {"list": [{"type": "query", "name": "n", "query": {"query": "metrics(x)"}}]}}`)); err == nil {
		t.Error("a variable that is asked for in another way passes")
	}
}

// expressions are all of ours.
func expressions(t *testing.T) []Expression {
	t.Helper()
	ofDashboard, err := DashboardExpressions([]byte(read(t, "manifests/monitoring/dashboard.json")))
	if err != nil {
		t.Fatal(err)
	}
	ofRules, err := RuleExpressions([]byte(read(t, "manifests/monitoring/rules.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	if len(ofDashboard) < 30 || len(ofRules) < 20 {
		t.Fatalf("%d queries of the dashboard and %d of the alerts were found", len(ofDashboard), len(ofRules))
	}
	return append(ofDashboard, ofRules...)
}

// read returns a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
