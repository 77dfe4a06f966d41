package plugin

import (
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Nothing is shown, and nobody is asked, where there is no terminal.
func TestWithoutTerminal(t *testing.T) {
	streams, in, out, errOut := genericiooptions.NewTestIOStreams()
	in.WriteString("main\n")
	env := NewEnvironment(streams, "v0")
	progress := env.newProgress()
	progress.step("working")
	progress.done()
	if explained := explain(env.confirmName(t.Context(), "Remove it", "main", false)); explained.code != ExitUsage || explained.hint != "add --yes" {
		t.Errorf("%+v", explained)
	}
	if err := env.confirmName(t.Context(), "Remove it", "main", true); err != nil {
		t.Error(err)
	}
	if out.Len()+errOut.Len() > 0 {
		t.Errorf("stdout %q, stderr %q", out, errOut)
	}
}
