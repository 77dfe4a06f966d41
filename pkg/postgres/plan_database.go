package postgres

import (
	"fmt"
	"strings"
)

// database plans one database: its groups, itself, its isolation, its inside.
func (p *planner) database(want Database) {
	if !p.validName("database", want.Name, 63-len("_owner")) {
		return
	}
	groups := GroupsOf(want.Name)
	have, exists := p.state.Databases[want.Name]
	if exists && !p.ours(want, have) || !p.groups(want, groups) {
		return
	}
	if !exists {
		p.createDatabase(want)
	}
	p.marker(want, have)
	p.isolation(want.Name, groups, have, exists)
	p.connections(want, have, exists)
	content, seen := p.state.Contents[want.Name]
	if !seen {
		content = p.freshContent()
	}
	p.content(want, groups, content)
}

// groups plans the three NOLOGIN roles of a database, and the admin's membership
// in the one that owns its objects. It returns false if one of them is not ours.
func (p *planner) groups(want Database, groups Groups) bool {
	marker := want.Marker
	marker.Kind = groupOf + marker.Kind
	ok := true
	for _, name := range groups.all() {
		role, exists := p.state.Roles[name]
		switch {
		case !exists:
			p.needCreateRole = true
			p.roles = append(p.roles,
				Step{Verb: "create", Object: "role " + quoted(name), Statement: sql("CREATE ROLE ", ident(name), " NOLOGIN"),
					Reason: "group of database " + quoted(want.Name)},
				Step{Verb: "mark", Object: "role " + quoted(name), Statement: sql("COMMENT ON ROLE ", ident(name), " IS ", markerOf(marker)),
					Reason: "says whose it is"})
		case !marker.owns(role.Comment):
			p.refuse(conflict("role", name, role.Comment, want.Marker, "choose another databaseName (--database-name): its groups would be "+
				fmt.Sprintf("%q, %q and %q", groups.Owner, groups.ReadWrite, groups.ReadOnly)))
			return false
		case role.Superuser || role.CreateRole || role.Replication || role.BypassRLS:
			p.refuse(Refusal{Problem: fmt.Sprintf("role %q has been given SUPERUSER, CREATEROLE, REPLICATION or BYPASSRLS", name),
				Fix: "take the attribute away: every user of the database would inherit it"})
			ok = false
		}
	}
	admin := p.state.Server.Admin
	how, member := p.state.Members[groups.Owner][admin]
	if ok && !p.state.Server.Superuser && (!member || !how.Inherit || !how.Set) {
		p.roles = append(p.roles, Step{Verb: "grant", Object: "role " + quoted(groups.Owner) + " to " + quoted(admin),
			Statement: p.grantRole(groups.Owner, "CURRENT_USER", true), Reason: "the admin creates the group's objects"})
	}
	return ok
}

// grantRole spells the options that PostgreSQL 16 made explicit. A member that may
// not SET ROLE to the group loses its rights at once when it leaves the group.
func (p *planner) grantRole(group string, member any, set bool) Statement {
	switch {
	case p.state.Server.major() < 16:
		return sql("GRANT ", ident(group), " TO ", member)
	case set:
		return sql("GRANT ", ident(group), " TO ", member, " WITH INHERIT TRUE, SET TRUE")
	default:
		return sql("GRANT ", ident(group), " TO ", member, " WITH INHERIT TRUE, SET FALSE")
	}
}

// ours reports whether an existing database bears our marker, or is one that we
// began to create: the admin's own, still closed, with our groups around it.
func (p *planner) ours(want Database, have DatabaseState) bool {
	if want.Marker.owns(have.Comment) || p.begun(want, have) {
		return true
	}
	p.refuse(conflict("database", want.Name, have.Comment, want.Marker, "choose another databaseName (--database-name)"))
	return false
}

func (p *planner) begun(want Database, have DatabaseState) bool {
	if have.AllowConnections || have.Comment != "" || have.Owner != p.state.Server.Admin {
		return false
	}
	marker := want.Marker
	marker.Kind = groupOf + marker.Kind
	return marker.owns(p.state.Roles[GroupsOf(want.Name).Owner].Comment)
}

// conflict words the refusal of something that exists and is not ours.
func conflict(kind, name, comment string, want Marker, fix string) Refusal {
	other, marked := ParseMarker(comment)
	refusal := Refusal{Conflict: true, Fix: fix}
	switch {
	case !marked:
		refusal.Problem = fmt.Sprintf("%s %q exists and was not created by dbtether", kind, name)
	case strings.TrimPrefix(other.Kind, groupOf) == want.Kind && other.Resource == want.Resource:
		refusal.Problem = fmt.Sprintf("%s %q was kept from an earlier %s %s (uid %s)", kind, name, want.Kind, want.Resource, other.UID)
		refusal.Fix += ", or drop it first if nothing needs it"
	default:
		refusal.Problem = fmt.Sprintf("%s %q belongs to %s %s (uid %s)", kind, name, strings.TrimPrefix(other.Kind, groupOf), other.Resource, other.UID)
	}
	return refusal
}

// createDatabase plans a database that nobody can connect to until it is marked
// and isolated.
func (p *planner) createDatabase(want Database) {
	p.needCreateDB = true
	p.create = append(p.create, Step{Verb: "create", Object: "database " + quoted(want.Name),
		Statement: sql("CREATE DATABASE ", ident(want.Name), " TEMPLATE template0 ENCODING 'UTF8' ALLOW_CONNECTIONS false"),
		Reason:    "closed until it is isolated"})
}

func (p *planner) marker(want Database, have DatabaseState) {
	if want.Marker.owns(have.Comment) {
		return
	}
	p.open = append(p.open, Step{Verb: "mark", Object: "database " + quoted(want.Name),
		Statement: sql("COMMENT ON DATABASE ", ident(want.Name), " IS ", markerOf(want.Marker)), Reason: "says whose it is"})
}

// isolation plans who may connect: nobody but the groups and the admin. A NULL
// datacl would let PUBLIC in (manual, "Privileges").
func (p *planner) isolation(database string, groups Groups, have DatabaseState, exists bool) {
	object := "database " + quoted(database)
	if !exists || len(have.Grants[""]) > 0 {
		p.open = append(p.open, Step{Verb: "revoke", Object: object, Reason: "PUBLIC would let every role of the server in",
			Statement: sql("REVOKE ALL ON DATABASE ", ident(database), " FROM PUBLIC")})
	}
	grants := []struct {
		group      string
		privileges []string
		words      string
	}{
		{groups.Owner, []string{"CONNECT", "TEMPORARY", "CREATE"}, "CONNECT, TEMPORARY, CREATE"},
		{groups.ReadWrite, []string{"CONNECT", "TEMPORARY"}, "CONNECT, TEMPORARY"},
		{groups.ReadOnly, []string{"CONNECT"}, "CONNECT"},
	}
	for _, g := range grants {
		if exists && have.Grants.has(g.group, g.privileges...) {
			continue
		}
		p.open = append(p.open, Step{Verb: "grant", Object: object + " to " + quoted(g.group), Reason: "what the group may do with the database",
			Statement: sql("GRANT "+g.words+" ON DATABASE ", ident(database), " TO ", ident(g.group))})
	}
}

// connections plans the limit, and opens the database last.
func (p *planner) connections(want Database, have DatabaseState, exists bool) {
	object := "database " + quoted(want.Name)
	limit := -1
	if exists {
		limit = have.ConnectionLimit
	}
	if want.ConnectionLimit != limit {
		p.open = append(p.open, Step{Verb: "alter", Object: object, Reason: fmt.Sprintf("connection limit %d → %d", limit, want.ConnectionLimit),
			Statement: sql("ALTER DATABASE ", ident(want.Name), " CONNECTION LIMIT ", want.ConnectionLimit)})
	}
	if !exists || !have.AllowConnections {
		p.open = append(p.open, Step{Verb: "open", Object: object, Reason: "it is isolated now",
			Statement: sql("ALTER DATABASE ", ident(want.Name), " ALLOW_CONNECTIONS true")})
	}
}
