package testenv_test

import (
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func TestHomeHasKubectlAndThePlugin(t *testing.T) {
	c := testenv.SharedControlPlane(t)
	home, err := c.NewHome(t.TempDir(), testenv.SharedPrograms(t, "v0.1.0"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := home.Command("kubectl", "dbtether", "version").Output(); err != nil || !strings.HasPrefix(string(out), "Client Version: v0.1.0\n") {
		t.Errorf("got %q, %v", out, err)
	}
	if err := home.Use(t.TempDir()); err != nil {
		t.Error(err)
	}
	if out, err := home.Command("kubectl", "get", "namespaces", "-o", "name").Output(); err != nil || !strings.Contains(string(out), "namespace/default") {
		t.Errorf("got %q, %v", out, err)
	}
}
