package plugin

import (
	"fmt"
	"io"
	"time"

	"github.com/pmezard/go-difflib/difflib"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// said is what the policies say of an object, as -o json and yaml print it.
type said struct {
	Verdict  string            `json:"verdict"` // allowed, denied or unjudged
	Message  string            `json:"message,omitempty"`
	Deny     []policy.Finding  `json:"deny,omitempty"`
	Warn     []policy.Finding  `json:"warn,omitempty"`
	DryRun   []policy.Finding  `json:"dryRun,omitempty"`
	Excepted []policy.Excepted `json:"excepted,omitempty"`
}

// unjudged is notJudged as a document has it: one word.
const unjudged = "unjudged"

func newSaid(state string, e review.Examination) said {
	if state == notJudged {
		state = unjudged
	}
	return said{state, e.Message, e.Findings, e.Decision.Warn, e.Decision.DryRun, e.Decision.Excepted}
}

// findingLines returns what was found, in lines; those about the one before are indented.
func findingLines(e review.Examination, names map[string]string) []string {
	var lines []string
	add := func(label string, f policy.Finding) {
		lines = append(lines, fmt.Sprintf("%s%s: %s", label, f.Code, review.OneLine(f.Message)))
		for _, line := range []struct{ name, text string }{{"fix", review.OneLine(f.Fix)}, {"at", review.OneLine(f.Path)}, {"by", names[f.Policy]}} {
			if line.text != "" {
				lines = append(lines, fmt.Sprintf("  %-4s %s", line.name, line.text))
			}
		}
	}
	for _, finding := range e.Findings {
		add("", finding)
	}
	for _, finding := range e.Decision.Warn {
		add("warning: ", finding)
	}
	for _, finding := range e.Decision.DryRun {
		add("dryrun: ", finding)
	}
	for _, x := range e.Decision.Excepted {
		add("excepted: ", x.Finding)
		lines = append(lines, fmt.Sprintf("  until %s by %s: %s", x.Expires.UTC().Format(time.RFC3339), x.Exception, x.Reason))
	}
	return lines
}

// writeDiff prints how two objects, given as JSON, differ as YAML; nothing if they do not.
func writeDiff(out io.Writer, before, after []byte, from, to string) error {
	a, err := yaml.JSONToYAML(before)
	if err != nil {
		return err
	}
	b, err := yaml.JSONToYAML(after)
	if err != nil {
		return err
	}
	return difflib.WriteUnifiedDiff(out, difflib.UnifiedDiff{A: difflib.SplitLines(string(a)), B: difflib.SplitLines(string(b)),
		FromFile: from, ToFile: to, Context: 3})
}
