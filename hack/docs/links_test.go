package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/docs/reference"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	block   = regexp.MustCompile("(?s)```.*?\n *```")
	inCode  = regexp.MustCompile("(?s)```.*?\n```|`[^`\n]*`")
)

// TestLinks follows the links between the pages, to files and to headings.
func TestLinks(t *testing.T) {
	followed := 0
	for _, path := range pages(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(inCode.ReplaceAllString(string(text), "code"), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			followed++
			file, anchor, _ := strings.Cut(found[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			there, err := os.Stat(target)
			if err != nil {
				t.Errorf("%s: link to %q: %v", filepath.Base(path), found[1], err)
				continue
			}
			if anchor != "" && !there.IsDir() && !hasHeading(t, target, anchor) {
				t.Errorf("%s: link to %q: there is no such heading", filepath.Base(path), found[1])
			}
		}
	}
	if followed < 50 {
		t.Errorf("only %d links were found", followed)
	}
}

func hasHeading(t *testing.T, path, anchor string) bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A comment of a shell looks like a heading.
	for _, found := range heading.FindAllStringSubmatch(block.ReplaceAllString(string(text), ""), -1) {
		if reference.Anchor(found[1]) == "#"+anchor {
			return true
		}
	}
	return false
}
