package testenv_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func kubectl(t *testing.T, c *testenv.ControlPlane, kubeconfig string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(c.Kubectl, append([]string{"--kubeconfig", kubeconfig}, args...)...).CombinedOutput()
	return string(out), err
}

func mustKubectl(t *testing.T, c *testenv.ControlPlane, kubeconfig string, args ...string) string {
	t.Helper()
	out, err := kubectl(t, c, kubeconfig, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// newNamespace makes one that no other test has, also in a control plane that is
// shared between runs.
func newNamespace(t *testing.T, c *testenv.ControlPlane) string {
	t.Helper()
	manifest := filepath.Join(t.TempDir(), "namespace.json")
	if err := os.WriteFile(manifest, []byte(`{"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "testenv-"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return mustKubectl(t, c, c.Kubeconfig, "create", "--filename", manifest, "--output=jsonpath={.metadata.name}")
}

func TestAdminSeesNamespaces(t *testing.T) {
	c := testenv.SharedControlPlane(t)
	names := strings.Fields(mustKubectl(t, c, c.Kubeconfig, "get", "namespaces", "--output=name"))
	if !strings.Contains(strings.Join(names, " "), "namespace/default") {
		t.Errorf("namespaces are %q, without default", names)
	}
	if !strings.HasPrefix(c.Version, "v1.") {
		t.Errorf("version is %q", c.Version)
	}
}

func TestUserMayDoWhatRBACGrants(t *testing.T) {
	c := testenv.SharedControlPlane(t)
	namespace := "--namespace=" + newNamespace(t, c)
	jane, err := c.KubeconfigFor("jane", "developers")
	if err != nil {
		t.Fatal(err)
	}
	out, err := kubectl(t, c, jane, "get", "secrets", namespace)
	if err == nil || !strings.Contains(out, "Forbidden") || !strings.Contains(out, `"jane"`) {
		t.Fatalf("jane, who has no rights, was not refused by name: %v\n%s", err, out)
	}
	mustKubectl(t, c, c.Kubeconfig, "create", "role", "reader", namespace, "--verb=get,list", "--resource=configmaps")
	mustKubectl(t, c, c.Kubeconfig, "create", "rolebinding", "developers-read", namespace, "--role=reader", "--group=developers")
	mustKubectl(t, c, jane, "get", "configmaps", namespace)
	if out, err := kubectl(t, c, jane, "create", "configmap", "x", namespace); err == nil {
		t.Errorf("a reader created a ConfigMap: %s", out)
	}
}

func TestServiceAccountGetsToken(t *testing.T) {
	c := testenv.SharedControlPlane(t)
	name := newNamespace(t, c)
	namespace := "--namespace=" + name
	mustKubectl(t, c, c.Kubeconfig, "create", "serviceaccount", "robot", namespace)
	token := strings.TrimSpace(mustKubectl(t, c, c.Kubeconfig, "create", "token", "robot", namespace))
	out := mustKubectl(t, c, anonymousKubeconfig(t, c), "auth", "whoami", "--token="+token)
	if !strings.Contains(out, "system:serviceaccount:"+name+":robot") {
		t.Errorf("the token's bearer is not the service account:\n%s", out)
	}
}

func TestStoppedControlPlaneRefusesFaults(t *testing.T) {
	c := testenv.OwnControlPlane(t, testenv.ControlPlaneOptions{})
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	for what, fault := range map[string]func() error{
		"halt the API server":        c.HaltServer,
		"resume the API server":      func() error { return c.ResumeServer(t.Context()) },
		"send etcd stopped (signal)": c.StopEtcd,
		"send etcd continued":        c.ContinueEtcd,
	} {
		if err := fault(); err == nil || err.Error() != what+": it is stopped" {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// anonymousKubeconfig has the server's address and no credentials.
func anonymousKubeconfig(t *testing.T, c *testenv.ControlPlane) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustKubectl(t, c, path, "config", "set-cluster", "x", "--server="+c.URL, "--certificate-authority="+c.CAFile)
	mustKubectl(t, c, path, "config", "set-context", "x", "--cluster=x")
	mustKubectl(t, c, path, "config", "use-context", "x")
	return path
}
