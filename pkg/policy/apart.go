package policy

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// apart evaluates the policies of the area one by one, after asking all of them at once has
// failed: that gives one error and no findings. Here the error of a policy whose on_error is
// warn becomes a warning, and the others decide. It costs more than asking all at once.
func (v *evaluation) apart(ctx context.Context) result {
	var all verdicts
	for _, p := range v.engine.loaded {
		if p.area != v.area {
			continue
		}
		err := v.one(ctx, p, &all)
		switch {
		case err == nil:
		case p.onError != ModeWarn || topdown.IsCancel(err):
			return result{err: err}
		default:
			failed := v.engine.failed(err).Deny[0]
			failed.Policy = p.name
			all.warn = append(all.warn, failed)
		}
	}
	return result{verdicts: all}
}

// one adds the findings of one policy to all. After an error it adds none.
func (v *evaluation) one(ctx context.Context, p policy, all *verdicts) error {
	var own verdicts
	for _, rule := range []string{ruleDeny, ruleWarn} {
		ref := p.module.Package.Path.Append(ast.StringTerm(rule))
		if len(v.engine.compiler.GetRulesExact(ref)) == 0 {
			continue
		}
		q, err := newQuery(v.engine.compiler, ref)
		if err != nil {
			return fmt.Errorf("policy %s: %w", p.name, err)
		}
		found, err := v.engine.ask(ctx, q, v.input, v.cancel)
		if err != nil {
			return err
		}
		label := rule
		if p.mode != ModeDeny {
			label = string(p.mode)
		}
		set, ok := found.(ast.Set)
		if !ok {
			return &shapeError{p.name, "is in a " + ast.ValueName(found)}
		}
		err = set.Iter(func(element *ast.Term) error {
			finding, err := readFinding(p.name, element.Value)
			own.add(label, finding)
			return err
		})
		if err != nil {
			return err
		}
	}
	all.deny, all.warn, all.dryRun = append(all.deny, own.deny...), append(all.warn, own.warn...), append(all.dryRun, own.dryRun...)
	return nil
}
