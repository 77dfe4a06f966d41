package plugin

import (
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/dbtether/kubectl-dbtether/pkg/check"
)

// A level has a colour on a terminal that wants one, and is a word everywhere.
func TestShowFinding(t *testing.T) {
	finding := check.Finding{Check: "floor-binding", Level: check.LevelError, Text: "first\nsecond", Fix: "mend it"}
	for _, c := range []struct {
		name     string
		terminal Terminal
		wide     bool
		want     string
	}{
		{"piped", Terminal{Color: true}, false, "  error    first\n           second\n           mend it\n"},
		{"a terminal", Terminal{Out: true, Color: true}, false, "  \x1b[31merror   \x1b[0m first\n           second\n           mend it\n"},
		{"a terminal without colour", Terminal{Out: true}, false, "  error    first\n           second\n           mend it\n"},
		{"wide", Terminal{}, true, "  error    floor-binding                first\n                                        second\n                                        mend it\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			streams, _, out, _ := genericiooptions.NewTestIOStreams()
			env := NewEnvironment(streams, "v0")
			env.Terminal = c.terminal
			showFinding(env, finding, c.wide)
			if out.String() != c.want {
				t.Errorf("got %q, want %q", out, c.want)
			}
		})
	}
}
