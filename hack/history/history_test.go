package history

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository makes one with three commits, the second of which may have a tag.
func repository(t *testing.T, tag string) string {
	t.Helper()
	root := t.TempDir()
	script := `set -e; git init -q; git config user.name n; git config user.email n@example.com; git config commit.gpgsign false
for n in 1 2 3; do echo $n > file; git add file; git commit -qm $n; if test $n = 2 && test -n "$TAG"; then git tag "$TAG"; fi; done`
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "TAG="+tag, "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return root
}

func TestPrevious(t *testing.T) {
	t.Setenv("DBTETHER_PREVIOUS", "")
	tagged := repository(t, "v0.1.0")
	_, commit, err := Previous(t.Context(), tagged)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "sources")
	if err := Unpack(t.Context(), tagged, commit, folder); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(folder, "file")); err != nil || string(text) != "2\n" {
		t.Errorf("the tagged commit has %q, %v", text, err)
	}
	// Tags of something else are no versions, and commit.txt is of another history.
	if _, _, err := Previous(t.Context(), repository(t, "nightly")); !errors.Is(err, ErrMissing) {
		t.Errorf("without the commit: %v", err)
	}
	if _, _, err := Previous(t.Context(), t.TempDir()); !errors.Is(err, ErrMissing) || strings.Contains(err.Error(), "shallow") || !strings.Contains(err.Error(), "not a git repository") {
		t.Errorf("without a repository: %v", err)
	}
	t.Setenv("DBTETHER_PREVIOUS", "HEAD~2")
	_, other, err := Previous(t.Context(), tagged)
	if err != nil || other == commit {
		t.Errorf("what is asked for is not taken: %s, %v", other, err)
	}
}

func TestPinnedCommit(t *testing.T) {
	if got, err := pinnedCommit(pinned); err != nil || len(strings.Fields(got)) != 1 {
		t.Errorf("commit.txt: %q, %v", got, err)
	}
	if got, err := pinnedCommit("# nothing\n\n"); err == nil {
		t.Errorf("got %q", got)
	}
}
