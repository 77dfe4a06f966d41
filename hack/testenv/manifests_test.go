package testenv_test

import (
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func TestApplyRefusesAPatternOfNothing(t *testing.T) {
	err := (&testenv.ControlPlane{}).Apply("nothing/*.yaml")
	if want := `find manifests "nothing/*.yaml": there are none`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestApplyWaitsForDefinitions(t *testing.T) {
	c := testenv.SharedControlPlane(t)
	if err := c.Apply("crd/*.yaml"); err != nil {
		t.Fatal(err)
	}
	if out := mustKubectl(t, c, c.Kubeconfig, "get", "databases,databaseusers,dbclusters", "--all-namespaces"); strings.Contains(out, "error") {
		t.Error(out)
	}
}
