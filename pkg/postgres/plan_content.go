package postgres

import (
	"slices"
	"strings"
)

const publicSchema = "public"

// interior is the inside of a database, as it is planned.
type interior struct {
	*inside
	want   Database
	groups Groups
	have   Content
	// owner is the owner of the database: who pg_database_owner stands for.
	owner string
	// adopted is whether nothing is taken away.
	adopted bool
	// used is whether there may be sessions that feel a lock.
	used bool
}

// interior plans the inside of a database, unless that is known to be as it should.
// The inside of a new database is that of its template.
func (p *planner) interior(want Database, groups Groups, have DatabaseState, exists bool) {
	content, seen := p.state.Contents[want.Name]
	adopted := p.adopted(want, have, exists)
	switch {
	case exists && have.AllowConnections && want.Settled, adopted && !seen, have.Barred:
		return
	case !exists || !seen:
		content = p.newContent(want, groups)
	}
	in := &interior{inside: &inside{}, want: want, groups: groups, have: content, owner: have.Owner, adopted: adopted, used: exists && seen}
	p.inside[want.Name] = in.inside
	given := p.publicSchema(in)
	p.foreign(in, given)
	p.defaults(in)
	p.schemas(in)
	p.extensions(in)
	p.lacking(in)
}

// publicSchema gives the schema public to the owner group and shuts PUBLIC out. It
// returns false if the schema stays with another owner.
func (p *planner) publicSchema(in *interior) bool {
	public, exists := in.have.Schemas[publicSchema]
	if !exists || in.adopted {
		return false
	}
	if public.Owner != in.groups.Owner {
		if !p.mayGiveAway(in, public.Owner) {
			if public.Grants.has("", "CREATE") {
				p.warn("every user of database %q may create objects in schema public, because it belongs to %q; a superuser ends that in database %s with: ALTER SCHEMA public OWNER TO %s",
					in.want.Name, public.Owner, quoted(in.want.Name), sql(ident(in.groups.Owner)))
			}
			return false
		}
		in.admin = append(in.admin, Step{Verb: "alter", Object: "schema public", Reason: "objects belong to the database's owner group", Risk: in.locking(),
			Statement: sql("ALTER SCHEMA public OWNER TO ", ident(in.groups.Owner))})
	}
	if len(public.Grants[""]) > 0 {
		in.inside.owner = append(in.inside.owner, Step{Verb: "revoke", Object: "schema public", Reason: "only the groups may use it",
			Statement: sql("REVOKE ALL ON SCHEMA public FROM PUBLIC")})
	}
	in.usage(publicSchema, public)
	return true
}

// locking is the risk of a statement that waits for locks and keeps them: none where
// nobody has been yet.
func (in *interior) locking() Risk {
	if in.used {
		return Locking
	}
	return Safe
}

// mayGiveAway reports whether the schema public still belongs to whom the template
// gave it to, and whether the admin may change that.
func (p *planner) mayGiveAway(in *interior, owner string) bool {
	server := p.state.Server
	switch owner {
	case "pg_database_owner":
		return server.Superuser || p.inherits(server.Admin, in.owner)
	case server.Admin:
		return true
	case server.Bootstrap:
		return server.Superuser
	default:
		return false
	}
}

// usage lets the groups into a schema of the owner group.
func (in *interior) usage(schema string, have Schema) {
	var lacking idents
	for _, group := range []string{in.groups.ReadWrite, in.groups.ReadOnly} {
		if !have.Grants.has(group, "USAGE") {
			lacking = append(lacking, group)
		}
	}
	if len(lacking) > 0 {
		in.inside.owner = append(in.inside.owner, Step{Verb: "grant", Object: "schema " + quoted(schema), Reason: "the groups see what is in it",
			Statement: sql("GRANT USAGE ON SCHEMA ", ident(schema), " TO ", lacking)})
	}
}

// defaultGrant is what groups may do with every object that a role creates.
type defaultGrant struct {
	kind       string
	privileges []string
	to         func(Groups) []string
	reason     string
}

func readers(g Groups) []string { return []string{g.ReadWrite, g.ReadOnly} }
func writers(g Groups) []string { return []string{g.ReadWrite} }
func owners(g Groups) []string  { return []string{g.Owner} }

var defaultGrants = []defaultGrant{
	{"SCHEMAS", []string{"USAGE"}, readers, "schemas created later are seen"},
	{"TABLES", []string{"SELECT"}, readers, "tables and views created later are readable"},
	{"TABLES", []string{"INSERT", "UPDATE", "DELETE"}, writers, "tables created later are writable"},
	{"SEQUENCES", []string{"SELECT"}, readers, "sequences created later are readable"},
	{"SEQUENCES", []string{"USAGE", "UPDATE"}, writers, "sequences created later can be advanced"},
}

// defaults plans the default privileges of the owner group. They hold for the role
// that creates an object, so everything is created as that group.
func (p *planner) defaults(in *interior) {
	in.inside.owner = append(in.inside.owner, defaultSteps(sql("ALTER DEFAULT PRIVILEGES GRANT "), defaultGrants, in.groups, in.have.Defaults)...)
}

// defaultSteps returns a statement for each default privilege that one of its
// grantees lacks.
func defaultSteps(begin Statement, grants []defaultGrant, groups Groups, have map[string]Grants) []Step {
	var steps []Step
	for _, d := range grants {
		grantees := d.to(groups)
		lacks := func(g string) bool { return !have[d.kind].has(g, d.privileges...) }
		if !slices.ContainsFunc(grantees, lacks) {
			continue
		}
		steps = append(steps, Step{Verb: "grant", Object: "future " + strings.ToLower(d.kind), Reason: d.reason,
			Statement: sql(begin.text+strings.Join(d.privileges, ", ")+" ON "+d.kind+" TO ", idents(grantees))})
	}
	return steps
}

// schemas plans those asked for. The default privileges, which come before, give
// the groups USAGE on a schema that is created.
func (p *planner) schemas(in *interior) {
	for _, name := range in.want.Schemas {
		if !p.validName("schema", name, 63) {
			continue
		}
		schema, exists := in.have.Schemas[name]
		switch {
		case name == publicSchema:
		case !exists:
			in.inside.owner = append(in.inside.owner, Step{Verb: "create", Object: "schema " + quoted(name), Reason: "asked for in spec.schemas",
				Statement: sql("CREATE SCHEMA ", ident(name))})
		case schema.Owner != in.groups.Owner && !in.adopted:
			p.warn("schema %q of database %q belongs to %q and keeps that owner", name, in.want.Name, schema.Owner)
		}
	}
	for _, name := range sortedKeys(in.have.Schemas) {
		if schema := in.have.Schemas[name]; (name != publicSchema || in.adopted) && schema.Owner == in.groups.Owner {
			in.usage(name, schema)
		}
	}
}
