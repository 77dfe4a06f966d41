package postgres

import (
	"fmt"
	"slices"
	"strings"
)

// lacking grants what relations of the owner group lack that were created before the
// default privileges stood.
func (p *planner) lacking(in *interior) {
	for _, l := range mergeLacking(in.have.Lacking) {
		if l.Owner == "" || l.Owner == in.groups.Owner {
			in.inside.owner = append(in.inside.owner, l.step())
		}
	}
}

// lackingGrants is what a group lacks on the same relations.
type lackingGrants struct {
	LackingGrant
	privileges []string
}

// relationPrivileges are in the order of the manual ("GRANT").
var relationPrivileges = append(slices.Clone(tablePrivileges), "USAGE")

// mergeLacking puts neighbours that lack several privileges on the same relations
// together.
func mergeLacking(all []LackingGrant) []lackingGrants {
	var merged []lackingGrants
	for _, l := range all {
		if n := len(merged); n > 0 {
			last := &merged[n-1]
			if last.Owner == l.Owner && last.Schema == l.Schema && last.Sequences == l.Sequences && last.Grantee == l.Grantee && slices.Equal(last.Relations, l.Relations) {
				last.privileges = append(last.privileges, l.Privilege)
				continue
			}
		}
		merged = append(merged, lackingGrants{l, []string{l.Privilege}})
	}
	for _, l := range merged {
		slices.SortFunc(l.privileges, func(a, b string) int {
			return slices.Index(relationPrivileges, a) - slices.Index(relationPrivileges, b)
		})
	}
	return merged
}

// step returns the statement that grants it.
func (l lackingGrants) step() Step {
	kind, all := "TABLE", "ALL TABLES"
	if l.Sequences {
		kind, all = "SEQUENCE", "ALL SEQUENCES"
	}
	what := strings.ToLower(kind)
	if len(l.Relations) > 1 {
		what += "s"
	}
	grant := "GRANT " + strings.Join(l.privileges, ", ") + " ON "
	step := Step{Verb: "grant", Object: fmt.Sprintf("%d %s in schema %q", len(l.Relations), what, l.Schema), Reason: "created without it"}
	if l.All {
		step.Statement = sql(grant+all+" IN SCHEMA ", ident(l.Schema), " TO ", ident(l.Grantee))
		return step
	}
	fragments := []any{grant + kind + " "}
	for i, name := range l.Relations {
		if i > 0 {
			fragments = append(fragments, ", ")
		}
		fragments = append(fragments, qualified{l.Schema, name})
	}
	step.Statement = sql(append(fragments, " TO ", ident(l.Grantee))...)
	return step
}
