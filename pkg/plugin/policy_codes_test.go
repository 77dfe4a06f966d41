package plugin

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/manifests"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// Every code that the webhook says without a policy, and every one of the policies in
// the API server, is explained.
func TestOwnCodes(t *testing.T) {
	var explained []string
	for _, row := range ownCodes() {
		if row.Title == "" || row.Description == "" || row.Fix == "" || row.Source == "" {
			t.Errorf("%s is not explained: %+v", row.Code, row)
		}
		explained = append(explained, row.Code)
	}
	said := codesInManifests(t)
	for code, file := range codesInReview(t) {
		said[code] = file
	}
	if len(said) < 10 {
		t.Fatalf("only %v are said", said)
	}
	for code, file := range said {
		if !slices.Contains(explained, code) {
			t.Errorf("%s of %s is not explained", code, file)
		}
	}
}

func codesInManifests(t *testing.T) map[string]string {
	t.Helper()
	said := map[string]string{}
	pattern := regexp.MustCompile(`'([A-Z]+(?:-[A-Z]+)+): `)
	files, err := fs.Glob(manifests.FS, "policies/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(manifests.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		noteCodes(said, pattern, file, text)
	}
	return said
}

func codesInReview(t *testing.T) map[string]string {
	t.Helper()
	said := map[string]string{}
	pattern := regexp.MustCompile(`"([A-Z]+(?:-[A-Z]+)+)(?:"|: )`)
	files, err := filepath.Glob("../review/*.go")
	if err != nil {
		t.Fatal(err)
	}
	said[policy.CodeError] = "../policy"
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		noteCodes(said, pattern, file, text)
	}
	return said
}

// noteCodes adds the codes that a file says, which are the first group of the pattern.
func noteCodes(said map[string]string, pattern *regexp.Regexp, file string, text []byte) {
	for _, match := range pattern.FindAllSubmatch(text, -1) {
		said[string(match[1])] = file
	}
}
