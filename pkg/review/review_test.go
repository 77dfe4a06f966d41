package review_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pmezard/go-difflib/difflib"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

var update = flag.Bool("update", false, "rewrite the golden outcomes")

// TestGolden answers the review in each file of testdata/<function>. A file has
// the parts review.yaml, the AdmissionReview; facts.yaml, what there is in the
// cluster; and outcome.json, the answer.
func TestGolden(t *testing.T) {
	reviewer := review.Reviewer{Policies: newEngine(t), Now: func() time.Time { return noon }}
	functions := map[string]func(context.Context, *review.Request, review.Facts) review.Outcome{
		"inject":    reviewer.Inject,
		"enforce":   reviewer.Enforce,
		"guard":     reviewer.Guard,
		"resources": reviewer.Resources,
		"templates": reviewer.Templates,
	}
	for name, function := range functions {
		files, err := filepath.Glob(filepath.Join("testdata", name, "*.txtar"))
		if err != nil || len(files) == 0 {
			t.Fatalf("testdata/%s has no cases: %v", name, err)
		}
		for _, file := range files {
			t.Run(name+"/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				c := readCase(t, file)
				request, err := review.Decode(c.review)
				if err != nil {
					t.Fatal(err)
				}
				c.compare(t, function(t.Context(), request, c.facts))
			})
		}
	}
}

func newEngine(tb testing.TB) *policy.Engine {
	tb.Helper()
	engine, err := policy.Load(context.Background(), policy.Set{}, policy.Options{Timeout: 30 * time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	return engine
}

// goldenCase is one file of testdata.
type goldenCase struct {
	file    string
	archive *txtar.Archive
	review  []byte
	facts   *review.Objects
}

func readCase(t testing.TB, file string) goldenCase {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := goldenCase{file: file, archive: archive, facts: &review.Objects{}}
	c.review = toJSON(t, c.part("review.yaml"))
	for document := range strings.SplitSeq(string(c.part("facts.yaml")), "\n---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		if err := c.facts.Add(toJSON(t, []byte(document))); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c goldenCase) part(name string) []byte {
	for _, file := range c.archive.Files {
		if file.Name == name {
			return file.Data
		}
	}
	return nil
}

func (c goldenCase) compare(t *testing.T, outcome review.Outcome) {
	t.Helper()
	got := describe(t, outcome)
	if want := string(c.part("outcome.json")); got != want && !*update {
		diff, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: difflib.SplitLines(want), B: difflib.SplitLines(got), FromFile: "want", ToFile: "got", Context: 3})
		t.Errorf("%s: the outcome differs (-update rewrites it):\n%s", c.file, diff)
	}
	if !*update {
		return
	}
	files := c.archive.Files[:0:0]
	for _, file := range c.archive.Files {
		if file.Name != "outcome.json" {
			files = append(files, file)
		}
	}
	files = append(files, txtar.File{Name: "outcome.json", Data: []byte(got)})
	c.archive.Files = files
	if err := os.WriteFile(c.file, txtar.Format(c.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// describe returns an outcome as a person would read it. Findings are shown by
// the message that is made of them.
func describe(t *testing.T, outcome review.Outcome) string {
	t.Helper()
	shown := struct {
		Allowed  bool            `json:"allowed"`
		Code     int32           `json:"code"`
		Message  string          `json:"message,omitempty"`
		Warnings []string        `json:"warnings,omitempty"`
		Patch    json.RawMessage `json:"patch,omitempty"`
	}{outcome.Allowed, outcome.Code, outcome.Message, outcome.Warnings, outcome.Patch}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(shown); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func toJSON(t testing.TB, document []byte) []byte {
	t.Helper()
	text, err := yaml.YAMLToJSON(document)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
