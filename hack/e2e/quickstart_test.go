package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/docs/page"
	"github.com/dbtether/kubectl-dbtether/hack/docs/transcript"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// TestQuickstart does what docs/quickstart.md says, where it says that it is run on the
// node, and compares what is printed with what it shows. Only the images are others: those
// of this version, and one that hack/postgresimage has made for postgres:18.
func TestQuickstart(t *testing.T) {
	plugin := newPlugin(t)
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(root, "bin", "e2e", "postgres.missing")); err == nil {
		t.Skip(strings.TrimSpace(string(text)))
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", page.OfNode))
	if err != nil {
		t.Fatal(err)
	}
	read, err := page.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	shell, err := transcript.StartShell(folder, append(os.Environ(), "PATH="+plugin, "LANG=C.UTF-8", "TERM=dumb"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shell.Close(); err != nil {
			t.Error(err)
		}
	})
	run := transcript.Run{Shell: shell, Folder: folder, Typed: strings.NewReplacer(
		"--image-prefix registry.example.com/dbtether --image-version v0.1.0", "--image-prefix registry.test/dbtether --image-version e2e").Replace}
	commands := 0
	for _, step := range read.Steps() {
		if step.Kind != page.File && !step.OnNode {
			continue
		}
		printed, err := run.Step(t.Context(), step)
		if err != nil {
			t.Fatalf("docs/quickstart.md:%d: %s: %v", step.Line, step.Text, err)
		}
		if step.Kind == page.Command {
			commands++
			if !transcript.Matches(step.Want, printed) {
				t.Errorf("docs/quickstart.md:%d: %s\nprints:\n%s\nthe page shows:\n%s", step.Line, step.Text, strings.Join(printed, "\n"), strings.Join(step.Want, "\n"))
			}
		}
	}
	if commands < 10 {
		t.Errorf("only %d commands of the page were run", commands)
	}
}
