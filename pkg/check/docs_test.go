package check

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

var (
	nameInSource = regexp.MustCompile(`(?m)^\tcheck[A-Z]\w*\s+= "([a-z-]+)"$`)
	nameInDocs   = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| \\S")
)

// docs/check.md has a row for each check, and for nothing else.
func TestDocumentListsTheChecks(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	checks := namesIn(t, nameInSource, files...)
	rows := namesIn(t, nameInDocs, filepath.Join("..", "..", "docs", "check.md"))
	if len(checks) == 0 || !slices.Equal(checks, rows) {
		t.Errorf("the checks are\n%q\ndocs/check.md lists\n%q", checks, rows)
	}
}

func namesIn(t *testing.T, pattern *regexp.Regexp, files ...string) []string {
	t.Helper()
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range pattern.FindAllStringSubmatch(string(text), -1) {
			names = append(names, match[1])
		}
	}
	slices.Sort(names)
	return names
}
