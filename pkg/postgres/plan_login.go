package postgres

import (
	"fmt"
	"time"
)

// login plans a role that logs in: itself, its memberships, what it holds itself.
func (p *planner) login(want DesiredLogin, desired Desired) {
	if !p.validName("role", want.Name, 63) || !p.validGrants(want) {
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
	switch {
	case exists && !p.mayUse(want, role) || !exists && p.renamed(want, desired) || !p.containedGroups(want):
		return
	case exists:
		p.alterLogin(want, role)
	default:
		p.createLogin(want)
	}
	if steps := p.settings("ROLE", want.Name, want.Settings, role.Settings, want.ResetSettings); len(steps) > 0 {
		p.needCreateRole = true
		p.roles = append(p.roles, steps...)
	}
	clear(p.outOfReach)
	var lowered []string
	for _, database := range sortedKeys(want.Access) {
		if p.access(want, database) {
			lowered = append(lowered, database)
		}
	}
	p.endSessions(want, role, exists)
	p.leaveOthers(want, desired)
	p.revokeDirect(want, desired)
	for _, database := range lowered {
		p.endActing(want, database)
	}
	p.grantTables(want)
}

// containedGroups refuses groups that would give the login rights beyond a database.
func (p *planner) containedGroups(want DesiredLogin) bool {
	ok := true
	for _, database := range sortedKeys(want.Access) {
		ok = p.contained(GroupsOf(database).of(want.Access[database])) && ok
	}
	return ok
}

func (p *planner) createLogin(want DesiredLogin) {
	p.needCreateRole = true
	object := "login " + quoted(want.Name)
	login := " LOGIN"
	if want.Closed {
		login = " NOLOGIN"
	}
	create := []any{"CREATE ROLE ", ident(want.Name), login, " INHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT ",
		want.ConnectionLimit, " PASSWORD ", verifierOf(want.Name)}
	if !want.ValidUntil.IsZero() {
		create = append(create, " VALID UNTIL ", literal(validUntil(want.ValidUntil)))
	}
	p.roles = append(p.roles,
		Step{Verb: "create", Object: object, Reason: "with the password that is in its Secret", Statement: sql(create...)},
		Step{Verb: "mark", Object: object, Reason: "says whose it is",
			Statement: sql("COMMENT ON ROLE ", ident(want.Name), " IS ", markerOf(want.Marker))})
}

func (p *planner) alterLogin(want DesiredLogin, role Role) {
	object := "role " + quoted(want.Name)
	alter := func(reason string, statement Statement) {
		p.needCreateRole = true
		p.roles = append(p.roles, Step{Verb: "alter", Object: object, Reason: reason, Statement: statement})
	}
	if !want.Marker.owns(role.Comment) {
		p.needCreateRole = true
		p.roles = append(p.roles, Step{Verb: "adopt", Object: object, Reason: "says whose it is now",
			Statement: sql("COMMENT ON ROLE ", ident(want.Name), " IS ", claim{want.Marker, remark(role.Comment)})})
	}
	switch {
	case want.Closed && role.Login:
		alter("its access has ended", sql("ALTER ROLE ", ident(want.Name), " NOLOGIN"))
	case !want.Closed && (!role.Login || !role.Inherit):
		// Without INHERIT the privilege to connect, a group's, does not count.
		alter("it must be able to log in", sql("ALTER ROLE ", ident(want.Name), " LOGIN INHERIT"))
	}
	if role.ConnectionLimit != want.ConnectionLimit {
		alter(fmt.Sprintf("connection limit %d → %d", role.ConnectionLimit, want.ConnectionLimit),
			sql("ALTER ROLE ", ident(want.Name), " CONNECTION LIMIT ", want.ConnectionLimit))
	}
	if have, wanted := validUntil(role.ValidUntil), validUntil(want.ValidUntil); have != wanted {
		alter(fmt.Sprintf("its password ends to work: %s → %s", have, wanted),
			sql("ALTER ROLE ", ident(want.Name), " VALID UNTIL ", literal(wanted)))
	}
	if want.SetPassword {
		alter("the password that is in its Secret", sql("ALTER ROLE ", ident(want.Name), " PASSWORD ", verifierOf(want.Name)))
	}
}

// validUntil writes a time as the server reads it whatever its DateStyle and
// TimeZone, to the microsecond.
func validUntil(t time.Time) string {
	if t.IsZero() {
		return "infinity"
	}
	return t.UTC().Truncate(time.Microsecond).Format("2006-01-02 15:04:05.999999") + "+00"
}

// endSessions plans the end of all sessions of a login that is closed, or whose old
// password must open nothing any more. It comes after the statement that keeps new
// ones out is committed; sessions of a closed login that are still there tell the
// next run of one that was stopped in between.
func (p *planner) endSessions(want DesiredLogin, role Role, exists bool) {
	left := 0
	for _, n := range p.state.Sessions[want.Name] {
		left += n
	}
	switch {
	case !exists:
	case want.Closed && (role.Login || left > 0):
		p.terminate(want.Name, "", "its access has ended")
	case want.EndSessions:
		p.terminate(want.Name, "", "they were opened with the old password")
	}
}
