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
	if want.ReferenceOnly {
		p.reference(want)
		return
	}
	groups := GroupsOf(want.Name)
	have, exists := p.state.Databases[want.Name]
	if exists && (!p.mayTake(want, have) || !p.sameLocale(want, have)) || !exists && !p.absent(want) || !p.groups(want, groups) {
		return
	}
	if !exists {
		have.Owner = p.state.Server.Admin
		p.createDatabase(want)
	}
	before := len(p.open)
	p.marker(want, have)
	p.isolation(want, groups, have, exists)
	p.open = append(p.open, p.settings("DATABASE", want.Name, want.Parameters, have.Parameters, want.ResetParameters)...)
	p.connections(want, have, exists)
	if len(p.open) > before || have.Barred && !want.Settled {
		p.ownerless(want, have)
	}
	p.interior(want, groups, have, exists)
}

// groups plans the three NOLOGIN roles of a database, and the admin's membership
// in the one that owns its objects. It returns false if one of them is not ours.
func (p *planner) groups(want Database, groups Groups) bool {
	marker := want.Marker.group()
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
		case want.Adopt && marker.succeeds(role.Comment):
			p.needCreateRole = true
			p.roles = append(p.roles, Step{Verb: "mark", Object: "role " + quoted(name), Reason: "it was an earlier resource's of the same name",
				Statement: sql("COMMENT ON ROLE ", ident(name), " IS ", claim{marker, remark(role.Comment)})})
			ok = p.unprivileged(role) && ok
		case !marker.owns(role.Comment):
			p.refuse(conflict("role", name, role.Comment, want.Marker, "choose another databaseName (--database-name): its groups would be "+
				fmt.Sprintf("%q, %q and %q", groups.Owner, groups.ReadWrite, groups.ReadOnly)))
			return false
		default:
			ok = p.unprivileged(role) && ok
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

// unprivileged refuses a group with attributes that reach beyond its database.
func (p *planner) unprivileged(group Role) bool {
	if !group.dangerous() {
		return true
	}
	return p.refused(fmt.Sprintf("role %q has been given %s", group.Name, dangerousAttributes),
		"take the attribute away: every user of the database would inherit it")
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

// begun reports whether a database is one that we began to create: the admin's own,
// still closed, with our groups around it.
func (p *planner) begun(want Database, have DatabaseState) bool {
	if have.AllowConnections || have.Comment != "" || have.Owner != p.state.Server.Admin {
		return false
	}
	return want.Marker.group().owns(p.state.Roles[GroupsOf(want.Name).Owner].Comment)
}

// conflict words the refusal of something that exists and is not ours.
func conflict(kind, name, comment string, want Marker, fix string) Refusal {
	other, marked := ParseMarker(comment)
	refusal := Refusal{Conflict: true, Fix: fix}
	switch {
	case !marked:
		refusal.Problem = fmt.Sprintf("%s %q exists and was not created by dbtether", kind, name)
	case other.resourceKind() == want.Kind && other.Resource == want.Resource:
		refusal.Problem = fmt.Sprintf("%s %q was kept from an earlier %s %s (uid %s)", kind, name, want.Kind, want.Resource, other.UID)
		refusal.Fix += ", or drop it first if nothing needs it"
	default:
		refusal.Problem = fmt.Sprintf("%s %q belongs to %s %s (uid %s)", kind, name, other.resourceKind(), other.Resource, other.UID)
	}
	return refusal
}

// marker plans the first line of the database's comment.
func (p *planner) marker(want Database, have DatabaseState) {
	if want.Marker.owns(have.Comment) {
		return
	}
	verb, reason := "mark", "says whose it is"
	if have.Name != "" && !p.begun(want, have) {
		verb, reason = "adopt", "says whose it is now"
	}
	p.open = append(p.open, Step{Verb: verb, Object: "database " + quoted(want.Name), Reason: reason,
		Statement: sql("COMMENT ON DATABASE ", ident(want.Name), " IS ", claim{want.Marker, remark(have.Comment)})})
}

// isolation plans who may connect: nobody but the groups and the admin, unless PUBLIC
// shall keep what it has. A NULL datacl would let PUBLIC in (manual, "Privileges").
func (p *planner) isolation(want Database, groups Groups, have DatabaseState, exists bool) {
	database, object := want.Name, "database "+quoted(want.Name)
	if !want.KeepPublicConnect && (!exists || len(have.Grants[""]) > 0) {
		p.open = append(p.open, Step{Verb: "revoke", Object: object, Reason: "PUBLIC would let every role of the server in",
			Statement: sql("REVOKE ALL ON DATABASE ", ident(database), " FROM PUBLIC")})
	}
	grants := []struct {
		group      string
		privileges []string
	}{
		{groups.Owner, []string{"CONNECT", "TEMPORARY", "CREATE"}},
		{groups.ReadWrite, []string{"CONNECT", "TEMPORARY"}},
		{groups.ReadOnly, []string{"CONNECT"}},
	}
	for _, g := range grants {
		if exists && have.Grants.has(g.group, g.privileges...) {
			continue
		}
		p.open = append(p.open, Step{Verb: "grant", Object: object + " to " + quoted(g.group), Reason: "what the group may do with the database",
			Statement: sql("GRANT "+strings.Join(g.privileges, ", ")+" ON DATABASE ", ident(database), " TO ", ident(g.group))})
	}
}

// connections plans the limit, and opens the database last.
func (p *planner) connections(want Database, have DatabaseState, exists bool) {
	object := "database " + quoted(want.Name)
	limit := -1
	if exists {
		limit = have.ConnectionLimit
	}
	if want.ConnectionLimit != limit && (want.ConnectionLimit != -1 || !p.adopted(want, have, exists)) {
		p.open = append(p.open, Step{Verb: "alter", Object: object, Reason: fmt.Sprintf("connection limit %d → %d", limit, want.ConnectionLimit),
			Statement: sql("ALTER DATABASE ", ident(want.Name), " CONNECTION LIMIT ", want.ConnectionLimit)})
	}
	if !exists || !have.AllowConnections {
		p.open = append(p.open, Step{Verb: "open", Object: object, Reason: "it is isolated now",
			Statement: sql("ALTER DATABASE ", ident(want.Name), " ALLOW_CONNECTIONS true")})
	}
}
