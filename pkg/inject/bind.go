package inject

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// bind returns the bindings in the order of the ask. What a patch is made of must
// be sound whoever composed it, so that names are checked again here.
func bind(ask *Ask, bindings []Binding) ([]Binding, error) {
	if len(ask.Users) > maxItems || len(ask.Env) > maxItems || len(ask.Files) > maxItems {
		return nil, fmt.Errorf("at most %d users, variables and files, not %d, %d and %d", maxItems, len(ask.Users), len(ask.Env), len(ask.Files))
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
	return bound, references(ask, bound)
}

// references fails on a variable or a file whose credential or key does not exist, and
// on what names a directory or mode that Parse takes from nobody.
func references(ask *Ask, bound []Binding) error {
	check := func(what, name, alias, key string, pattern *regexp.Regexp) error {
		switch {
		case !slices.ContainsFunc(bound, func(b Binding) bool { return b.Alias == alias }):
			return fmt.Errorf("%s %s: no user has the alias %s", what, quote(name), quote(alias))
		case !slices.Contains(credentialKeys, key):
			return fmt.Errorf("%s %s: %s is not a key of a credential", what, quote(name), quote(key))
		case !pattern.MatchString(name):
			return fmt.Errorf("%s %s: not a name", what, quote(name))
		}
		return nil
	}
	for _, e := range ask.Env {
		if err := check("variable", e.Variable, e.Alias, e.Key, variablePattern); err != nil {
			return err
		}
	}
	for _, f := range ask.Files {
		if err := check("file", f.Name, f.Alias, f.Key, filePattern); err != nil {
			return err
		}
	}
	switch {
	case !rootPattern.MatchString(ask.root()):
		return fmt.Errorf("%s is not a directory for credentials", quote(ask.Root))
	case ask.Mode < 0 || ask.Mode > 0o777:
		return fmt.Errorf("%o is not the mode of a file", ask.Mode)
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

// readable fails if some container could not read files of the mode that is asked for:
// they are root's, and of the group that the pod names, for which the kubelet makes them
// readable (Kubernetes documentation, "Configure a Security Context", on fsGroup). On
// Windows there are no such modes.
func (p *Pod) readable(ask *Ask) error {
	if ask.Mode == 0 || ask.Mode&0o004 != 0 || p.fsGroup || p.windows {
		return nil
	}
	for _, containers := range [][]container{p.initContainers, p.containers} {
		for _, c := range containers {
			user := c.user
			if user == accountUnknown {
				user = p.user
			}
			if user != accountOther || len(ask.Containers) > 0 && !slices.Contains(ask.Containers, c.name) {
				continue
			}
			return Problem{Annotation: v1alpha1.AnnotationFileMode,
				Message: fmt.Sprintf("files of mode %04o are root's, and container %s does not run as root", ask.Mode, quote(c.name)),
				Fix:     "set spec.securityContext.fsGroup, or write 0444"}
		}
	}
	return nil
}

// fixes reports whether a container has a Secret, or a revision of it, by its own
// references in a form that a rotation does not reach: as variables, or as files by a
// subPath.
func (p *Pod) fixes(secret string) bool {
	is := func(name string) bool {
		rest, found := strings.CutPrefix(name, secret)
		return found && (rest == "" || strings.HasPrefix(rest, ".v"))
	}
	for _, containers := range [][]container{p.initContainers, p.containers} {
		for n := range containers {
			c := &containers[n]
			if c.own == nil {
				continue
			}
			if slices.ContainsFunc(c.own.keyed, is) || slices.ContainsFunc(c.own.from, is) {
				return true
			}
			for _, name := range c.own.subPaths {
				if slices.ContainsFunc(p.volumes, func(v volume) bool { return v.name == name && v.has(is) }) {
					return true
				}
			}
		}
	}
	return false
}

// has reports whether a volume has something of a Secret.
func (v volume) has(is func(name string) bool) bool {
	return v.secret != "" && is(v.secret) || v.own != nil && (v.own.direct != "" && is(v.own.direct) || slices.ContainsFunc(v.own.parts, is))
}

func has(containers []container, name string) bool {
	return slices.ContainsFunc(containers, func(c container) bool { return c.name == name })
}
