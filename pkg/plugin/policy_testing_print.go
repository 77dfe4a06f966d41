package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

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
	if v.err != nil {
		return notJudged
	}
	return v.examined.state()
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
	for _, line := range findingLines(v.Examination, names) {
		fmt.Fprintf(out, "  %s\n", line)
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
	if t.diff {
		return writeDiff(out, v.before, v.examined.Object, "manifest", "injected")
	}
	after, err := yaml.JSONToYAML(v.examined.Object)
	if err == nil {
		_, err = fmt.Fprintf(out, "---\n%s", after)
	}
	return err
}

// verdictDocument is a verdict as -o json and yaml print it.
type verdictDocument struct {
	File      string `json:"file"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	said
	Injected string          `json:"injected,omitempty"`
	Patch    json.RawMessage `json:"patch,omitempty"`
	Object   json.RawMessage `json:"object,omitempty"`
	Traces   []review.Trace  `json:"traces,omitempty"`
}

func newVerdictDocument(v verdict) verdictDocument {
	doc := verdictDocument{File: v.source, Kind: v.GetKind(), Namespace: v.namespace, Name: v.GetName(),
		said: newSaid(v.state(), v.Examination), Traces: v.Traces}
	if v.err != nil {
		doc.Message = v.err.Error()
	}
	if v.Patch != nil {
		doc.Injected, doc.Patch, doc.Object = v.Injected, v.Patch, v.examined.Object
	}
	return doc
}
