package plugin

import (
	"errors"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestReport(t *testing.T) {
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	env := NewEnvironment(streams, "v0")
	code := env.report(Hinted(errors.New("first\nsecond"), "do\nthis"))
	want := "error: first\n       second\nhint:  do\n       this\n"
	if code != ExitFailed || out.Len() > 0 || errOut.String() != want {
		t.Errorf("code %d, stdout %q, stderr\n%s", code, out, errOut)
	}
}
