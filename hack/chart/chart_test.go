package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pmezard/go-difflib/difflib"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

var root = filepath.Join("..", "..")

// helm runs the Helm that tools/helm pins, in the repository's folder.
func helm(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	return helmAt(t, os.DevNull, args...)
}

// helmAt is helm for the cluster of a kubeconfig.
func helmAt(t *testing.T, kubeconfig string, args ...string) (out string, err error) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"tool", "-modfile=tools/helm/go.mod", "helm"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// The version of Kubernetes is given: one that no release has built takes 1.20 for it.
func templated(t *testing.T, set ...string) string {
	t.Helper()
	args := []string{"template", "dbtether", "manifests/chart", "--kube-version", "v1.30.0", "--namespace", "dbtether-system", "--set", "images.version=v1.0.0"}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	out, err := helm(t, args...)
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// Each value of the chart does what the flag of the command install does.
func TestChartIsWhatInstallApplies(t *testing.T) {
	for _, c := range []struct {
		name   string
		set    []string
		change func(*install.Parameters)
	}{
		{"defaults", nil, func(*install.Parameters) {}},
		{"images", []string{"images.prefix=registry.example.com/x", "images.pullSecrets={one,two}", "runner.mode=cronjob"}, func(p *install.Parameters) {
			p.ImagePrefix, p.ImagePullSecrets, p.Runner = "registry.example.com/x", []string{"one", "two"}, install.RunnerCronJob
		}},
		{"cronjob", []string{"runner.mode=cronjob", "runner.schedule=@hourly", "podLabels.team=platform"}, func(p *install.Parameters) {
			p.Runner, p.Schedule, p.PodLabels = install.RunnerCronJob, "@hourly", map[string]string{"team": "platform"}
		}},
		{"watch", []string{"runner.mode=watch", "webhook.certificate=cert-manager"}, func(p *install.Parameters) {
			p.Runner, p.Certificate = install.RunnerWatch, install.CertificateCertManager
		}},
		{"pods", []string{"webhook.replicas=5", "webhook.debug=true", "resources.cpu=500m", "resources.memory=1Gi", "resources.memoryLimit=2Gi", "podLabels.a=b"}, func(p *install.Parameters) {
			p.Replicas, p.Debug, p.CPU, p.Memory, p.MemoryLimit, p.PodLabels = 5, true, "500m", "1Gi", "2Gi", map[string]string{"a": "b"}
		}},
		{"clients", []string{"webhook.clientCA.configMap=kube-root-ca.crt", "webhook.clientCA.names={a,b}"}, func(p *install.Parameters) {
			p.ClientCA, p.ClientNames = "kube-root-ca.crt", []string{"a", "b"}
		}},
		{"clients, cert-manager", []string{"webhook.clientCA.configMap=authority", "webhook.certificate=cert-manager"}, func(p *install.Parameters) {
			p.ClientCA, p.Certificate = "authority", install.CertificateCertManager
		}},
		{"elsewhere", []string{"webhook.url=https://webhook.example.com:8443"}, func(p *install.Parameters) { p.WebhookURL = "https://webhook.example.com:8443" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := install.Defaults("v1.0.0")
			c.change(&p)
			objects, err := install.Render(p)
			if err != nil {
				t.Fatal(err)
			}
			got := decode(t, templated(t, c.set...))
			for _, want := range objects {
				if want.GetKind() == "Namespace" { // Helm's own
					continue
				}
				got = compare(t, got, want)
			}
			for _, left := range got {
				t.Errorf("%s is too much", install.Title(left))
			}
		})
	}
}

// compare compares one object with that of its title and returns the others.
func compare(t *testing.T, got []*unstructured.Unstructured, want *unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
	i := slices.IndexFunc(got, func(o *unstructured.Unstructured) bool { return install.Title(o) == install.Title(want) })
	if i < 0 {
		t.Errorf("%s is missing", install.Title(want))
		return got
	}
	labels := want.GetLabels()
	labels[install.LabelManagedBy] = "Helm"
	want.SetLabels(labels)
	if want.GetKind() == "CustomResourceDefinition" {
		annotations := want.GetAnnotations()
		annotations["helm.sh/resource-policy"] = "keep"
		want.SetAnnotations(annotations)
	}
	a, errA := yaml.Marshal(want.Object)
	b, errB := yaml.Marshal(got[i].Object)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if !bytes.Equal(a, b) {
		difference, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: difflib.SplitLines(string(a)), B: difflib.SplitLines(string(b)), Context: 3})
		t.Errorf("%s differs:\n%s", install.Title(want), difference)
	}
	return slices.Delete(got, i, i+1)
}

func decode(t *testing.T, stream string) []*unstructured.Unstructured {
	t.Helper()
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(stream), 4096)
	var objects []*unstructured.Unstructured
	for {
		var fields map[string]any
		err := decoder.Decode(&fields)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(fields) == 0 {
			continue
		}
		text, err := yaml.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		text, err = yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
}

func TestChartIsCurrent(t *testing.T) {
	files, err := templates()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, "manifests", "chart", "templates", name))
		if err != nil || string(got) != want {
			t.Errorf("%s is not what make generate writes: %v", name, err)
		}
	}
}

func TestChartLint(t *testing.T) {
	if out, err := helm(t, "lint", "--strict", "--namespace", "dbtether-system", "manifests/chart"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What makes no sense is refused before anything is installed.
func TestChartRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--namespace", "shop"}, "dbtether lives in one namespace: add --namespace dbtether-system --create-namespace"},
		{[]string{"--namespace", "dbtether-system", "--set", "webhook.url=https://x,webhook.certificate=cert-manager"}, "set webhook.url or webhook.certificate, not both"},
		{[]string{"--namespace", "dbtether-system", "--set", "webhook.url=https://x,webhook.clientCA.configMap=x"}, "set webhook.url or webhook.clientCA, not both"},
		{[]string{"--namespace", "dbtether-system", "--set", "webhook.clientCA.names={a}"}, "names of clients say nothing without webhook.clientCA.configMap"},
		{[]string{"--namespace", "dbtether-system", "--set", "webhook.replicas=0"}, "webhook"},
		{[]string{"--namespace", "dbtether-system", "--set", "runner.mode=often"}, "runner"},
		{[]string{"--namespace", "dbtether-system", "--set", "replicas=2"}, "replicas"},
		{[]string{"--namespace", "dbtether-system", "--kube-version", "v1.29.9"}, "chart requires kubeVersion: >=" + install.OldestKubernetes + ".0-0"},
	} {
		out, err := helm(t, append([]string{"template", "dbtether", "manifests/chart", "--kube-version", "v1.30.0"}, c.args...)...)
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%q: %v\n%s", c.args, err, out)
		}
	}
}

// A real API server takes every object, without a warning: Pod Security's among them.
func TestChartIsAccepted(t *testing.T) {
	server := testenv.OwnControlPlane(t, testenv.ControlPlaneOptions{})
	kubectl := func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.Command(server.Kubectl, append([]string{"--kubeconfig", server.Kubeconfig}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	namespace, err := os.ReadFile(filepath.Join(root, "manifests", "system", "namespace.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	kubectl(string(namespace), "apply", "--server-side", "-f", "-")
	for _, mode := range []string{"cronjob", "watch"} {
		out := kubectl(templated(t, "runner.mode="+mode), "apply", "--server-side", "--dry-run=server", "-f", "-")
		if strings.Contains(out, "Warning") || !strings.Contains(out, "dbtether-runner serverside-applied (server dry run)") {
			t.Errorf("%s:\n%s", mode, out)
		}
	}
	release(t, server, kubectl)
}

// release installs, upgrades and uninstalls: what a version has not any more goes, what
// holds data stays, and it can be installed again beside that.
func release(t *testing.T, server *testenv.ControlPlane, kubectl func(stdin string, args ...string) string) {
	t.Helper()
	run := func(args ...string) {
		t.Helper()
		args = append(args, "--namespace", "dbtether-system")
		if out, err := helmAt(t, server.Kubeconfig, args...); err != nil {
			t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	ours := func() string {
		t.Helper()
		out := kubectl("", "get", "customresourcedefinitions,clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,"+
			"mutatingwebhookconfigurations,validatingwebhookconfigurations", "-o", "name")
		out += kubectl("", "get", "-n", "dbtether-system", "serviceaccounts,roles,rolebindings,services,poddisruptionbudgets,deployments,cronjobs", "-o", "name")
		var names []string
		for name := range strings.Lines(out) {
			if strings.Contains(name, "dbtether") {
				names = append(names, strings.TrimSpace(name))
			}
		}
		return strings.Join(names, "\n")
	}
	const chart = "manifests/chart"
	run("install", "dbtether", chart, "--set", "images.version=v1.0.0,runner.mode=watch")
	if names := ours(); !strings.Contains(names, "deployment.apps/dbtether-webhook") || !strings.Contains(names, "deployment.apps/dbtether-runner") {
		t.Errorf("installed is\n%s", names)
	}
	run("upgrade", "dbtether", chart, "--set", "images.version=v1.1.0,runner.mode=cronjob")
	if names := ours(); strings.Contains(names, "deployment.apps/dbtether-runner") || !strings.Contains(names, "cronjob.batch/dbtether-runner") {
		t.Errorf("after the upgrade there is\n%s", names)
	}
	run("rollback", "dbtether", "1")
	if image := kubectl("", "get", "deployment", "dbtether-runner", "-n", "dbtether-system", "-o", "jsonpath={.spec.template.spec.containers[0].image}"); image != "dbtether/plugin:v1.0.0" {
		t.Errorf("after the rollback the runner is %s", image)
	}
	run("uninstall", "dbtether")
	definitions := "customresourcedefinition.apiextensions.k8s.io/databases.dbtether.io\ncustomresourcedefinition.apiextensions.k8s.io/databaseusers.dbtether.io\n" +
		"customresourcedefinition.apiextensions.k8s.io/dbclusters.dbtether.io"
	if names := ours(); names != definitions {
		t.Errorf("after the uninstallation there is\n%s", names)
	}
	run("install", "dbtether", chart, "--set", "images.version=v1.1.0")
	run("uninstall", "dbtether")
}
