package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// containerAccount is a container, and the credentials that it has.
type containerAccount struct {
	Name string   `json:"name"`
	Kind string   `json:"kind,omitempty"` // init or ephemeral
	Has  []taking `json:"has,omitempty"`
	// Lacks is what it would be given beside that, were the pod created now.
	Lacks []taking `json:"lacks,omitempty"`
	// Why says why it has nothing, where that is by intent.
	Why string `json:"why,omitempty"`
}

// taking is what a container takes of the credential of a user.
type taking struct {
	User      string   `json:"user"`
	Secret    string   `json:"secret"`
	By        string   `json:"by"` // injection or reference
	Variables []string `json:"variables,omitempty"`
	EnvFrom   bool     `json:"envFrom,omitempty"`
	Files     []string `json:"files,omitempty"`
}

// How a pod comes to a credential.
const (
	byInjection = "injection"
	byReference = "reference"
)

// accountContainers returns the containers of a pod, each with what it has, and with what it
// would have beside that in after, the pod as it would be created now; nil: nothing would
// change.
func accountContainers(before, after []review.Container, ask *inject.Ask, injections []inject.Injection, facts review.Facts, namespace string) []containerAccount {
	all := []containerAccount{}
	for _, c := range before {
		account := containerAccount{Name: c.Name, Kind: c.Kind}
		selected := ask == nil || len(ask.Containers) == 0 || slices.Contains(ask.Containers, c.Name)
		for _, t := range c.Taken {
			for _, user := range facts.UsersOfSecret(namespace, v1alpha1.LiveSecret(t.Secret)) {
				taking := newTaking(user.Name, t)
				if selected && slices.ContainsFunc(injections, func(i inject.Injection) bool { return i.User == user.Name }) {
					taking.By = byInjection
				}
				account.Has = append(account.Has, taking)
			}
		}
		if i := slices.IndexFunc(after, func(a review.Container) bool { return a.Name == c.Name && a.Kind == c.Kind }); i >= 0 {
			account.Lacks = lacks(c, after[i], facts, namespace)
		}
		switch {
		case len(account.Has) > 0 || len(account.Lacks) > 0 || ask == nil:
		case !selected:
			account.Why = fmt.Sprintf("%s names %s", v1alpha1.AnnotationContainers, strings.Join(ask.Containers, ", "))
		case c.Kind == "ephemeral":
			account.Why = "an ephemeral container is given it when it is added, or not at all"
		}
		all = append(all, account)
	}
	return all
}

// newTaking returns what a container takes by a reference of its own.
func newTaking(user string, t review.Taken) taking {
	return taking{User: user, Secret: t.Secret, By: byReference, Variables: t.Variables, EnvFrom: t.All, Files: t.Mounts}
}

// lacks returns what a container has after and not before.
func lacks(before, after review.Container, facts review.Facts, namespace string) []taking {
	var lacked []taking
	for _, t := range after.Taken {
		has := review.Taken{}
		if i := slices.IndexFunc(before.Taken, func(b review.Taken) bool { return b.Secret == t.Secret }); i >= 0 {
			has = before.Taken[i]
		}
		t.Variables, t.Mounts = without(t.Variables, has.Variables), without(t.Mounts, has.Mounts)
		if t.All = false; len(t.Variables) == 0 && len(t.Mounts) == 0 {
			continue
		}
		for _, user := range facts.UsersOfSecret(namespace, v1alpha1.LiveSecret(t.Secret)) {
			taking := newTaking(user.Name, t)
			taking.By = byInjection
			lacked = append(lacked, taking)
		}
	}
	return lacked
}

// without returns those of all that are not among the others.
func without(all, others []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(others, s) })
}

// containers adds the table of containers.
func (d *description) containers(all []containerAccount) {
	d.section("Containers")
	if len(all) == 0 {
		return
	}
	d.row("NAME", "USER", "BY", "VARIABLES", "FILES")
	for _, c := range all {
		name := c.Name
		if c.Kind != "" {
			name += " (" + c.Kind + ")"
		}
		for _, t := range c.Has {
			d.row(name, t.User, t.By, t.variables(), strings.Join(t.Files, ", "))
		}
		for _, t := range c.Lacks {
			d.row(name, t.User, "lacking", t.variables(), strings.Join(t.Files, ", "))
		}
		if len(c.Has) == 0 && len(c.Lacks) == 0 {
			d.row(name, strings.TrimSuffix(none+": "+c.Why, ": "))
		}
	}
}

// variables returns the variables in one cell.
func (t taking) variables() string {
	variables := t.Variables
	if t.EnvFrom {
		variables = append([]string{"all keys"}, variables...)
	}
	return strings.Join(variables, ", ")
}
