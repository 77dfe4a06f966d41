package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstallCompleter(t *testing.T) {
	program := filepath.Join(t.TempDir(), "kubectl-dbtether")
	if err := os.WriteFile(program, []byte("binary"), 0o755); err != nil {
		t.Fatal(err)
	}
	// An older link is replaced.
	target := filepath.Join(filepath.Dir(program), completer)
	if err := os.Symlink("gone", target); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{target + " links to " + program, target + " is there already"} {
		if said, err := installCompleter(program, "", "linux"); err != nil || said != want {
			t.Errorf("got %q, %v, want %q", said, err, want)
		}
	}
	// What is no link is not ours.
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, completer), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := installCompleter(program, other, "linux"); err == nil || !strings.HasPrefix(explain(err).hint, "see what that file is") {
		t.Errorf("a file that is there already: %v", err)
	}
	// Windows has no links for everyone: a copy.
	dir := t.TempDir()
	if _, err := installCompleter(program, dir, "windows"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, completer+".exe")); err != nil || string(text) != "binary" {
		t.Errorf("%q, %v", text, err)
	}
}
