package postgres

import (
	"fmt"
	"slices"
	"strings"
)

const publicSchema = "public"

// freshContent is what a database made from template0 holds: PostgreSQL 15 took
// CREATE on the schema public from PUBLIC and gave the schema to the owner of the
// database (release notes 15, "Migration").
func (p *planner) freshContent() Content {
	public := Schema{Owner: "pg_database_owner", Grants: Grants{"": {"USAGE": true}}}
	if p.state.Server.major() < 15 {
		public = Schema{Owner: p.state.Server.Bootstrap, Grants: Grants{"": {"USAGE": true, "CREATE": true}}}
	}
	return Content{Schemas: map[string]Schema{publicSchema: public}}
}

// content plans the inside of a database.
func (p *planner) content(want Database, groups Groups, have Content) {
	in := &inside{}
	p.inside[want.Name] = in
	p.publicSchema(in, want.Name, groups, have)
	p.defaults(in, groups, have)
	p.schemas(in, want, groups, have)
	p.extensions(in, want, have)
	p.lacking(in, have)
}

// publicSchema gives the schema public to the owner group and shuts PUBLIC out.
func (p *planner) publicSchema(in *inside, database string, groups Groups, have Content) {
	public, exists := have.Schemas[publicSchema]
	if !exists {
		return
	}
	if public.Owner != groups.Owner {
		if !p.mayGiveAway(public.Owner) {
			if public.Grants.has("", "CREATE") {
				p.warn("every user of database %q may create objects in schema public, because it belongs to %q; a superuser ends that in database %s with: ALTER SCHEMA public OWNER TO %s",
					database, public.Owner, quoted(database), sql(ident(groups.Owner)))
			}
			return
		}
		in.admin = append(in.admin, Step{Verb: "alter", Object: "schema public", Reason: "objects belong to the database's owner group",
			Statement: sql("ALTER SCHEMA public OWNER TO ", ident(groups.Owner))})
	}
	if len(public.Grants[""]) > 0 {
		in.owner = append(in.owner, Step{Verb: "revoke", Object: "schema public", Reason: "only the groups may use it",
			Statement: sql("REVOKE ALL ON SCHEMA public FROM PUBLIC")})
	}
	p.usage(in, publicSchema, groups, public)
}

// mayGiveAway reports whether the schema public still belongs to whom the template
// gave it to, and whether the admin may change that.
func (p *planner) mayGiveAway(owner string) bool {
	server := p.state.Server
	switch owner {
	case "pg_database_owner", server.Admin:
		return true
	case server.Bootstrap:
		return server.Superuser
	default:
		return false
	}
}

func (p *planner) usage(in *inside, schema string, groups Groups, have Schema) {
	var lacking idents
	for _, group := range []string{groups.ReadWrite, groups.ReadOnly} {
		if !have.Grants.has(group, "USAGE") {
			lacking = append(lacking, group)
		}
	}
	if len(lacking) > 0 {
		in.owner = append(in.owner, Step{Verb: "grant", Object: "schema " + quoted(schema), Reason: "the groups see what is in it",
			Statement: sql("GRANT USAGE ON SCHEMA ", ident(schema), " TO ", lacking)})
	}
}

// defaultGrant is what a group may do with every object that the owner group creates.
type defaultGrant struct {
	kind       string
	privileges []string
	toReadOnly bool
	reason     string
}

var defaultGrants = []defaultGrant{
	{"SCHEMAS", []string{"USAGE"}, true, "schemas created later are seen"},
	{"TABLES", []string{"SELECT"}, true, "tables and views created later are readable"},
	{"TABLES", []string{"INSERT", "UPDATE", "DELETE"}, false, "tables created later are writable"},
	{"SEQUENCES", []string{"SELECT"}, true, "sequences created later are readable"},
	{"SEQUENCES", []string{"USAGE", "UPDATE"}, false, "sequences created later can be advanced"},
}

// defaults plans the default privileges of the owner group. They hold for the role
// that creates an object, so everything is created as that group.
func (p *planner) defaults(in *inside, groups Groups, have Content) {
	for _, d := range defaultGrants {
		grantees := idents{groups.ReadWrite}
		if d.toReadOnly {
			grantees = append(grantees, groups.ReadOnly)
		}
		lacks := func(g string) bool { return !have.Defaults[d.kind].has(g, d.privileges...) }
		if !slices.ContainsFunc(grantees, lacks) {
			continue
		}
		in.owner = append(in.owner, Step{Verb: "grant", Object: "future " + strings.ToLower(d.kind), Reason: d.reason,
			Statement: sql("ALTER DEFAULT PRIVILEGES GRANT "+strings.Join(d.privileges, ", ")+" ON "+d.kind+" TO ", grantees)})
	}
}

// schemas plans those asked for. The default privileges, which come before, give
// the groups USAGE on a schema that is created.
func (p *planner) schemas(in *inside, want Database, groups Groups, have Content) {
	for _, name := range want.Schemas {
		if !p.validName("schema", name, 63) {
			continue
		}
		schema, exists := have.Schemas[name]
		switch {
		case name == publicSchema:
		case !exists:
			in.owner = append(in.owner, Step{Verb: "create", Object: "schema " + quoted(name), Reason: "asked for in spec.schemas",
				Statement: sql("CREATE SCHEMA ", ident(name))})
		case schema.Owner != groups.Owner:
			p.warn("schema %q of database %q belongs to %q and is left alone", name, want.Name, schema.Owner)
		}
	}
	for _, name := range sortedKeys(have.Schemas) {
		if schema := have.Schemas[name]; name != publicSchema && schema.Owner == groups.Owner {
			p.usage(in, name, groups, schema)
		}
	}
}

// extensions plans those asked for. A trusted extension is created by whoever has
// CREATE on the database (manual, "Packaging Related Objects into an Extension").
func (p *planner) extensions(in *inside, want Database, have Content) {
	for _, name := range want.Extensions {
		if _, installed := have.Extensions[name]; installed {
			continue
		}
		offered, available := p.state.Extensions[name]
		switch {
		case !available:
			p.refuse(Refusal{Problem: fmt.Sprintf("extension %q of database %q is not available on the server", name, want.Name),
				Fix: "install its package on the server, or correct the name: SELECT name FROM pg_available_extensions lists what there is"})
		case !offered.Trusted:
			p.refuse(Refusal{Problem: fmt.Sprintf("extension %q of database %q is not a trusted extension", name, want.Name),
				Fix: "leave it out, and have a superuser create it in the database once that exists"})
		default:
			statement := sql("CREATE EXTENSION ", ident(name), " SCHEMA public")
			if offered.Schema != "" {
				statement = sql("CREATE EXTENSION ", ident(name))
			}
			in.owner = append(in.owner, Step{Verb: "create", Object: "extension " + quoted(name), Reason: "asked for in spec.extensions", Statement: statement})
		}
	}
}

// lacking grants what relations lack that were created before the default
// privileges stood.
func (p *planner) lacking(in *inside, have Content) {
	for _, l := range have.Lacking {
		kind, all := "TABLE", "ALL TABLES"
		if l.Sequences {
			kind, all = "SEQUENCE", "ALL SEQUENCES"
		}
		step := Step{Verb: "grant", Object: fmt.Sprintf("%d in schema %q", len(l.Relations), l.Schema), Reason: "created without it"}
		if l.All {
			step.Statement = sql("GRANT "+l.Privilege+" ON "+all+" IN SCHEMA ", ident(l.Schema), " TO ", ident(l.Grantee))
		} else {
			fragments := []any{"GRANT " + l.Privilege + " ON " + kind + " "}
			for i, name := range l.Relations {
				if i > 0 {
					fragments = append(fragments, ", ")
				}
				fragments = append(fragments, qualified{l.Schema, name})
			}
			step.Statement = sql(append(fragments, " TO ", ident(l.Grantee))...)
		}
		in.owner = append(in.owner, step)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
