package postgres

import (
	"fmt"
	"slices"
)

// access plans that the login is a member of exactly one group of a database, the one of its
// privilege. Members of the owner group create everything as that group, so that everyone
// sees it. It returns whether the login was lowered, so that endActing has something to end.
func (p *planner) access(want DesiredLogin, database string) bool {
	login, privilege, groups := want.Name, want.Access[database], GroupsOf(database)
	wanted := groups.of(privilege)
	lowered := false
	for _, group := range groups.all() {
		_, member := p.state.Members[group][login]
		if group != wanted && member {
			// Before PostgreSQL 16 every member may have set its role to the group's.
			lowered = lowered || group == groups.Owner || group == groups.ReadWrite && privilege == ReadOnly && p.state.Server.major() < 16
			p.leaveGroup(login, group, fmt.Sprintf("%s in database %q", privilege, database))
		}
	}
	set := privilege == Admin
	if how, member := p.state.Members[wanted][login]; !member || !how.Inherit || set && !how.Set {
		p.roles = append(p.roles, Step{Verb: "grant", Object: fmt.Sprintf("role %q to %q", wanted, login),
			Reason: fmt.Sprintf("%s in database %q", privilege, database), Statement: p.grantRole(wanted, ident(login), set)})
	}
	return p.roleSetting(want, database, groups, lowered)
}

// leaveGroup plans the end of a membership.
func (p *planner) leaveGroup(login, group, reason string) {
	p.roles = append(p.roles, Step{Verb: "revoke", Object: fmt.Sprintf("role %q from %q", group, login), Reason: reason,
		Statement: sql("REVOKE ", ident(group), " FROM ", ident(login))})
}

// roleSetting plans which role the login's sessions act as. A login that is lowered keeps
// the setting until its sessions have ended and what it owns is given away: where a run is
// killed before that, the setting tells the next run to finish. It returns whether endActing
// has something to end.
func (p *planner) roleSetting(want DesiredLogin, database string, groups Groups, lowered bool) bool {
	login := want.Name
	set := slices.Contains(p.index.acting[login], database)
	if want.Access[database] == Admin {
		if !set {
			p.open = append(p.open, Step{Verb: "alter", Object: actsIn(login, database), Reason: "what it creates belongs to the owner group",
				Statement: sql("ALTER ROLE ", ident(login), " IN DATABASE ", ident(database), " SET role = ", literal(groups.Owner))})
		}
		return false
	}
	if !lowered && !set {
		return false
	}
	// A session that has set its role keeps it after the membership is gone.
	p.terminate(login, database, "a session that has set its role keeps it until it ends")
	return true
}

// endActing plans the end of what only a login has that creates objects: what it owns, its
// default privileges, and the role that it acts as. REASSIGN OWNED does not touch default
// privileges; DROP OWNED does, but also takes every privilege that the login was granted. So it
// comes after those have been revoked, and not at all where one of them is to stay.
func (p *planner) endActing(want DesiredLogin, database string) {
	login, owns := want.Name, p.index.owns[want.Name]
	stays := owns[""] || p.outOfReach[database] ||
		slices.ContainsFunc(want.Grants, func(g TableGrant) bool { return g.Database == database })
	switch {
	case !owns[database] || want.Adopt:
	case stays:
		p.giveAway(login, database)
	default:
		p.asMember(login, database, dropOwned(login, database, ident(GroupsOf(database).Owner), "it creates nothing any more that default privileges could be about")...)
	}
	if slices.Contains(p.index.acting[login], database) {
		p.resetRole(login, database)
	}
}

// resetRole plans that the login's sessions act as the login itself again.
func (p *planner) resetRole(login, database string) {
	p.end = append(p.end, Step{Verb: "alter", Object: actsIn(login, database), Reason: "it is no longer a member of the owner group",
		Statement: sql("ALTER ROLE ", ident(login), " IN DATABASE ", ident(database), " RESET role")})
}

// actsIn names a login's settings in a database, in messages.
func actsIn(login, database string) string {
	return fmt.Sprintf("role %q in database %q", login, database)
}

// giveAway plans that what a login owns in a database of ours belongs to the owner
// group. REASSIGN OWNED moves what belongs to the whole server too.
func (p *planner) giveAway(login, database string) {
	if p.index.owns[login][""] {
		p.warn("role %q keeps what it owns in database %q, because it owns a database or another object of the whole server too; give that to another role: ALTER DATABASE … OWNER TO …", login, database)
		return
	}
	p.asMember(login, database, reassign(login, database, ident(GroupsOf(database).Owner)))
}

// inDatabase names an object together with the database that it is in; "" is the
// whole server.
func inDatabase(object, database string) string {
	if database == "" {
		return object
	}
	return object + " in database " + quoted(database)
}

// reassign returns the step that gives another role what a login owns in a database.
func reassign(login, database string, to any) Step {
	return Step{Verb: "reassign", Object: inDatabase("objects of "+quoted(login), database), Reason: "tables outlive the login", Risk: Locking,
		Statement: sql("REASSIGN OWNED BY ", ident(login), " TO ", to)}
}

// leaveOthers plans what a login loses where it has no access: memberships in the groups
// of databases, sessions, what it owns, what it may use. An adopted login keeps what
// dbtether did not give it.
func (p *planner) leaveOthers(want DesiredLogin, desired Desired) {
	lost := map[string]bool{} // databases, and whether their sessions end
	for _, group := range p.index.groups[want.Name] {
		database := databaseOf(group)
		if _, wanted := want.Access[database]; wanted || !p.isGroup(group) {
			continue
		}
		p.leaveGroup(want.Name, group, fmt.Sprintf("no access to database %q", database))
		lost[database] = true
	}
	for _, database := range p.index.acting[want.Name] {
		lost[database] = true
	}
	if !want.Adopt {
		for database, n := range p.state.Sessions[want.Name] {
			lost[database] = lost[database] || n > 0 && p.managed(database) && !p.state.Databases[database].Grants.has("", "CONNECT")
		}
		for database := range p.index.owns[want.Name] {
			if _, known := lost[database]; !known {
				lost[database] = false
			}
		}
	}
	for _, database := range sortedKeys(lost) {
		if _, wanted := want.Access[database]; wanted || database == "" || dropped(desired, database) {
			continue
		}
		if lost[database] {
			p.terminate(want.Name, database, "it has no access to the database any more")
		}
		if _, depends := p.index.owns[want.Name][database]; depends && !want.Adopt {
			p.leaveNothing(want.Name, database)
		}
		if slices.Contains(p.index.acting[want.Name], database) {
			p.resetRole(want.Name, database)
		}
	}
}

// dropped reports whether a database is to be dropped.
func dropped(desired Desired, database string) bool {
	return slices.ContainsFunc(desired.DropDatabases, func(d Drop) bool { return d.Name == database })
}

// leaveNothing plans that a login neither owns nor may use anything in a database. It warns
// where that cannot be done: DROP OWNED would drop what could not be given away before it, and
// fails on a privilege that the admin cannot take away.
func (p *planner) leaveNothing(login, database string) {
	have, owns := p.state.Databases[database], p.index.owns[login][database]
	server := p.state.Server
	switch {
	case owns && !p.managed(database):
		p.warn("role %q keeps what it owns in database %q, which dbtether does not manage; a superuser ends that there with: REASSIGN OWNED BY %s TO …", login, database, sql(ident(login)))
		return
	case owns && p.index.owns[login][""]:
		p.giveAway(login, database) // which warns
		return
	case have.Name != "" && (!have.AllowConnections || have.Barred), !p.managed(database) && !server.Superuser && have.Owner != server.Admin:
		p.warn("role %q keeps what it may use in database %q, where the admin cannot take it away; a superuser ends that there with: %s", login, database, sql("DROP OWNED BY ", ident(login)))
		return
	}
	var heir any
	if p.managed(database) && !p.index.owns[login][""] { // REASSIGN OWNED moves what belongs to the whole server too
		heir = ident(GroupsOf(database).Owner)
	}
	p.revokeGivenOn(login, database)
	switch {
	case !p.outOfReach[database]:
		p.asMember(login, database, dropOwned(login, database, heir, "it has no access to the database any more")...)
	case owns:
		p.asMember(login, database, reassign(login, database, heir))
	}
}

// dropOwned returns the steps that end all privileges of a login in a database. DROP OWNED
// drops what the login owns there, and since the server was read that may have become more: an
// heir gets it before, in the same transaction. Without an heir, nil, the transaction fails if
// there is something, and the next plan says so.
func dropOwned(login, database string, heir any, reason string) []Step {
	first := Step{Verb: "check", Object: inDatabase("objects of "+quoted(login), database), Reason: "what it owns would be dropped", Statement: ownsNothing(login)}
	if heir != nil {
		first = reassign(login, database, heir)
	}
	return []Step{first, {Verb: "revoke", Object: inDatabase("privileges of "+quoted(login), database), Reason: reason, Risk: Locking, Statement: sql("DROP OWNED BY ", ident(login))}}
}

// ownsSome is what the statement of ownsNothing fails with.
const ownsSome = "the role owns some by now, which would be dropped"

// ownsNothing returns a statement that fails if a role owns something in the database: it
// converts ownsSome to a number then. RAISE would need PL/pgSQL, which the admin may lack.
func ownsNothing(role string) Statement {
	return sql("SELECT CAST(CASE WHEN EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid WHERE r.rolname = ", literal(role),
		" AND d.refclassid = regclass 'pg_authid' AND d.deptype = 'o' AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))",
		" THEN ", literal(ownsSome), " ELSE '0' END AS int)")
}
