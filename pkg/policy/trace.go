package policy

import (
	"context"
	"fmt"
	"io"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Trace is how the evaluation of one deny or warn rule went.
type Trace struct {
	// Policy and Rule name the rule, and Code is the code in its annotation.
	Policy string `json:"policy"`
	Rule   string `json:"rule"`
	Code   string `json:"code,omitempty"`
	// File and Line say where the rule stands.
	File string `json:"file"`
	Line int    `json:"line"`
	// Found is whether the rule found something.
	Found bool `json:"found"`
	// Condition is the last condition of the rule that did not hold, as it is written,
	// and ConditionLine where it stands; empty where Found.
	Condition     string `json:"condition,omitempty"`
	ConditionLine int    `json:"conditionLine,omitempty"`
}

// Explain evaluates an area as Evaluate does, and returns one Trace for each deny and
// warn rule of its policies, in their order. Steps, if it is not nil, gets each step of
// the evaluation in the words of OPA; an error of writing them is lost. It is for people: it
// takes no worker, and costs many times what Evaluate does. The error is that of the
// evaluation.
func (e *Engine) Explain(ctx context.Context, area string, input *Input, steps io.Writer) ([]Trace, error) {
	entry, ok := e.entries[area]
	if !ok {
		return nil, fmt.Errorf("no policies in area %q", area)
	}
	if err := input.check(area); err != nil {
		return nil, err
	}
	cancel := topdown.NewCancel()
	stop := context.AfterFunc(ctx, cancel.Cancel)
	defer stop()
	events := topdown.NewBufferTracer()
	_, err := e.ask(ctx, entry.query, newDocument(input, e.uses), cancel, events)
	if err != nil {
		return nil, err
	}
	if steps != nil {
		topdown.PrettyTraceWithLocation(steps, *events)
	}
	return e.traces(area, *events), nil
}

// place is where a rule stands.
type place struct {
	file string
	line int
}

func placeOf(location *ast.Location) place { return place{location.File, location.Row} }

// traces returns how each rule of an area went, from the events of its evaluation.
func (e *Engine) traces(area string, events []*topdown.Event) []Trace {
	found := map[place]bool{}
	stopped := map[place]*ast.Expr{}
	rules := map[uint64]place{} // by the query that evaluates them
	for _, event := range events {
		switch node := event.Node.(type) {
		case *ast.Rule:
			at := placeOf(node.Location)
			switch event.Op {
			case topdown.EnterOp:
				rules[event.QueryID] = at
			case topdown.ExitOp:
				found[at] = true
			}
		case *ast.Expr:
			at, ok := rules[event.QueryID]
			last := stopped[at]
			if ok && event.Op == topdown.FailOp && (last == nil || node.Location.Row >= last.Location.Row) {
				stopped[at] = node
			}
		}
	}
	var traces []Trace
	for _, p := range e.loaded {
		if p.area != area {
			continue
		}
		for _, rule := range p.module.Rules {
			if isVerdict(rule) {
				traces = append(traces, newTrace(p, rule, found, stopped))
			}
		}
	}
	return traces
}

func newTrace(p policy, rule *ast.Rule, found map[place]bool, stopped map[place]*ast.Expr) Trace {
	at := placeOf(rule.Location)
	t := Trace{Policy: p.name, Rule: rule.Head.Ref()[0].String(), File: at.file, Line: at.line, Found: found[at]}
	for _, annotation := range rule.Annotations {
		t.Code, _ = annotation.Custom["code"].(string)
	}
	if last := stopped[at]; last != nil && !t.Found {
		t.Condition, t.ConditionLine = string(last.Location.Text), last.Location.Row
	}
	return t
}
