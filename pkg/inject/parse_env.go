package inject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func (p *parser) env() {
	const annotation = v1alpha1.AnnotationEnv
	list, found := p.annotations[annotation]
	if !found {
		return
	}
	items := p.items(annotation, list, "names no variable", `write VARIABLE=key, as in "DATABASE_URL=uri"`)
	p.ask.Env = make([]EnvAsk, 0, len(items))
	for _, item := range items {
		variable, value, ok := strings.Cut(item, "=")
		env := EnvAsk{Variable: strings.TrimSpace(variable), Key: strings.TrimSpace(value)}
		if !ok || env.Variable == "" || env.Key == "" {
			p.report(annotation, `write VARIABLE=key, as in "DATABASE_URL=uri"`, "%s is not a variable with a key", quote(item))
			continue
		}
		// The last dot: no key has one, but who writes a user instead of its alias may.
		if dot := strings.LastIndexByte(env.Key, '.'); dot >= 0 {
			env.Alias, env.Key = env.Key[:dot], env.Key[dot+1:]
		}
		p.variable(env)
		p.alias(env)
		if !slices.Contains(credentialKeys, env.Key) {
			fix := "the keys are " + series(credentialKeys)
			if near, ok := nearest(env.Key, credentialKeys); ok {
				fix = fmt.Sprintf("write %q; %s", near, fix)
			}
			p.report(annotation, fix, "%s is not a key of a credential", quote(env.Key))
		}
		p.ask.Env = append(p.ask.Env, env)
	}
}

// variable reports a name that is invalid, or that a container gets anyway.
func (p *parser) variable(env EnvAsk) {
	const annotation = v1alpha1.AnnotationEnv
	switch {
	case !variablePattern.MatchString(env.Variable):
		p.report(annotation, `use letters, digits, "_", "-" and ".", no digit first`, "%s is not the name of a variable", quote(env.Variable))
	case slices.ContainsFunc(p.ask.Env, func(other EnvAsk) bool { return other.Variable == env.Variable }):
		p.report(annotation, "name it once", "variable %s is there twice", quote(env.Variable))
	case env.Variable == rootVariable:
		p.report(annotation, "choose another name", "variable %s is the directory of the bindings", quote(env.Variable))
	case p.ask.As.env() && p.standard(env.Variable):
		p.report(annotation, "choose another name, or remove it", "variable %s is injected anyway", quote(env.Variable))
	}
}

// standard reports whether some user's credential already gives the variable.
func (p *parser) standard(variable string) bool {
	for _, user := range p.ask.Users {
		name, prefixed := strings.CutPrefix(variable, variablePrefix(user.Alias))
		for _, standard := range standardKeys {
			if prefixed && standard.variable == name {
				return true
			}
		}
	}
	return false
}

// alias reports a variable of which it is not clear whose credential it takes.
func (p *parser) alias(env EnvAsk) {
	const annotation = v1alpha1.AnnotationEnv
	aliases := make([]string, 0, len(p.ask.Users))
	for _, user := range p.ask.Users {
		switch {
		case user.Alias == env.Alias:
			return
		case user.Name == env.Alias:
			p.report(annotation, "write "+reference(env, user.Alias), "%s is a user, not an alias", quote(env.Alias))
			return
		case user.Alias != "":
			aliases = append(aliases, user.Alias)
		}
	}
	near, ok := nearest(env.Alias, aliases)
	switch {
	case len(p.ask.Users) == 0: // reported already
	case env.Alias == "":
		p.report(annotation, "write "+reference(env, aliases[0]), "%s names no alias, and every user has one", reference(env, ""))
	case ok:
		p.report(annotation, "write "+reference(env, near), "no user has the alias %s", quote(env.Alias))
	case len(aliases) == 0:
		p.report(annotation, "write "+reference(env, ""), "no user has the alias %s", quote(env.Alias))
	default:
		p.report(annotation, "the aliases are "+strings.Join(aliases, ", "), "no user has the alias %s", quote(env.Alias))
	}
}

// reference returns the variable as the annotation would ask for it with an alias.
func reference(env EnvAsk, alias string) string {
	if alias != "" {
		alias += "."
	}
	return quote(env.Variable + "=" + alias + env.Key)
}
