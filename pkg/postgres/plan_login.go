package postgres

import (
	"fmt"
	"slices"
)

// login plans a role that logs in: itself, its memberships, its role setting.
func (p *planner) login(want DesiredLogin, desired Desired) {
	if !p.validName("role", want.Name, 63) {
		return
	}
	for _, db := range desired.Databases {
		if GroupsOf(db.Name).has(want.Name) {
			p.refuse(Refusal{Conflict: true, Problem: fmt.Sprintf("role %q is the name of a group of database %q", want.Name, db.Name),
				Fix: "choose another username (--username)"})
			return
		}
	}
	role, exists := p.state.Roles[want.Name]
	if exists && !p.mayUse(want, role) {
		return
	}
	if exists {
		p.alterLogin(want, role)
	} else {
		p.createLogin(want)
	}
	for _, database := range sortedKeys(want.Access) {
		p.access(want.Name, database, want.Access[database])
	}
}

// mayUse refuses a role that is not ours, or that has been made dangerous.
func (p *planner) mayUse(want DesiredLogin, role Role) bool {
	switch {
	case !want.Marker.owns(role.Comment):
		p.refuse(conflict("role", want.Name, role.Comment, want.Marker, "choose another username (--username)"))
	case role.Superuser || role.CreateRole || role.Replication || role.BypassRLS:
		p.refuse(Refusal{Problem: fmt.Sprintf("role %q has been given SUPERUSER, CREATEROLE, REPLICATION or BYPASSRLS", want.Name),
			Fix: "take the attribute away before its credential is handed out"})
	default:
		return true
	}
	return false
}

func (p *planner) createLogin(want DesiredLogin) {
	p.needCreateRole = true
	object := "login " + quoted(want.Name)
	p.roles = append(p.roles,
		Step{Verb: "create", Object: object, Reason: "with the password that is in its Secret",
			Statement: sql("CREATE ROLE ", ident(want.Name), " LOGIN INHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT ",
				want.ConnectionLimit, " PASSWORD ", verifierOf(want.Name))},
		Step{Verb: "mark", Object: object, Reason: "says whose it is",
			Statement: sql("COMMENT ON ROLE ", ident(want.Name), " IS ", markerOf(want.Marker))})
}

func (p *planner) alterLogin(want DesiredLogin, role Role) {
	object := "role " + quoted(want.Name)
	alter := func(reason string, statement Statement) {
		p.needCreateRole = true
		p.roles = append(p.roles, Step{Verb: "alter", Object: object, Reason: reason, Statement: statement})
	}
	if !role.Login || !role.Inherit {
		// Without INHERIT the privilege to connect, a group's, does not count.
		alter("it must be able to log in", sql("ALTER ROLE ", ident(want.Name), " LOGIN INHERIT"))
	}
	if role.ConnectionLimit != want.ConnectionLimit {
		alter(fmt.Sprintf("connection limit %d → %d", role.ConnectionLimit, want.ConnectionLimit),
			sql("ALTER ROLE ", ident(want.Name), " CONNECTION LIMIT ", want.ConnectionLimit))
	}
	if want.SetPassword {
		alter("the password that is in its Secret", sql("ALTER ROLE ", ident(want.Name), " PASSWORD ", verifierOf(want.Name)))
	}
}

// access plans the one group of a database that the login is a member of. Members
// of the owner group create everything as that group, so that everyone sees it.
func (p *planner) access(login, database string, privilege Privilege) {
	groups := GroupsOf(database)
	wanted := groups.of(privilege)
	lowered := false
	for _, group := range groups.all() {
		_, member := p.state.Members[group][login]
		if group != wanted && member {
			// Before PostgreSQL 16 every member may have set its role to the group's.
			lowered = lowered || group == groups.Owner || group == groups.ReadWrite && privilege == ReadOnly && p.state.Server.major() < 16
			p.roles = append(p.roles, Step{Verb: "revoke", Object: fmt.Sprintf("role %q from %q", group, login),
				Reason: fmt.Sprintf("%s in database %q", privilege, database), Statement: sql("REVOKE ", ident(group), " FROM ", ident(login))})
		}
	}
	set := privilege == Admin
	if how, member := p.state.Members[wanted][login]; !member || !how.Inherit || set && !how.Set {
		p.roles = append(p.roles, Step{Verb: "grant", Object: fmt.Sprintf("role %q to %q", wanted, login),
			Reason: fmt.Sprintf("%s in database %q", privilege, database), Statement: p.grantRole(wanted, ident(login), set)})
	}
	p.roleSetting(login, database, groups, privilege, lowered)
}

// roleSetting plans which role the login's sessions act as. A login that is lowered
// keeps the setting until its sessions have ended: so a run that stops before that
// leaves a sign for the next one.
func (p *planner) roleSetting(login, database string, groups Groups, privilege Privilege, lowered bool) {
	object := fmt.Sprintf("role %q in database %q", login, database)
	set := slices.Contains(p.state.Settings[database][login], "role="+groups.Owner)
	if privilege == Admin {
		if !set {
			p.open = append(p.open, Step{Verb: "alter", Object: object, Reason: "what it creates belongs to the owner group",
				Statement: sql("ALTER ROLE ", ident(login), " IN DATABASE ", ident(database), " SET role = ", literal(groups.Owner))})
		}
		return
	}
	if lowered || set {
		// A session that has set its role keeps it after the membership is gone.
		p.terminate(login, database, "a session that has set its role keeps it until it ends")
	}
	if set {
		p.end = append(p.end, Step{Verb: "alter", Object: object, Reason: "it is no longer a member of the owner group",
			Statement: sql("ALTER ROLE ", ident(login), " IN DATABASE ", ident(database), " RESET role")})
	}
}
