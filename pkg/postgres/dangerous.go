package postgres

import (
	"fmt"
	"slices"
	"strings"
)

// dangerousAttributes names what dangerous looks for, in messages.
const dangerousAttributes = "SUPERUSER, CREATEROLE, REPLICATION or BYPASSRLS"

// dangerous reports whether an attribute gives a role rights over the whole server.
func (r Role) dangerous() bool { return r.Superuser || r.CreateRole || r.Replication || r.BypassRLS }

// reservedPrefixes begin the names of roles that PostgreSQL and cloud providers made.
var reservedPrefixes = []string{"pg_", "rds", "cloudsql", "alloydb", "azure"}

// reservedRole reports whether a role is PostgreSQL's or a provider's, by its name.
func reservedRole(name string) bool {
	return slices.ContainsFunc(reservedPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// mayUse refuses a role that is not ours and may not be adopted, or whose rights
// reach beyond its databases: its credential would be handed out.
func (p *planner) mayUse(want DesiredLogin, role Role) bool {
	ours := want.Marker.owns(role.Comment)
	switch {
	case !ours && (!want.Adopt || !want.Marker.mayClaim(role.Comment)):
		fix := "choose another username (--username)"
		if want.Marker.mayClaim(role.Comment) && !role.dangerous() && !reservedRole(role.Name) && role.Name != p.state.Server.Admin {
			fix += orAdopt
		}
		p.refuse(conflict("role", want.Name, role.Comment, want.Marker, fix))
		return false
	case role.Name == p.state.Server.Admin:
		p.refuse(Refusal{Problem: fmt.Sprintf("role %q is the admin of the server", want.Name), Fix: "choose another username (--username)"})
		return false
	case role.dangerous():
		p.refuse(Refusal{Problem: fmt.Sprintf("role %q has been given %s", want.Name, dangerousAttributes),
			Fix: "take the attribute away before its credential is handed out"})
		return false
	case !ours && !p.mayAdopt(want):
		return false
	}
	return p.contained(want.Name)
}

// mayAdopt refuses a role without our marker that is special, or that the admin
// cannot change (manual 16, "Role Membership": it takes ADMIN on the role).
func (p *planner) mayAdopt(want DesiredLogin) bool {
	server := p.state.Server
	how := p.state.Members[want.Name][server.Admin]
	admin := sql(ident(server.Admin)).String()
	role := sql(ident(want.Name)).String()
	switch {
	case reservedRole(want.Name):
		p.refuse(Refusal{Problem: fmt.Sprintf("role %q belongs to PostgreSQL or to the cloud provider", want.Name), Fix: "choose another username (--username)"})
	case how.Inherit || how.Set:
		p.refuse(Refusal{Problem: fmt.Sprintf("the admin role %q is a member of role %q", server.Admin, want.Name),
			Fix: fmt.Sprintf("choose another username (--username), or take the membership away: REVOKE %s FROM %s", role, admin)})
	case !server.Superuser && server.major() >= 16 && !p.administers(want.Name):
		p.refuse(Refusal{Problem: fmt.Sprintf("the admin role %q may not change role %q, which it did not create", server.Admin, want.Name),
			Fix: fmt.Sprintf("have a superuser run: GRANT %s TO %s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", role, admin)})
	default:
		return true
	}
	return false
}

// administers reports whether the admin has ADMIN on a role, itself or through a
// role that it is a member of.
func (p *planner) administers(role string) bool {
	for member, how := range p.state.Members[role] {
		if how.Admin && p.path(p.state.Server.Admin, func(r string) bool { return r == member }) != nil {
			return true
		}
	}
	return false
}

// contained refuses a role that is a member, directly or not, of one whose rights
// reach beyond its databases. Names of the groups of databases are anybody's choice.
func (p *planner) contained(role string) bool {
	path := p.path(role, func(r string) bool {
		return r != role && (p.state.Roles[r].dangerous() || r == p.state.Server.Admin || reservedRole(r) && !p.isGroup(r))
	})
	if path == nil {
		return true
	}
	member, last := path[len(path)-2], path[len(path)-1]
	problem := fmt.Sprintf("role %q is a member of %q", path[0], path[1])
	for _, group := range path[2:] {
		problem += fmt.Sprintf(", which is a member of %q", group)
	}
	switch {
	case p.state.Roles[last].dangerous():
		problem += ", which has " + dangerousAttributes
	case last == p.state.Server.Admin:
		problem += ", the admin of the server"
	default:
		problem += ", whose rights reach beyond a database"
	}
	p.refuse(Refusal{Problem: problem, Fix: fmt.Sprintf("take the membership away before a credential is handed out: REVOKE %s FROM %s",
		sql(ident(last)), sql(ident(member)))})
	return false
}

// path returns the shortest chain of memberships from a role to one that is what is
// looked for, both included; nil if there is none.
func (p *planner) path(from string, is func(role string) bool) []string {
	through, queue := map[string]string{from: ""}, []string{from}
	for ; len(queue) > 0; queue = queue[1:] {
		role := queue[0]
		if is(role) {
			path := []string{role}
			for role != from {
				role = through[role]
				path = append(path, role)
			}
			slices.Reverse(path)
			return path
		}
		for _, group := range p.index.groups[role] {
			if _, seen := through[group]; !seen {
				through[group] = role
				queue = append(queue, group)
			}
		}
	}
	return nil
}

// renamed refuses a login that stands under another name: making it again would
// leave the old one with its rights and its password.
func (p *planner) renamed(want DesiredLogin, desired Desired) bool {
	listed := func(name string) bool {
		return slices.ContainsFunc(desired.Logins, func(l DesiredLogin) bool { return l.Name == name }) ||
			slices.ContainsFunc(desired.DropLogins, func(d Drop) bool { return d.Name == name })
	}
	names := slices.DeleteFunc(p.bearing(want.Marker), listed)
	if len(names) != 1 {
		return false
	}
	p.refuse(Refusal{Conflict: true, Problem: fmt.Sprintf("role %q was renamed to %q by somebody else", want.Name, names[0]),
		Fix: fmt.Sprintf("rename it back: ALTER ROLE %s RENAME TO %s", sql(ident(names[0])), sql(ident(want.Name)))})
	return true
}
