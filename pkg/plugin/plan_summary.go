package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// shownGrants is how many grants a summary lists one by one; more are counted.
const shownGrants = 3

// summarize returns a plan in a few lines: what is created by name, then in the
// plan's order what is altered or dropped with its reason, grants by number if they
// are many. It is pure.
func summarize(plan postgres.Plan, secrets provision.SecretChanges) []string {
	var said []sentence
	say := func(verb, format string, args ...any) {
		said = append(said, sentence{verb, fmt.Sprintf(format, args...)})
	}
	for _, kind := range []string{"role", "login", "database", "schema", "extension"} {
		if names := created(plan, kind); len(names) > 0 {
			say("create", "%s %s", plural(kind, len(names)), strings.Join(names, ", "))
		}
	}
	counted := map[string]bool{}
	for _, s := range only(plan, "adopt", "mark", "grant", "revoke", "alter", "open", "end", "reassign", "drop") {
		verb, alike := alike(plan, s)
		switch {
		case partOfCreation(plan, s):
		case len(alike) <= shownGrants:
			say(s.Verb, "%s (%s)%s", s.Object, s.Reason, risky(s.Risk))
		case !counted[verb]:
			say(verb, "%d statements%s", len(alike), isolation(alike))
			counted[verb] = true
		}
	}
	for _, secret := range secrets.Written {
		say("write", "Secret %s", secret)
	}
	for _, secret := range secrets.Deleted {
		say("delete", "Secret %s", secret)
	}
	return aligned(said)
}

// sentence is one line of a summary.
type sentence struct{ verb, rest string }

func aligned(said []sentence) []string {
	width := len("create ")
	for _, s := range said {
		width = max(width, len(s.verb))
	}
	var lines []string
	for _, s := range said {
		lines = append(lines, fmt.Sprintf("  %-*s %s", width, s.verb, s.rest))
	}
	return lines
}

// isolation is added to a number of grants that shut PUBLIC out of a database; empty for
// others.
func isolation(grants []postgres.Step) string {
	if slices.ContainsFunc(grants, func(s postgres.Step) bool { return s.Verb == "revoke" && strings.HasPrefix(s.Object, "database ") }) {
		return ", isolation from PUBLIC"
	}
	return ""
}

// alike returns the steps that a summary counts together with s where they are many, and
// the verb of that line. Grants and revocations are counted separately, except those that
// isolate a new database. Other steps are never counted: none are returned.
func alike(plan postgres.Plan, s postgres.Step) (verb string, steps []postgres.Step) {
	switch {
	case s.Verb != "grant" && s.Verb != "revoke":
		return s.Verb, nil
	case len(created(plan, "database")) > 0:
		return "grant", only(plan, "grant", "revoke")
	default:
		return s.Verb, only(plan, s.Verb)
	}
}

// partOfCreation reports whether a step only completes something that the same plan
// creates.
func partOfCreation(plan postgres.Plan, step postgres.Step) bool {
	switch step.Verb {
	case "mark", "open":
		return slices.ContainsFunc(only(plan, "create"), func(s postgres.Step) bool { return s.Object == step.Object })
	case "alter":
	default:
		return false
	}
	for _, login := range created(plan, "login") {
		if strings.HasPrefix(step.Object, fmt.Sprintf("role %q", login)) {
			return true
		}
	}
	return len(created(plan, "database")) > 0 && (strings.HasPrefix(step.Object, "schema ") || strings.HasPrefix(step.Object, "database "))
}

// created lists what a plan creates of a kind. A step names its object as kind "name".
func created(plan postgres.Plan, kind string) []string {
	var names []string
	for _, s := range only(plan, "create") {
		if k, name, _ := strings.Cut(s.Object, " "); k == kind {
			names = append(names, strings.Trim(name, `"`))
		}
	}
	return names
}

func only(plan postgres.Plan, verbs ...string) []postgres.Step {
	var steps []postgres.Step
	for _, s := range plan.Steps {
		if slices.Contains(verbs, s.Verb) {
			steps = append(steps, s)
		}
	}
	return steps
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func risky(risk postgres.Risk) string {
	if risk == postgres.Safe {
		return ""
	}
	return " — " + string(risk)
}
