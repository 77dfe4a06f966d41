package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

const (
	// maxFindings bounds the list of a decision: nobody reads more, and the API
	// server shows it to a user in one message.
	maxFindings = 32
	// maxText bounds each text of a finding, in bytes.
	maxText = 2048
)

// shape describes a finding in errors.
const shape = "the strings code, message and fix, and perhaps path"

func requiredKeys() []string { return []string{"code", "message", "fix"} }

func findingKeys() []string { return append(requiredKeys(), "path") }

// verdicts are the findings of policies, by what becomes of them.
type verdicts struct{ deny, warn, dryRun []Finding }

// add files a finding under its label: the rule that made it, or the mode of a policy.
func (v *verdicts) add(label string, finding Finding) {
	switch label {
	case ruleWarn:
		v.warn = append(v.warn, finding)
	case string(ModeDryRun):
		v.dryRun = append(v.dryRun, finding)
	default:
		v.deny = append(v.deny, finding)
	}
}

// read returns the findings in the answer of an entry, as collect labelled them. The error is
// an answer that is no set of findings.
func read(answer ast.Value) (v verdicts, err error) {
	set, ok := answer.(ast.Set)
	if !ok {
		return v, fmt.Errorf("the answer is a %s, not a set", ast.ValueName(answer))
	}
	err = set.Iter(func(element *ast.Term) error {
		labelled, ok := element.Value.(*ast.Array)
		if !ok || labelled.Len() != 3 {
			return errors.New("the answer holds what is no labelled finding")
		}
		label, _ := labelled.Elem(0).Value.(ast.String)
		policy, _ := labelled.Elem(1).Value.(ast.String)
		finding, err := readFinding(string(policy), labelled.Elem(2).Value)
		if err != nil {
			return err
		}
		v.add(string(label), finding)
		return nil
	})
	return v, err
}

// shapeError says that what a policy found is no finding.
type shapeError struct{ policy, fault string }

func (e *shapeError) Error() string {
	return fmt.Sprintf("policy %s: finding %s: a finding is an object with %s", e.policy, e.fault, shape)
}

// readFinding returns the finding in value. A finding that lacks something, or has something
// more, is a mistake in the policy, and an error: what was meant is not guessed.
func readFinding(policy string, value ast.Value) (Finding, error) {
	finding := Finding{Policy: policy}
	object, ok := value.(ast.Object)
	if !ok {
		return finding, &shapeError{policy, "is a " + ast.ValueName(value)}
	}
	err := object.Iter(func(key, value *ast.Term) error {
		said, ok := value.Value.(ast.String)
		if !ok {
			return &shapeError{policy, fmt.Sprintf("has a %s as %s", ast.ValueName(value.Value), key)}
		}
		switch key.Value {
		case ast.String("code"):
			finding.Code = words.Shorten(string(said), maxText)
		case ast.String("message"):
			finding.Message = words.Shorten(string(said), maxText)
		case ast.String("fix"):
			finding.Fix = words.Shorten(string(said), maxText)
		case ast.String("path"):
			finding.Path = words.Shorten(string(said), maxText)
		default:
			return &shapeError{policy, fmt.Sprintf("has a key %s", key)}
		}
		return nil
	})
	if err == nil && (finding.Code == "" || finding.Message == "" || finding.Fix == "") {
		err = &shapeError{policy, "lacks its code, its message or its fix"}
	}
	return finding, err
}

// bound sorts the list, drops what it has twice and cuts it.
func bound(list []Finding) []Finding {
	slices.SortFunc(list, order)
	list = slices.Compact(list)
	if len(list) > maxFindings {
		return slices.Clip(list[:maxFindings])
	}
	return list
}

func order(a, b Finding) int {
	return cmp.Or(
		strings.Compare(a.Policy, b.Policy),
		strings.Compare(a.Code, b.Code),
		strings.Compare(a.Path, b.Path),
		strings.Compare(a.Message, b.Message),
		strings.Compare(a.Fix, b.Fix),
	)
}
