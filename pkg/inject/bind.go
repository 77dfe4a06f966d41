package inject

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// bind returns the bindings in the order of the ask. What a patch is made of must
// be sound whoever composed it, so that names are checked again here.
func bind(ask *Ask, bindings []Binding) ([]Binding, error) {
	if len(ask.Users) > maxItems || len(ask.Env) > maxItems {
		return nil, fmt.Errorf("at most %d users and variables, not %d and %d", maxItems, len(ask.Users), len(ask.Env))
	}
	if len(bindings) != len(ask.Users) {
		return nil, fmt.Errorf("%d bindings for %d users", len(bindings), len(ask.Users))
	}
	bound := make([]Binding, 0, len(bindings))
	for _, user := range ask.Users {
		i := slices.IndexFunc(bindings, func(b Binding) bool { return b.User == user.Name && b.Alias == user.Alias })
		if i < 0 {
			return nil, fmt.Errorf("user %s: no binding", quote(user.Name))
		}
		b := bindings[i]
		switch name := bindingName(b.User, b.Alias); {
		case !userPattern.MatchString(b.User) || b.Alias != "" && !aliasPattern.MatchString(b.Alias):
			return nil, fmt.Errorf("user %s: not a name", quote(name))
		case !userPattern.MatchString(b.Secret):
			return nil, fmt.Errorf("user %s: %s is not the name of a Secret", quote(name), quote(b.Secret))
		case slices.ContainsFunc(bound, func(other Binding) bool {
			return other.Alias == b.Alias || bindingName(other.User, other.Alias) == name
		}):
			return nil, fmt.Errorf("user %s: bound twice", quote(name))
		}
		bound = append(bound, b)
	}
	return bound, references(ask.Env, bound)
}

// references fails on a variable whose credential or key does not exist.
func references(env []EnvAsk, bound []Binding) error {
	for _, e := range env {
		switch {
		case !slices.ContainsFunc(bound, func(b Binding) bool { return b.Alias == e.Alias }):
			return fmt.Errorf("variable %s: no user has the alias %s", quote(e.Variable), quote(e.Alias))
		case !slices.Contains(credentialKeys, e.Key):
			return fmt.Errorf("variable %s: %s is not a key of a credential", quote(e.Variable), quote(e.Key))
		case !variablePattern.MatchString(e.Variable):
			return fmt.Errorf("variable %s: not a name", quote(e.Variable))
		}
	}
	return nil
}

// check fails if the pod has no containers, or not those that are asked for.
func (p *Pod) check(names []string, o options) error {
	if len(p.containers) == 0 {
		return errors.New("it has no containers")
	}
	for _, name := range names {
		if has(p.containers, name) || has(p.initContainers, name) || o.ephemeral && has(p.ephemeralContainers, name) {
			continue
		}
		have := make([]string, 0, len(p.initContainers)+len(p.containers))
		for _, containers := range [][]container{p.initContainers, p.containers} {
			for _, c := range containers {
				have = append(have, c.name)
			}
		}
		if len(have) > maxItems {
			have = have[:maxItems]
		}
		fix := "it has " + strings.Join(have, ", ")
		if near, ok := nearest(name, have); ok {
			fix = fmt.Sprintf("write %s; %s", quote(near), fix)
		}
		return Problem{Annotation: v1alpha1.AnnotationContainers, Message: "the pod has no container " + quote(name), Fix: fix}
	}
	return nil
}

func has(containers []container, name string) bool {
	return slices.ContainsFunc(containers, func(c container) bool { return c.name == name })
}
