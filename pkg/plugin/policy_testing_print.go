package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pmezard/go-difflib/difflib"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// show prints the verdicts as text, or as the document that -o asks for.
func (t *policyTest) show(env *Environment, verdicts []verdict, names map[string]string) error {
	if !t.print.human() {
		documents := make([]verdictDocument, len(verdicts))
		for i, v := range verdicts {
			documents[i] = newVerdictDocument(v)
		}
		return printDocument(env, t.print.output, documents)
	}
	for _, v := range verdicts {
		v.write(env.Out, names)
		if t.explain {
			writeTraces(env.Out, v.Traces, names)
		}
		if err := t.showObject(env.Out, v); err != nil {
			return err
		}
	}
	return nil
}

// subject names the object of a verdict: "pod/web in shop".
func (v verdict) subject() string {
	name := v.GetName()
	if name == "" {
		name = v.GetGenerateName()
	}
	text := strings.ToLower(v.GetKind()) + "/" + name
	if group := v.GroupVersionKind().Group; group != "" {
		text = strings.ToLower(v.GetKind()) + "." + group + "/" + name
	}
	if v.namespace != "" {
		text += " in " + v.namespace
	}
	return text
}

// state is the verdict in one word.
func (v verdict) state() string {
	switch {
	case !v.judged():
		return "not judged"
	case v.Allowed:
		return "allowed"
	default:
		return "denied"
	}
}

// write prints the verdict, and under it what was found.
func (v verdict) write(out io.Writer, names map[string]string) {
	fmt.Fprintf(out, "%s: %s\n", v.subject(), v.state())
	switch {
	case v.err != nil:
		fmt.Fprintf(out, "  %v\n", v.err)
	case len(v.Findings) == 0 && v.Message != "":
		fmt.Fprintf(out, "  %s\n", v.Message)
	}
	if v.Allowed && v.Injected != "" {
		fmt.Fprintf(out, "  injected  %s\n", v.Injected)
	}
	for _, finding := range v.Findings {
		writeFinding(out, "", finding, names)
	}
	for _, finding := range v.Decision.Warn {
		writeFinding(out, "warning: ", finding, names)
	}
	for _, finding := range v.Decision.DryRun {
		writeFinding(out, "dryrun: ", finding, names)
	}
	for _, x := range v.Decision.Excepted {
		writeFinding(out, "excepted: ", x.Finding, names)
		fmt.Fprintf(out, "    until %s by %s: %s\n", x.Expires.UTC().Format(time.RFC3339), x.Exception, x.Reason)
	}
}

func writeFinding(out io.Writer, label string, f policy.Finding, names map[string]string) {
	fmt.Fprintf(out, "  %s%s: %s\n", label, f.Code, review.OneLine(f.Message))
	for _, line := range []struct{ name, text string }{{"fix", review.OneLine(f.Fix)}, {"at", review.OneLine(f.Path)}, {"by", names[f.Policy]}} {
		if line.text != "" {
			fmt.Fprintf(out, "    %-4s %s\n", line.name, line.text)
		}
	}
}

// writeTraces prints why the rules that found nothing did not.
func writeTraces(out io.Writer, traces []review.Trace, names map[string]string) {
	table := printers.GetNewTabWriter(out)
	for _, trace := range traces {
		if trace.Found {
			continue
		}
		condition := review.OneLine(trace.Condition)
		if condition == "" {
			condition = "its conditions"
		}
		rule := trace.Code
		if rule == "" {
			rule = names[trace.Policy] + "." + trace.Rule
		}
		if trace.About != "" {
			rule += " of " + trace.About
		}
		fmt.Fprintf(table, "  not %s\tdoes not hold: %s\t%s:%d\n", rule, condition, trace.File, max(trace.ConditionLine, trace.Line))
	}
	_ = table.Flush()
}

// showObject prints the pod that would be stored, or how it differs from the manifest.
func (t *policyTest) showObject(out io.Writer, v verdict) error {
	if v.Patch == nil || !t.diff && !t.patched {
		return nil
	}
	after, err := yaml.JSONToYAML(v.Object)
	if err != nil {
		return fmt.Errorf("print %s: %w", v.subject(), err)
	}
	if t.diff {
		before, err := yaml.JSONToYAML(v.before)
		if err != nil {
			return fmt.Errorf("print %s: %w", v.subject(), err)
		}
		return difflib.WriteUnifiedDiff(out, difflib.UnifiedDiff{A: difflib.SplitLines(string(before)), B: difflib.SplitLines(string(after)),
			FromFile: "manifest", ToFile: "injected", Context: 3})
	}
	_, err = fmt.Fprintf(out, "---\n%s", after)
	return err
}

// verdictDocument is a verdict as -o json and yaml print it.
type verdictDocument struct {
	File      string            `json:"file"`
	Kind      string            `json:"kind"`
	Namespace string            `json:"namespace,omitempty"`
	Name      string            `json:"name"`
	Verdict   string            `json:"verdict"`
	Message   string            `json:"message,omitempty"`
	Deny      []policy.Finding  `json:"deny,omitempty"`
	Warn      []policy.Finding  `json:"warn,omitempty"`
	DryRun    []policy.Finding  `json:"dryRun,omitempty"`
	Excepted  []policy.Excepted `json:"excepted,omitempty"`
	Injected  string            `json:"injected,omitempty"`
	Patch     json.RawMessage   `json:"patch,omitempty"`
	Object    json.RawMessage   `json:"object,omitempty"`
	Traces    []review.Trace    `json:"traces,omitempty"`
}

func newVerdictDocument(v verdict) verdictDocument {
	doc := verdictDocument{File: v.source, Kind: v.GetKind(), Namespace: v.namespace, Name: v.GetName(),
		Verdict: strings.ReplaceAll(v.state(), "not judged", "unjudged"), Message: v.Message,
		Deny: v.Findings, Warn: v.Decision.Warn, DryRun: v.Decision.DryRun, Excepted: v.Decision.Excepted, Traces: v.Traces}
	if v.err != nil {
		doc.Message = v.err.Error()
	}
	if v.Patch != nil {
		doc.Injected, doc.Patch, doc.Object = v.Injected, v.Patch, v.Object
	}
	return doc
}
