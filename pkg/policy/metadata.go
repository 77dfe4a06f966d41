package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Metadata is what a policy's METADATA annotations say of one of its rules.
type Metadata struct {
	// Policy is the package of the policy, Area the third part of it.
	Policy string `json:"policy"`
	Area   string `json:"area"`
	// Rule is deny or warn; empty if only the package is annotated.
	Rule string `json:"rule,omitempty"`
	// Code is the code of the findings of the rule.
	Code        string `json:"code,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Fix         string `json:"fix,omitempty"`
	// Examples are what the rule denies and what it allows, in the words of its author.
	Examples []Example `json:"examples,omitempty"`
	// Mode is what the findings of the rule do. In a policy of the mode warn, what deny
	// finds is a warning, too.
	Mode Mode `json:"mode"`
	// OnError is what becomes of a request when the policy cannot be evaluated: deny, or
	// warn.
	OnError Mode `json:"onError"`
	// Source is where the policy comes from: SourceBuiltIn, or the name of a Source.
	Source string `json:"source"`
	// File and Line say where the rule stands, and Text is how it is written, without its
	// annotation; empty for a policy that has no annotated rule.
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Text string `json:"text,omitempty"`
}

// packageMode returns the mode under a custom key of the package's annotation; deny where it
// has none. A mode that is not among known is an error.
func packageMode(module *ast.Module, key string, known []Mode) (Mode, error) {
	value, annotation, err := packageCustom(module, key)
	if err != nil || annotation == nil {
		return ModeDeny, err
	}
	text, _ := value.(string)
	if !slices.Contains(known, Mode(text)) {
		return "", fmt.Errorf("line %d: custom.%s is %v, not %s", annotation.Location.Row, key, value, orList(known))
	}
	return Mode(text), nil
}

// annotatedArea returns the area that the package's annotation names.
func annotatedArea(module *ast.Module) (string, error) {
	value, _, err := packageCustom(module, "area")
	if err != nil {
		return "", err
	}
	area, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("its METADATA does not say what it judges: custom.area is one of %s", strings.Join(areas(), ", "))
	}
	return area, nil
}

// packageCustom returns the value of a custom key of the package's annotation, and the
// annotation; nil where it has none. The key in the annotation of a rule is an error, because
// it would have no effect.
func packageCustom(module *ast.Module, key string) (any, *ast.Annotations, error) {
	for _, annotation := range module.Annotations {
		value, ok := annotation.Custom[key]
		switch {
		case !ok:
		case annotation.Scope != "package":
			return nil, nil, fmt.Errorf("line %d: custom.%s belongs to the package", annotation.Location.Row, key)
		default:
			return value, annotation, nil
		}
	}
	return nil, nil, nil
}

// orList returns a list in words: "deny or warn", "deny, warn or dryrun".
func orList(list []Mode) string {
	var text strings.Builder
	for i, mode := range list {
		switch i {
		case 0:
		case len(list) - 1:
			text.WriteString(" or ")
		default:
			text.WriteString(", ")
		}
		text.WriteString(string(mode))
	}
	return text.String()
}

// metadata returns one row for each annotated deny or warn rule, in the order of the
// file, or one for the package if no such rule is annotated.
func metadata(p policy) []Metadata {
	whole := Metadata{Policy: p.name, Area: p.area, Mode: p.mode, OnError: p.onError, Source: p.source, File: p.file}
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
			if row.Rule = rule.Head.Ref()[0].String(); row.Rule == ruleWarn && row.Mode == ModeDeny {
				row.Mode = ModeWarn
			}
			row.Line, row.Text = rule.Location.Row, string(rule.Location.Text)
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return []Metadata{whole}
	}
	return rows
}

// with returns m with what an annotation says in place of what m says.
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
	m.Examples, _ = examples(annotation) // checked when the policy was loaded
	return m
}
