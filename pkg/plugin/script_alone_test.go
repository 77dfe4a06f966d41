package plugin_test

import (
	"context"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// TestScriptsAlone runs the scripts that concern all of a Kubernetes cluster: its
// resource definitions, and what is in every namespace. They get an API server of
// their own, without the resource definitions. PostgreSQL is the shared one.
func TestScriptsAlone(t *testing.T) {
	p := installed(t)
	alone, err := testenv.StartControlPlane(context.Background(), testenv.ControlPlaneOptions{Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := alone.Stop(); err != nil {
			t.Error(err)
		}
	})
	runScripts(t, "testdata/alone", program{server: alone, bin: p.bin})
}
