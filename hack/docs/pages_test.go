package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/docs/page"
	"github.com/dbtether/kubectl-dbtether/hack/docs/transcript"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// TestPages does what README.md and the pages of docs say, each on servers of its own, and
// compares what is printed with what they show. What a page needs before its first command
// is in testdata/<page>.sh. With UPDATE_DOCS=1 the output that differs is written into the
// page.
func TestPages(t *testing.T) {
	for _, path := range pages(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".md"), func(t *testing.T) {
			t.Parallel()
			read, err := readPage(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, violation := range read.Violations() {
				t.Errorf("%s, %s", filepath.Base(path), violation)
			}
			if onNode := slices.ContainsFunc(read.Steps(), func(s page.Step) bool { return s.OnNode && s.Kind != page.File }); onNode && filepath.Base(path) != page.OfNode {
				t.Errorf("%s says that it is run on the node, and hack/e2e runs %s only: give its blocks a reason (not run: …)", filepath.Base(path), page.OfNode)
			}
			steps := slices.DeleteFunc(read.Steps(), func(s page.Step) bool { return s.OnNode })
			if slices.ContainsFunc(steps, func(s page.Step) bool { return s.Kind != page.File }) {
				perform(t, path, read, steps)
			}
		})
	}
}

func perform(t *testing.T, path string, read *page.Page, steps []page.Step) {
	t.Helper()
	name := strings.TrimSuffix(filepath.Base(path), ".md")
	skipWithout(t, steps, "openssl", "psql", "pg_dump", "pg_dumpall", "pg_restore")
	s := newSite(t)
	setup, err := os.ReadFile(filepath.Join("testdata", name+".sh"))
	if strings.Contains(string(setup), "$OLDER_HOST") {
		s.startOlder(t)
	}
	if err == nil {
		err = s.prepare(string(setup))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	run, err := s.run()
	if err != nil {
		t.Fatal(err)
	}
	defer run.Shell.Close()
	var different []page.Printed
	for _, step := range steps {
		printed, err := run.Step(t.Context(), step)
		if err != nil {
			t.Errorf("%s:%d: %s: %v", path, step.Line, step.Text, err)
			break // what follows builds on it
		}
		if step.Kind != page.Command || transcript.Matches(step.Want, printed) {
			continue
		}
		different = append(different, page.Printed{Step: step, Lines: printed})
		if os.Getenv("UPDATE_DOCS") == "" {
			t.Errorf("%s:%d: %s\nprints:\n%s\nthe page shows:\n%s\nUPDATE_DOCS=1 writes it into the page", path, step.Line, step.Text,
				strings.Join(printed, "\n"), strings.Join(step.Want, "\n"))
		}
	}
	if os.Getenv("UPDATE_DOCS") != "" && len(different) > 0 {
		if err := os.WriteFile(path, []byte(read.Rewritten(different)), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: the output of %d commands was written anew", path, len(different))
	}
}

// skipWithout skips a page that uses a program which a machine need not have.
func skipWithout(t *testing.T, steps []page.Step, programs ...string) {
	t.Helper()
	for _, program := range programs {
		_, err := exec.LookPath(program)
		uses := func(s page.Step) bool { return s.Kind != page.File && slices.Contains(strings.Fields(s.Text), program) }
		if err != nil && slices.ContainsFunc(steps, uses) {
			t.Skipf("the page uses %s, which is not installed", program)
		}
	}
}

// pages returns README.md and all pages of docs.
func pages(t *testing.T) []string {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob(filepath.Join(root, "docs", "*", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{filepath.Join(root, "README.md")}, append(found, deeper...)...)
}

func readPage(path string) (*page.Page, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return page.Parse(string(text))
}
