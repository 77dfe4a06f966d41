package plugin_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// A cluster without the resource definitions is a control plane of its own: the
// shared one has them.
func TestWithoutResourceDefinitions(t *testing.T) {
	p := installed(t)
	bare, err := testenv.StartControlPlane(context.Background(), testenv.ControlPlaneOptions{Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bare.Stop(); err != nil {
			t.Error(err)
		}
	})
	const want = "error: this cluster does not know the resources of dbtether.io\n" +
		"hint:  install the resource definitions: kubectl dbtether crds | kubectl apply --server-side -f -\n"
	for _, args := range []string{
		"db list",
		"db list -o name",
		"user describe x",
		"cluster remove x -y",
		"cluster add x --check=false --endpoint h --credentials-from-env U,P",
	} {
		cmd := exec.Command(filepath.Join(p.bin, "kubectl-dbtether"), append(strings.Fields(args), "--kubeconfig", bare.Kubeconfig)...)
		out, err := cmd.CombinedOutput()
		if err == nil || string(out) != want {
			t.Errorf("%s: %v, got\n%s", args, err, out)
		}
	}
}
