package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

var root = filepath.Join("..", "..")

// TestHelmTakesTheChart gives Helm itself the archive: its objects are those of
// install.yaml, images included.
func TestHelmTakesTheChart(t *testing.T) {
	m := &making{options: options{version: "v1.2.3-rc.1", registry: "registry.test:5000/team"}, root: root, dist: t.TempDir()}
	if err := m.chart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.manifests(t.Context()); err != nil {
		t.Fatal(err)
	}
	helm := exec.Command("go", "tool", "-modfile=tools/helm/go.mod", "helm", "template", "dbtether",
		filepath.Join(m.dist, "dbtether-1.2.3-rc.1.tgz"), "--namespace", "dbtether-system", "--kube-version", "v1.30.0")
	helm.Dir, helm.Env = root, append(os.Environ(), "KUBECONFIG="+os.DevNull)
	var stderr strings.Builder
	helm.Stderr = &stderr
	rendered, err := helm.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	written, err := os.ReadFile(filepath.Join(m.dist, "install.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fromHelm, ours := objects(t, string(rendered)), objects(t, string(written))
	const image = "registry.test:5000/team/dbtether/webhook:v1.2.3-rc.1"
	if !strings.Contains(string(written), "image: "+image+"\n") {
		t.Errorf("install.yaml does not name %s", image)
	}
	// Helm makes the namespace by itself.
	delete(ours, "Namespace dbtether-system")
	for title, object := range ours {
		if !reflect.DeepEqual(fromHelm[title], object) {
			t.Errorf("%s: Helm has\n%v, install.yaml\n%v", title, fromHelm[title], object)
		}
	}
	if len(ours) == 0 || len(fromHelm) != len(ours) {
		t.Errorf("Helm has %d objects, install.yaml %d", len(fromHelm), len(ours))
	}
}

// objects returns the objects of a YAML file by kind and name, without what says who
// manages them.
func objects(t *testing.T, text string) map[string]any {
	t.Helper()
	found := map[string]any{}
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); err != nil {
			break
		}
		if len(object.Object) == 0 {
			continue
		}
		labels := object.GetLabels()
		delete(labels, install.LabelManagedBy)
		object.SetLabels(labels)
		annotations := object.GetAnnotations()
		delete(annotations, "helm.sh/resource-policy")
		object.SetAnnotations(annotations)
		found[object.GetKind()+" "+object.GetName()] = object.Object
	}
	return found
}

func TestChartFiles(t *testing.T) {
	const chart, values = "name: dbtether\nversion: 0.0.0\nappVersion: dev\n", "images:\n  prefix: dbtether\n"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	got, err := chartFiles(fstest.MapFS{"Chart.yaml": file(chart), "values.yaml": file(values), "templates/a.yaml": file("version: 0.0.0\n")}, "0.1.0", "v0.1.0", "x/y")
	want := []entry{
		{"dbtether/Chart.yaml", 0o644, []byte("name: dbtether\nversion: 0.1.0\nappVersion: v0.1.0\n")},
		{"dbtether/templates/a.yaml", 0o644, []byte("version: 0.0.0\n")},
		{"dbtether/values.yaml", 0o644, []byte("images:\n  prefix: x/y\n")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for want, folder := range map[string]fstest.MapFS{
		"set the version in the chart: it has no values.yaml":                                         {"Chart.yaml": file(chart)},
		`set the version in the chart's Chart.yaml: the line "appVersion: dev" is not there once`:     {"Chart.yaml": file("version: 0.0.0\n"), "values.yaml": file(values)},
		`set the version in the chart's values.yaml: the line "  prefix: dbtether" is not there once`: {"Chart.yaml": file(chart), "values.yaml": file(values + values)},
	} {
		if _, err := chartFiles(folder, "0.1.0", "v0.1.0", "x"); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
