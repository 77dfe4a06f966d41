package plugin

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// The failures of an apply agree on an exit code, or it is 1.
func TestFailures(t *testing.T) {
	denied, failed := withExitCode(errors.New("denied"), ExitDenied), errors.New("failed")
	cases := []struct {
		failures []error
		total    int
		want     int
	}{
		{[]error{denied}, 1, ExitDenied},
		{[]error{denied, denied}, 3, ExitDenied},
		{[]error{denied, failed}, 3, ExitFailed},
	}
	for _, c := range cases {
		streams, _, _, errOut := genericiooptions.NewTestIOStreams()
		f := failures{env: NewEnvironment(streams, "v0"), total: c.total}
		for _, err := range append(c.failures, nil) {
			f.add(err)
		}
		if got := explain(f.summary()).code; got != c.want {
			t.Errorf("%v of %d: code %d, want %d", c.failures, c.total, got, c.want)
		}
		if printed := strings.Count(errOut.String(), "error: "); printed != len(c.failures) && c.total > 1 || printed > 0 && c.total == 1 {
			t.Errorf("%v of %d: printed %q", c.failures, c.total, errOut)
		}
	}
	if err := (&failures{total: 3}).summary(); err != nil {
		t.Error(err)
	}
}
