package plugin_test

import "testing"

// TestScriptsAlone runs the scripts that concern all of a Kubernetes cluster: its
// resource definitions, and what is in every namespace. They get an API server of
// their own, without the resource definitions. PostgreSQL is the shared one.
func TestScriptsAlone(t *testing.T) {
	p := installed(t)
	runScripts(t, "testdata/alone", program{server: ownControlPlane(t), bin: p.bin})
}
