package inject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// env reads the further variables.
func (p *parser) env() {
	const annotation = v1alpha1.AnnotationEnv
	list, found := p.annotations[annotation]
	if !found {
		return
	}
	p.readings(annotation, list, "variable", `write VARIABLE=key, as in "DATABASE_URL=uri"`, func(r reading) {
		env := EnvAsk{Variable: r.name, Alias: r.alias, Key: r.key}
		p.variable(env)
		p.ask.Env = append(p.ask.Env, env)
	})
}

// readings reads the items name=key, or name=alias.key, of a list of variables or files. It
// hands each to take, which checks the name, and then checks alias and key itself, so that
// problems are reported in the order of the text.
func (p *parser) readings(annotation, list, what, example string, take func(reading)) {
	for _, item := range p.items(annotation, list, "names no "+what, example) {
		name, key, ok := strings.Cut(item, "=")
		r := reading{name: strings.TrimSpace(name), key: strings.TrimSpace(key)}
		if !ok || r.name == "" || r.key == "" {
			p.report(annotation, example, "%s is not a %s with a key", quote(item), what)
			continue
		}
		// At the last dot: a key has none, but the name of a user, written in place of its
		// alias, may have some.
		if dot := strings.LastIndexByte(r.key, '.'); dot >= 0 {
			r.alias, r.key = r.key[:dot], r.key[dot+1:]
		}
		take(r)
		p.alias(annotation, r)
		p.key(annotation, r.key)
	}
}

// key reports what is not a key of a credential.
func (p *parser) key(annotation, key string) {
	if slices.Contains(credentialKeys, key) {
		return
	}
	fix := "the keys are " + series(credentialKeys)
	if near, ok := nearest(key, credentialKeys); ok {
		fix = fmt.Sprintf("write %q; %s", near, fix)
	}
	p.report(annotation, fix, "%s is not a key of a credential", quote(key))
}

// variable reports the name of a further variable that is invalid, or that containers get
// anyway.
func (p *parser) variable(env EnvAsk) {
	const annotation = v1alpha1.AnnotationEnv
	switch {
	case !variablePattern.MatchString(env.Variable):
		p.report(annotation, `use letters, digits, "_", "-" and ".", no digit first`, "%s is not the name of a variable", quote(env.Variable))
	case slices.ContainsFunc(p.ask.Env, func(other EnvAsk) bool { return other.Variable == env.Variable }):
		p.report(annotation, "name it once", "variable %s is there twice", quote(env.Variable))
	case env.Variable == rootVariable:
		p.report(annotation, "choose another name", "variable %s is the directory of the bindings", quote(env.Variable))
	case p.standard(env.Variable):
		p.report(annotation, "choose another name, or remove it", "variable %s is injected anyway", quote(env.Variable))
	}
}

// standard reports whether some user's credential already gives the variable.
func (p *parser) standard(variable string) bool {
	for _, user := range p.ask.Users {
		name, prefixed := strings.CutPrefix(variable, VariablePrefix(user.Alias))
		switch {
		case !prefixed:
		case p.ask.As == FormLibpq && (name == serviceFileVariable || name == serviceVariable):
			return true
		case p.ask.As.env() && slices.ContainsFunc(standardKeys, func(s standardKey) bool { return s.variable == name }):
			return true
		}
	}
	return false
}

// reading is an item of a list of variables or files: the name of the variable or the file, and
// which key of whose credential it has.
type reading struct{ name, alias, key string }

// alias reports a reading whose alias is not that of a user.
func (p *parser) alias(annotation string, r reading) {
	aliases := make([]string, 0, len(p.ask.Users))
	for _, user := range p.ask.Users {
		switch {
		case user.Alias == r.alias:
			return
		case user.Name == r.alias:
			p.report(annotation, "write "+r.of(user.Alias), "%s is a user, not an alias", quote(r.alias))
			return
		case user.Alias != "":
			aliases = append(aliases, user.Alias)
		}
	}
	near, ok := nearest(r.alias, aliases)
	switch {
	case len(p.ask.Users) == 0: // reported already
	case r.alias == "":
		p.report(annotation, "write "+r.of(aliases[0]), "%s names no alias, and every user has one", r.of(""))
	case ok:
		p.report(annotation, "write "+r.of(near), "no user has the alias %s", quote(r.alias))
	case len(aliases) == 0:
		p.report(annotation, "write "+r.of(""), "no user has the alias %s", quote(r.alias))
	default:
		p.report(annotation, "the aliases are "+strings.Join(aliases, ", "), "no user has the alias %s", quote(r.alias))
	}
}

// of returns the reading, with another alias, as an annotation has it.
func (r reading) of(alias string) string {
	if alias != "" {
		alias += "."
	}
	return quote(r.name + "=" + alias + r.key)
}
