package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestSecretValue(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ argument, stdin, want, stderr string }{
		{"-", "secret\n", "secret", ""},
		{"-", "secret\r\n", "secret", ""},
		{"-", "two\n\n", "two\n", ""},
		{"-", "bare", "bare", ""},
		{"@" + file, "", "from file\n", ""},
		{"visible", "", "visible", "warning: --password on the command line"},
	}
	for _, c := range cases {
		streams, in, _, errOut := genericiooptions.NewTestIOStreams()
		in.WriteString(c.stdin)
		got, err := NewEnvironment(streams, "v0").secretValue(t.Context(), "password", c.argument, "Password")
		if err != nil || got != c.want || !strings.HasPrefix(errOut.String(), c.stderr) || (c.stderr == "") != (errOut.Len() == 0) {
			t.Errorf("%q with stdin %q: %q, %v, stderr %q", c.argument, c.stdin, got, err, errOut)
		}
	}
}
