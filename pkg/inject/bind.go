package inject

import (
	"fmt"
	"regexp"
	"slices"
)

// bind returns the bindings in the order of the ask. It fails if they do not match the users
// of the ask, and on names that Parse would not take: the ask may be made by other code.
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
	return bound, checkFurther(ask, bound)
}

// checkFurther fails on a variable or a file whose credential or key does not exist, and on a
// directory or a mode that Parse would not take.
func checkFurther(ask *Ask, bound []Binding) error {
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
