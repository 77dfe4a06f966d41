package postgres

import (
	"slices"
	"strings"
)

// index holds what would otherwise be searched for in the whole state, again and again.
type index struct {
	// groups lists the roles that a role is directly a member of, by member.
	groups map[string][]string
	// marked lists the roles that bear a marker, by its UID.
	marked map[string][]string
	// granted lists the databases on which a role itself holds something, by role.
	granted map[string][]string
	// acting lists the databases in which a role's sessions act as the owner group.
	acting map[string][]string
	// owns says in which databases a role owns something, by role; a database in which
	// it only may use something is false.
	owns map[string]map[string]bool
}

// indexOf returns the index of a state.
func indexOf(state State) index {
	x := index{groups: map[string][]string{}, marked: map[string][]string{}, granted: map[string][]string{},
		acting: map[string][]string{}, owns: map[string]map[string]bool{}}
	for _, group := range sortedKeys(state.Members) {
		for member := range state.Members[group] {
			x.groups[member] = append(x.groups[member], group)
		}
	}
	for _, name := range sortedKeys(state.Roles) {
		if m, marked := ParseMarker(state.Roles[name].Comment); marked {
			x.marked[m.UID] = append(x.marked[m.UID], name)
		}
	}
	for _, database := range sortedKeys(state.Databases) {
		for grantee := range state.Databases[database].Grants {
			x.granted[grantee] = append(x.granted[grantee], database)
		}
	}
	for _, database := range sortedKeys(state.Settings) {
		for role, settings := range state.Settings[database] {
			if slices.Contains(settings, "role="+GroupsOf(database).Owner) {
				x.acting[role] = append(x.acting[role], database)
			}
		}
	}
	for _, dep := range state.Dependencies {
		if x.owns[dep.Role] == nil {
			x.owns[dep.Role] = map[string]bool{}
		}
		x.owns[dep.Role][dep.Database] = x.owns[dep.Role][dep.Database] || dep.Owns
	}
	return x
}

// bearing lists the roles that bear a marker.
func (p *planner) bearing(m Marker) []string {
	var names []string
	for _, name := range p.index.marked[m.UID] {
		if m.owns(p.state.Roles[name].Comment) {
			names = append(names, name)
		}
	}
	return names
}

// isGroup reports whether a role bears the marker of a database's group.
func (p *planner) isGroup(role string) bool {
	marker, marked := ParseMarker(p.state.Roles[role].Comment)
	return marked && marker.isGroup()
}

// managed reports whether a database has an owner group of ours.
func (p *planner) managed(database string) bool {
	return database != "" && p.isGroup(GroupsOf(database).Owner)
}

// databaseOf returns the database that a group is named after, "" if it is none.
func databaseOf(group string) string {
	for _, suffix := range GroupsOf("").all() {
		if database, found := strings.CutSuffix(group, suffix); found {
			return database
		}
	}
	return ""
}
