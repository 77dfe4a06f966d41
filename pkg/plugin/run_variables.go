package plugin

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// variable is a variable of the command's environment, and where it comes from.
type variable struct {
	// name is that of the variable, after choose with --prefix.
	name string
	// key is that of the Secret.
	key    string
	source source
	value  secret.Value
}

// choose returns the variables that are wanted, under the names that they get. Whatever
// cannot be one is refused by its name. It is pure.
func (r *runCommand) choose(all []variable) ([]variable, error) {
	chosen := all
	if len(r.only) > 0 {
		if err := r.missing(all); err != nil {
			return nil, err
		}
		chosen = slices.DeleteFunc(slices.Clone(all), func(v variable) bool { return !slices.Contains(r.only, v.name) })
	}
	chosen = slices.Clone(chosen)
	var refused []string
	for i := range chosen {
		v := &chosen[i]
		v.name = r.prefix + v.name
		switch {
		case !isVariable(v.name):
			refused = append(refused, fmt.Sprintf("%s: %q cannot be the name of a variable", v.source, v.name))
		case strings.Contains(v.value.Reveal(), "\x00"):
			refused = append(refused, fmt.Sprintf("%s: %s has a NUL byte, which ends the value of a variable", v.source, v.name))
		}
	}
	if len(refused) > 0 {
		return nil, Hinted(fmt.Errorf("not everything can be a variable:\n%s", strings.Join(refused, "\n")), "name those that are wanted with --only")
	}
	return chosen, nil
}

// isVariable reports whether an environment can hold a variable of this name (POSIX, "Base
// Definitions", section "Environment Variables"). Many that it can, no shell can.
func isVariable(name string) bool { return name != "" && !strings.ContainsAny(name, "=\x00") }

// missing returns an error if --only names a variable that no source has.
func (r *runCommand) missing(all []variable) error {
	var names []string
	for _, v := range all {
		names = append(names, v.name)
	}
	for _, asked := range r.only {
		if slices.Contains(names, asked) {
			continue
		}
		err := fmt.Errorf("--only: no source has the variable %q", asked)
		if bare := strings.TrimPrefix(asked, r.prefix); r.prefix != "" && slices.Contains(names, bare) {
			return Hinted(err, "write it without the prefix: %s", bare)
		}
		return hintSimilar(err, asked, slices.Compact(slices.Sorted(slices.Values(names))), "see which there are: add --dry-run=client, without --only")
	}
	return nil
}

// merge returns one variable for each name, sorted by name. Where two sources have it, the
// later one is taken, and a sentence says so. It is pure.
func merge(variables []variable) (merged []variable, doubled []string) {
	byName := map[string]variable{}
	for _, v := range variables {
		if earlier, found := byName[v.name]; found {
			doubled = append(doubled, fmt.Sprintf("%s is in %s and in %s: that of %s is used", v.name, earlier.source, v.source, v.source))
		}
		byName[v.name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		merged = append(merged, byName[name])
	}
	return merged, doubled
}

// disturbed returns a sentence for each conflict between the caller's own environment and the
// variables. It is pure.
func disturbed(own []string, variables []variable) []string {
	var replaced, leading, sentences []string
	isGiven := func(name string) bool {
		return slices.ContainsFunc(variables, func(v variable) bool { return sameVariable(v.name, name) })
	}
	for _, text := range own {
		name, _, _ := strings.Cut(text, "=")
		switch {
		case isGiven(name):
			replaced = append(replaced, name)
		// A service says where to connect whatever the other variables say, an address in
		// place of PGHOST (PostgreSQL manual, libpq, "The Connection Service File" and
		// "Environment Variables").
		case (name == "PGSERVICE" || name == "PGHOSTADDR") && isGiven("PGHOST"):
			leading = append(leading, name)
		}
	}
	slices.Sort(replaced)
	if len(replaced) > 0 {
		sentences = append(sentences, "replaced in your own environment: "+strings.Join(replaced, ", "))
	}
	for _, name := range leading {
		sentences = append(sentences, name+" of your own environment leads libpq elsewhere than PGHOST: unset it, or add --pristine")
	}
	return sentences
}

// environmentOf returns the own environment with the variables in it. It is pure.
func environmentOf(own []string, variables []variable) []string {
	environment := slices.DeleteFunc(slices.Clone(own), func(text string) bool {
		name, _, _ := strings.Cut(text, "=")
		return slices.ContainsFunc(variables, func(v variable) bool { return sameVariable(v.name, name) })
	})
	for _, v := range variables {
		environment = append(environment, v.name+"="+v.value.Reveal())
	}
	return environment
}
