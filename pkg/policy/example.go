package policy

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Example is one thing that a rule denies, or warns of, or one that it allows: either
// Denied or Allowed is set.
type Example struct {
	Denied  string `json:"denied,omitempty"`
	Allowed string `json:"allowed,omitempty"`
}

// examples returns what the annotation of a rule has under custom.examples, a list of
// {denied: text} and {allowed: text}. Something else is an error: it would not be shown.
func examples(annotation *ast.Annotations) ([]Example, error) {
	value, ok := annotation.Custom["examples"]
	if !ok {
		return nil, nil
	}
	entries, ok := value.([]any)
	all := make([]Example, len(entries))
	for i := range entries {
		entry, isMap := entries[i].(map[string]any)
		all[i].Denied, _ = entry["denied"].(string)
		all[i].Allowed, _ = entry["allowed"].(string)
		ok = ok && isMap && len(entry) == 1 && all[i] != Example{}
	}
	if !ok {
		return nil, fmt.Errorf("line %d: custom.examples is a list of {denied: text} and {allowed: text}", annotation.Location.Row)
	}
	return all, nil
}

// checkExamples returns an error if examples are not written as they should be, or are
// those of a package: they say what one rule does.
func checkExamples(module *ast.Module) error {
	for _, annotation := range module.Annotations {
		found, err := examples(annotation)
		if err != nil {
			return err
		}
		if len(found) > 0 && annotation.Scope != "rule" && annotation.Scope != "document" {
			return fmt.Errorf("line %d: custom.examples belongs to a rule", annotation.Location.Row)
		}
	}
	return nil
}
