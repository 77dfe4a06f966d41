package transcript

import (
	"strings"
	"testing"
)

func TestShell(t *testing.T) {
	shell, err := StartShell(t.TempDir(), []string{"PATH=/usr/bin:/bin"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shell.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := shell.Script(t.Context(), "x=1\ncd /"); err != nil {
		t.Fatal(err)
	}
	printed, code, err := shell.Command(t.Context(), `echo "$x in $PWD"; echo to stderr >&2; cat; (exit 7)`)
	if printed != "1 in /\nto stderr\n" || code != 7 || err != nil {
		t.Errorf("got %q, %d, %v", printed, code, err)
	}
	err = shell.Script(t.Context(), "echo first\nfalse\necho second")
	if err == nil || !strings.Contains(err.Error(), "exit code 1\nfirst") || strings.Contains(err.Error(), "second") {
		t.Errorf("a script that fails: %v", err)
	}
	if _, code, err = shell.Command(t.Context(), "false; true"); code != 0 || err != nil {
		t.Errorf("after a failed script: %d, %v", code, err)
	}
	if _, _, err = shell.Command(t.Context(), "exit 3"); err == nil {
		t.Error("a command that ends the shell is no error")
	}
}
