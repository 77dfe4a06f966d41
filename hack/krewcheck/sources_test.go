package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
)

// What git ignores and what is not there any more are left out, the rest is
// copied, whether it is committed or not.
func TestCopySources(t *testing.T) {
	source, target := folder(t, map[string]string{".gitignore": "/dist/\n", "a/b": "1", "gone": "2", "dist/c": "3"}), t.TempDir()
	git(t, source, "init", "--quiet")
	git(t, source, "add", "gone")
	must(t, os.Remove(filepath.Join(source, "gone")))
	must(t, copySources(t.Context(), source, target))
	got, err := filesOf(target)
	must(t, err)
	if want := []string{".gitignore", filepath.Join("a", "b")}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	expectError(t, "a folder without a repository", copySources(t.Context(), t.TempDir(), target), "list the sources: ")
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}
