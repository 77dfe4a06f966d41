package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"sigs.k8s.io/yaml"
)

// The operator's copy has the groups of the rule file, and both files are what
// make generate writes.
func TestGenerated(t *testing.T) {
	folder := filepath.Join("..", "..", "manifests", "monitoring")
	out := t.TempDir()
	if err := run(filepath.Join(folder, "rules.yaml"), out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dashboard.json", "prometheusrule.yaml"} {
		if read(t, folder, name) != read(t, out, name) {
			t.Errorf("%s is not what its source says: make generate", name)
		}
	}
	var plain, object map[string]any
	if err := yaml.UnmarshalStrict([]byte(read(t, folder, "rules.yaml")), &plain); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict([]byte(read(t, folder, "prometheusrule.yaml")), &object); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(object["spec"], any(plain)) || len(plain) != 1 {
		t.Error("prometheusrule.yaml has other groups than rules.yaml: make generate")
	}
}

func read(t *testing.T, folder, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
