package postgres

import "strings"

// This file lets the groups of a database use what other roles own in it: the whole
// of an adopted one, or what a login created after SET ROLE NONE.

// foreignStep is a statement that the owner of an object, or a superuser, may run.
type foreignStep struct {
	Step
	// felt is whether the groups miss something without it.
	felt bool
}

// ownerGrants are the default privileges of the owner group on what others create.
var ownerGrants = []defaultGrant{
	{"SCHEMAS", []string{"USAGE", "CREATE"}, owners, "the owner group works in schemas created later"},
	{"TABLES", tablePrivileges, owners, "the owner group uses tables created later"},
	{"SEQUENCES", []string{"SELECT", "USAGE", "UPDATE"}, owners, "the owner group uses sequences created later"},
}

// foreign plans what the groups lack on objects of other owners. given is whether the
// schema public is the owner group's from now on.
func (p *planner) foreign(in *interior, given bool) {
	steps := map[string][]foreignStep{}
	for _, name := range sortedKeys(in.have.Schemas) {
		schema := in.have.Schemas[name]
		if schema.Owner == in.groups.Owner || schema.Extension || name == publicSchema && given {
			continue
		}
		owner := in.actual(schema.Owner)
		steps[owner] = append(steps[owner], in.foreignSchema(name, schema)...)
	}
	for _, l := range mergeLacking(in.have.Lacking) {
		if l.Owner == "" || l.Owner == in.groups.Owner {
			continue
		}
		owner := in.actual(l.Owner)
		steps[owner] = append(steps[owner], foreignStep{l.step(), true})
	}
	for _, name := range sortedKeys(in.have.Owners) {
		if o := in.have.Owners[name]; in.adopted && o.Relations && name != in.groups.Owner {
			owner := in.actual(name)
			begin := sql("ALTER DEFAULT PRIVILEGES FOR ROLE ", ident(owner), " GRANT ")
			for _, grants := range [][]defaultGrant{defaultGrants, ownerGrants} {
				for _, s := range defaultSteps(begin, grants, in.groups, in.have.Owners[owner].Defaults) {
					steps[owner] = append(steps[owner], foreignStep{s, true})
				}
			}
		}
	}
	for _, owner := range sortedKeys(steps) {
		p.asOwner(in, owner, steps[owner])
	}
}

// actual returns the role that acts for an owner: pg_database_owner has one member,
// the owner of the database, and takes no others.
func (in *interior) actual(owner string) string {
	if owner == "pg_database_owner" {
		return in.owner
	}
	return owner
}

// foreignSchema lets the groups into a schema of another owner. What PUBLIC may do is
// granted all the same, but nobody misses it.
func (in *interior) foreignSchema(name string, have Schema) []foreignStep {
	object := "schema " + quoted(name)
	var steps []foreignStep
	if !have.Grants.has(in.groups.Owner, "USAGE", "CREATE") {
		steps = append(steps, foreignStep{Step{Verb: "grant", Object: object, Reason: "the owner group works in it",
			Statement: sql("GRANT USAGE, CREATE ON SCHEMA ", ident(name), " TO ", ident(in.groups.Owner))}, !have.Grants.has("", "USAGE", "CREATE")})
	}
	var lacking idents
	for _, group := range readers(in.groups) {
		if !have.Grants.has(group, "USAGE") {
			lacking = append(lacking, group)
		}
	}
	if len(lacking) > 0 {
		steps = append(steps, foreignStep{Step{Verb: "grant", Object: object, Reason: "the groups see what is in it",
			Statement: sql("GRANT USAGE ON SCHEMA ", ident(name), " TO ", lacking)}, !have.Grants.has("", "USAGE")})
	}
	return steps
}

// asOwner plans steps that need the rights of an owner: the admin has them, or joins
// the owner for this transaction; else it warns.
func (p *planner) asOwner(in *interior, owner string, steps []foreignStep) {
	admin := p.state.Server.Admin
	how, member := p.state.Members[owner][admin]
	joins := false
	switch server := p.state.Server; {
	case len(steps) == 0:
		return
	case server.Superuser || p.inherits(admin, owner):
	case !p.superuser(in, owner) && (server.major() < 16 && server.CreateRole && !member || server.major() >= 16 && how.Admin):
		joins = true
	default:
		p.missing(in, owner, steps)
		return
	}
	if joins {
		in.admin = append(in.admin, p.join(owner, how))
	}
	for _, s := range steps {
		in.admin = append(in.admin, s.Step)
	}
	if joins {
		in.admin = append(in.admin, p.depart(owner, how))
	}
}

// superuser reports whether a role that owns something in the database is one.
func (p *planner) superuser(in *interior, owner string) bool {
	return owner == p.state.Server.Bootstrap || p.state.Roles[owner].Superuser || in.have.Owners[owner].Superuser
}

// join makes the admin a member of an owner. On PostgreSQL 16 it may be one that does
// not inherit: then only that option changes.
func (p *planner) join(owner string, how Membership) Step {
	step := Step{Verb: "grant", Object: "role " + quoted(owner) + " to the admin", Reason: "for this transaction",
		Statement: p.grantRole(owner, "CURRENT_USER", false)}
	if how.Set && p.state.Server.major() >= 16 {
		step.Statement = sql("GRANT ", ident(owner), " TO CURRENT_USER WITH INHERIT TRUE")
	}
	return step
}

// depart undoes join.
func (p *planner) depart(owner string, how Membership) Step {
	step := Step{Verb: "revoke", Object: "role " + quoted(owner) + " from the admin", Reason: "it was for this transaction",
		Statement: sql("REVOKE ", ident(owner), " FROM CURRENT_USER")}
	if how.Set && p.state.Server.major() >= 16 {
		step.Statement = sql("REVOKE INHERIT OPTION FOR ", ident(owner), " FROM CURRENT_USER")
	}
	return step
}

// missing warns of what the groups cannot use.
func (p *planner) missing(in *interior, owner string, steps []foreignStep) {
	var statements []string
	for _, s := range steps {
		if s.felt {
			statements = append(statements, s.Statement.String())
		}
	}
	if len(statements) > 0 {
		p.warn("users of database %q cannot use all that %q owns in it, because %q may not act as that role; a superuser changes that in database %s with: %s",
			in.want.Name, owner, p.state.Server.Admin, quoted(in.want.Name), strings.Join(statements, "; "))
	}
}
