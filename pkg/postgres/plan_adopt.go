package postgres

import (
	"fmt"
	"slices"
)

// orAdopt is what else may be done about something that bears nobody else's marker.
const orAdopt = ", or take it over with spec.adopt (--adopt)"

// mayTake reports whether an existing database is the resource's own, is one that we
// began to create, or may be adopted; otherwise it refuses.
func (p *planner) mayTake(want Database, have DatabaseState) bool {
	switch {
	case want.Marker.owns(have.Comment) || p.begun(want, have):
		return true
	case !want.Adopt || !want.Marker.mayClaim(have.Comment):
		fix := "choose another databaseName (--database-name)"
		if want.Marker.mayClaim(have.Comment) && have.AllowConnections {
			fix += orAdopt
		}
		p.refuse(conflict("database", want.Name, have.Comment, want.Marker, fix))
		return false
	case !have.AllowConnections:
		return p.refused(fmt.Sprintf("database %q is to be adopted and takes no connections", want.Name),
			"find out who closed it, then run: "+sql("ALTER DATABASE ", ident(want.Name), " ALLOW_CONNECTIONS true").String())
	}
	return true
}

// adopted reports whether a database is one that nothing is taken away from.
func (p *planner) adopted(want Database, have DatabaseState, exists bool) bool {
	return want.Adopt && exists && !p.begun(want, have)
}

// absent decides about a database that does not exist. One that bears our marker
// under another name, or that existed before, was renamed or deleted by somebody else.
func (p *planner) absent(want Database) bool {
	for _, name := range sortedKeys(p.state.Databases) {
		if want.Marker.owns(p.state.Databases[name].Comment) {
			p.refuse(Refusal{Problem: fmt.Sprintf("database %q was renamed to %q by somebody else", want.Name, name),
				Fix: "run: " + sql("ALTER DATABASE ", ident(name), " RENAME TO ", ident(want.Name)).String() +
					"; or, to have a new one beside it: " + sql("COMMENT ON DATABASE ", ident(name), " IS NULL").String()})
			return false
		}
	}
	if want.Provisioned && !want.Recreate {
		p.refuse(Refusal{Problem: fmt.Sprintf("database %q was deleted by somebody else", want.Name),
			Fix: "restore it from a backup, or run `kubectl dbtether reconcile --recreate` for an empty one"})
		return false
	}
	return p.creatable(want)
}

// reference checks a database that logins refer to: another resource's run looks
// after it.
func (p *planner) reference(want Database) {
	have, exists := p.state.Databases[want.Name]
	ready := exists && want.Marker.owns(have.Comment)
	for _, name := range GroupsOf(want.Name).all() {
		ready = ready && want.Marker.group().owns(p.state.Roles[name].Comment)
	}
	switch {
	case ready:
	case !exists && want.Provisioned:
		p.refuse(Refusal{Problem: fmt.Sprintf("database %q is gone: somebody else deleted or renamed it", want.Name),
			Fix: "see what mends it: " + want.Marker.command("drift")})
	case !exists || want.Marker.owns(have.Comment) || p.begun(want, have):
		p.refuse(Refusal{Problem: fmt.Sprintf("database %q is not provisioned so far", want.Name), Fix: "run: " + want.Marker.command("reconcile")})
	default:
		p.refuse(conflict("database", want.Name, have.Comment, want.Marker, "refer to the Database that it belongs to, or choose another databaseName"))
	}
}

// ownerless refuses a plan for a database that has to be changed, or entered, and
// whose owner the admin cannot act as.
func (p *planner) ownerless(want Database, have DatabaseState) {
	server := p.state.Server
	if server.Superuser || p.inherits(server.Admin, have.Owner) {
		return
	}
	problem := fmt.Sprintf("database %q belongs to %q, and %q may not act as that role", want.Name, have.Owner, server.Admin)
	if have.Owner == server.Bootstrap || p.state.Roles[have.Owner].Superuser {
		// Membership in a superuser's role would make the admin one.
		p.refused(problem, "have a superuser run: "+sql("ALTER DATABASE ", ident(want.Name), " OWNER TO ", ident(server.Admin)).String())
		return
	}
	p.refused(problem, "run: "+sql("GRANT ", ident(have.Owner), " TO ", ident(server.Admin)).String())
}

// inherits reports whether a member has the privileges of a role, directly or through
// others.
func (p *planner) inherits(member, role string) bool {
	seen := []string{role}
	for i := 0; i < len(seen); i++ {
		if seen[i] == member {
			return true
		}
		for _, m := range sortedKeys(p.state.Members[seen[i]]) {
			if p.state.Members[seen[i]][m].Inherit && !slices.Contains(seen, m) {
				seen = append(seen, m)
			}
		}
	}
	return false
}
