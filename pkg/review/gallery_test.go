package review_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
	"github.com/dbtether/kubectl-dbtether/policies"
)

const (
	galleryDoc    = "../../docs/policies.md"
	galleryFolder = "../../docs/policies"
)

// TestGallery loads every example of docs/policies with its tests, lets it judge the
// object that it denies and the one that it allows, and compares what docs/policies.md
// shows. UPDATE_DOCS=1 rewrites that.
func TestGallery(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(galleryFolder, "*", "policy.yaml"))
	if err != nil || len(files) < 10 {
		t.Fatalf("there are %d examples: %v", len(files), err)
	}
	var shown strings.Builder
	for _, file := range files {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) { galleryExample(t, &shown, folder) })
	}
	text, err := os.ReadFile(galleryDoc)
	if err != nil {
		t.Fatal(err)
	}
	doc := between(t, string(text), "gallery", shown.String())
	doc = between(t, doc, "input", inputTable(t))
	switch {
	case doc == string(text):
	case os.Getenv("UPDATE_DOCS") != "" && !t.Failed():
		if err := os.WriteFile(galleryDoc, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not show what the examples and the schema say: UPDATE_DOCS=1 go test ./pkg/review -run TestGallery", galleryDoc)
	}
}

// galleryExample judges the objects of an example, and adds what the document shows.
func galleryExample(t *testing.T, shown *strings.Builder, folder string) {
	var document review.Document
	if err := yaml.Unmarshal(readFile(t, folder, "policy.yaml"), &struct {
		Metadata *metav1.ObjectMeta `json:"metadata"`
		Data     *map[string]string `json:"data"`
	}{&document.ObjectMeta, &document.Data}); err != nil {
		t.Fatal(err)
	}
	engine, err := policy.Load(t.Context(), policy.ReadSet([]review.Document{document}, noon), policy.Options{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if problems := engine.Problems(); len(problems) > 0 {
		t.Error(problems)
	}
	rows := engine.Policies()
	row := rows[len(rows)-1]
	denied, allowed := judge(t, engine, folder, "denied.yaml"), judge(t, engine, folder, "allowed.yaml")
	if codes := codesOf(denied.Outcome); len(codes) != 1 || codes[0] != row.Code {
		t.Errorf("denied.yaml: want %s, got %+v", row.Code, denied.Outcome)
	}
	if !allowed.Allowed || len(allowed.Decision.Warn)+len(allowed.Decision.DryRun) > 0 {
		t.Errorf("allowed.yaml: got %+v", allowed.Outcome)
	}
	fmt.Fprintf(shown, "\n### %s\n\n%s\n\n", packageTitle(t, document), packageDescription(t, document))
	fmt.Fprintf(shown, "```yaml\n%s```\n\nDenied: `%s`\n\n```yaml\n%s```\n\nAllowed:\n\n```yaml\n%s```\n", readFile(t, folder, "policy.yaml"),
		denied.Message, readFile(t, folder, "denied.yaml"), readFile(t, folder, "allowed.yaml"))
}

// judge lets an engine judge the object in a file, as a user who is nobody in particular.
func judge(t *testing.T, engine *policy.Engine, folder, file string) review.Examination {
	t.Helper()
	facts := &review.Objects{}
	for part := range strings.SplitSeq(string(readFile(t, galleryFolder, "data.yaml")), "\n---\n") {
		if err := facts.Add(toJSON(t, []byte(part))); err != nil {
			t.Fatal(err)
		}
	}
	request, err := review.Manifest{Object: toJSON(t, readFile(t, folder, file)), Namespace: "shop", User: review.User{Username: "jane", Groups: []string{"developers"}}}.Request()
	if err != nil {
		t.Fatal(err)
	}
	examiner := review.Examiner{Policies: engine, Now: func() time.Time { return noon }}
	examined, err := examiner.Examine(t.Context(), request, facts)
	if err != nil {
		t.Fatal(err)
	}
	return examined
}

// packageTitle and packageDescription return what the annotation of the policy says.
func packageTitle(t *testing.T, d review.Document) string { return annotated(t, d, "# title: ") }
func packageDescription(t *testing.T, d review.Document) string {
	return annotated(t, d, "# description: ")
}

func annotated(t *testing.T, document review.Document, key string) string {
	t.Helper()
	for file, text := range document.Data {
		if strings.HasSuffix(file, "_test.rego") {
			continue
		}
		if _, after, ok := strings.Cut(text, key); ok {
			line, _, _ := strings.Cut(after, "\n")
			return line
		}
	}
	t.Fatalf("%s has no %s", document.Name, key)
	return ""
}

// schemaNode is what is shown of the schema.
type schemaNode struct {
	Type        string                `json:"type"`
	Description string                `json:"description"`
	Properties  map[string]schemaNode `json:"properties"`
	Items       *schemaNode           `json:"items"`
}

// inputTable returns the schema of the input as a table.
func inputTable(t *testing.T) string {
	t.Helper()
	var root schemaNode
	if err := json.Unmarshal([]byte(policies.InputSchema), &root); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("\n| input | type | what it is |\n|---|---|---|\n")
	root.rows(&table, "")
	return table.String()
}

func (n schemaNode) rows(table *strings.Builder, prefix string) {
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		child := n.Properties[name]
		path, kind := prefix+name, child.Type
		below := child
		if child.Items != nil {
			kind = "list of " + child.Items.Type + "s"
			path += "[]"
			below = *child.Items
		}
		fmt.Fprintf(table, "| `%s` | %s | %s |\n", path, kind, strings.ReplaceAll(child.Description, "|", `\|`))
		below.rows(table, path+".")
	}
}

// between replaces what stands between the marks of a part.
func between(t *testing.T, doc, part, text string) string {
	t.Helper()
	before, rest, ok := strings.Cut(doc, "<!-- begin "+part)
	mark, rest, ok2 := strings.Cut(rest, "-->\n")
	_, after, ok3 := strings.Cut(rest, "<!-- end "+part+" -->")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("%s has no marks of the part %s", galleryDoc, part)
	}
	return before + "<!-- begin " + part + mark + "-->\n" + text + "\n<!-- end " + part + " -->" + after
}

func readFile(t *testing.T, folder, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
