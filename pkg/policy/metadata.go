package policy

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Metadata is what a policy's METADATA annotations say of one of its rules.
type Metadata struct {
	// Policy is the package of the policy, Area the third part of it.
	Policy string `json:"policy"`
	Area   string `json:"area"`
	// Rule is deny or warn; empty if only the package is annotated.
	Rule string `json:"rule,omitempty"`
	// Code is what the findings of the rule carry.
	Code        string `json:"code,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Fix         string `json:"fix,omitempty"`
	// Mode is what the findings of the rule do: deny, or warn. A policy whose package
	// has the mode warn only warns of what it would deny.
	Mode string `json:"mode"`
}

// The modes of a policy.
const (
	modeDeny = "deny"
	modeWarn = "warn"
)

// mode returns the mode that the package's annotation gives, by default deny. A mode
// that is not known is an error, rather than one that nobody meant.
func mode(module *ast.Module) (string, error) {
	for _, annotation := range module.Annotations {
		value, ok := annotation.Custom["mode"]
		switch {
		case !ok:
		case annotation.Scope != "package":
			return "", fmt.Errorf("line %d: custom.mode belongs to the package", annotation.Location.Row)
		case value != modeDeny && value != modeWarn:
			return "", fmt.Errorf("line %d: custom.mode is %v, not deny or warn", annotation.Location.Row, value)
		default:
			return value.(string), nil
		}
	}
	return modeDeny, nil
}

// metadata returns one row for each annotated deny or warn rule, in the order of the
// file, or one for the package if no such rule is annotated.
func metadata(p policy) []Metadata {
	whole := Metadata{Policy: p.name, Area: p.area, Mode: p.mode}
	var rows []Metadata
	for _, annotation := range p.module.Annotations {
		if annotation.Scope == "package" {
			whole = whole.with(annotation)
		}
	}
	for _, rule := range p.module.Rules {
		if !isVerdict(rule) {
			continue
		}
		for _, annotation := range rule.Annotations {
			row := whole.with(annotation)
			if row.Rule = rule.Head.Ref()[0].String(); row.Rule == ruleWarn {
				row.Mode = modeWarn
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return []Metadata{whole}
	}
	return rows
}

// with returns m with what an annotation says instead.
func (m Metadata) with(annotation *ast.Annotations) Metadata {
	for _, set := range []struct {
		field *string
		value any
	}{
		{&m.Title, annotation.Title},
		{&m.Description, annotation.Description},
		{&m.Code, annotation.Custom["code"]},
		{&m.Fix, annotation.Custom["fix"]},
	} {
		if text, ok := set.value.(string); ok && text != "" {
			*set.field = text
		}
	}
	return m
}
