package install

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pmezard/go-difflib/difflib"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func defaults() Parameters { return Defaults("v1.2.3") }

func render(t testing.TB, change func(*Parameters)) []*unstructured.Unstructured {
	t.Helper()
	p := defaults()
	if change != nil {
		change(&p)
	}
	objects, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// text is the YAML of objects; of those that are what stands in the manifests, whatever
// the parameters, only the names.
func text(t testing.TB, objects []*unstructured.Unstructured) string {
	t.Helper()
	var all strings.Builder
	for _, object := range objects {
		all.WriteString("---\n")
		switch object.GetKind() {
		case "CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ClusterRole":
			all.WriteString("# " + Title(object) + "\n")
			continue
		}
		out, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(out)
	}
	return all.String()
}

// What each parameter changes, as a difference to the defaults.
func TestRender(t *testing.T) {
	standard := text(t, render(t, nil))
	golden(t, "defaults.yaml", standard)
	for _, c := range []struct {
		name   string
		change func(*Parameters)
	}{
		{"images", func(p *Parameters) {
			p.ImagePrefix, p.Version, p.ImagePullSecrets = "registry.example.com:5000/team/dbtether", "v9.0.0-rc.1", []string{"pull"}
		}},
		{"runner_watch", func(p *Parameters) { p.Runner = RunnerWatch }},
		{"runner_cronjob", func(p *Parameters) { p.Runner, p.Schedule = RunnerCronJob, "@hourly" }},
		{"cert_manager", func(p *Parameters) { p.Certificate = CertificateCertManager }},
		{"pods", func(p *Parameters) {
			p.Replicas, p.CPU, p.Memory, p.MemoryLimit, p.Debug, p.PodLabels = 3, "1", "1Gi", "2Gi", true, map[string]string{"team": "platform"}
		}},
		{"client_ca", func(p *Parameters) { p.ClientCA, p.ClientNames = "kube-root-ca.crt", []string{"kube-apiserver"} }},
		{"webhook_url", func(p *Parameters) { p.WebhookURL = "https://webhook.example.com:8443" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			difference, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
				A: difflib.SplitLines(standard), B: difflib.SplitLines(text(t, render(t, c.change))), Context: 2,
			})
			if err != nil {
				t.Fatal(err)
			}
			golden(t, c.name+".diff", difference)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		difference, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: difflib.SplitLines(string(want)), B: difflib.SplitLines(got), FromFile: file, ToFile: "got", Context: 3})
		t.Errorf("%s\ngo test ./pkg/install -update rewrites it", difference)
	}
}

// Each object stands behind those that it needs, once.
func TestOrder(t *testing.T) {
	objects := render(t, func(p *Parameters) { p.Runner, p.Certificate = RunnerWatch, CertificateCertManager })
	last := -1
	seen := map[string]bool{}
	for _, object := range objects {
		if _, err := ResourceOf(object); err != nil {
			t.Error(err)
		}
		if rank(object) < last {
			t.Errorf("%s stands too late", Title(object))
		}
		if last = rank(object); seen[Title(object)] {
			t.Errorf("%s is there twice", Title(object))
		}
		seen[Title(object)] = true
		if object.GetLabels()[LabelManagedBy] != ManagedBy {
			t.Errorf("%s is not marked as ours", Title(object))
		}
	}
}

// kustomized returns what `kubectl apply -k` of a folder of the manifests applies.
func kustomized(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join("..", "..", "manifests", folder))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	objects, err := parse(stream)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// The kustomizations describe what the command install applies, but for the label by
// which that knows its own.
func TestKustomizations(t *testing.T) {
	for folder, change := range map[string]func(*Parameters){
		"base":                    func(*Parameters) {},
		"overlays/runner-cronjob": func(p *Parameters) { p.Runner = RunnerCronJob },
		"overlays/runner-watch":   func(p *Parameters) { p.Runner = RunnerWatch },
		"overlays/cert-manager":   func(p *Parameters) { p.Certificate = CertificateCertManager },
	} {
		t.Run(folder, func(t *testing.T) {
			want := render(t, func(p *Parameters) {
				p.Version = "dev"
				change(p)
			})
			for _, object := range want {
				unmark(object)
			}
			compare(t, kustomized(t, folder), want)
		})
	}
}

func unmark(object *unstructured.Unstructured) {
	labels := object.GetLabels()
	delete(labels, LabelManagedBy)
	if len(labels) == 0 {
		labels = nil
	}
	object.SetLabels(labels)
}

// compare compares objects by kind and name, in any order.
func compare(t *testing.T, got, want []*unstructured.Unstructured) {
	t.Helper()
	for _, w := range want {
		i := slices.IndexFunc(got, func(g *unstructured.Unstructured) bool { return same(g, w) })
		if i < 0 {
			t.Errorf("%s is missing", Title(w))
			continue
		}
		g, err := yaml.Marshal(got[i].Object)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := yaml.Marshal(w.Object)
		if err != nil {
			t.Fatal(err)
		}
		if string(g) != string(ours) {
			difference, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: difflib.SplitLines(string(ours)), B: difflib.SplitLines(string(g)), Context: 3})
			t.Errorf("%s differs:\n%s", Title(w), difference)
		}
	}
	for _, left := range Left(got, want) {
		t.Errorf("%s is too much", Title(left))
	}
}
