package postgres_test

import "github.com/dbtether/kubectl-dbtether/pkg/postgres"

// templated is a server with a template that holds what three owners made.
func templated(a admin) postgres.State {
	s := bare(a)
	s.Databases["base"] = postgres.DatabaseState{Name: "base", Owner: a.name(), Encoding: "UTF8", AllowConnections: true, ConnectionLimit: -1, Template: true}
	s.Roles["maker"] = postgres.Role{Name: "maker", Login: true, Inherit: true}
	s.Members["maker"] = map[string]postgres.Membership{}
	if a.version >= 16 && !a.super {
		s.Members["maker"][a.name()] = postgres.Membership{Admin: true}
	}
	s.Contents["base"] = postgres.Content{
		Schemas: map[string]postgres.Schema{"public": {Owner: "pg_database_owner", Grants: grants("", "USAGE")}, "app": {Owner: "maker", Grants: grants("maker", "USAGE", "CREATE")},
			"brought": {Owner: "postgres", Extension: true}},
		Extensions: map[string]postgres.InstalledExtension{"pg_trgm": {Schema: "public", Version: "1.6", Owner: a.name()}},
		Owners:     map[string]postgres.Owner{"maker": {Relations: true}, a.name(): {Relations: true, Superuser: a.super}, "postgres": {Superuser: true}},
		Defaults:   map[string]postgres.Grants{"TABLES": grants("orders_ro", "SELECT")},
		Lacking:    []postgres.LackingGrant{{Owner: "maker", Schema: "app", Grantee: "base_ro", Privilege: "SELECT", Relations: []string{"t"}}},
		Relations: []postgres.Relations{{Owner: a.name(), Schema: "public", Sequences: true, Names: []string{"s"}, All: true}, {Owner: "maker", Schema: "app", Names: []string{"t"}, All: true},
			{Owner: "postgres", Schema: "app", Names: []string{"p", "q"}}},
	}
	return s
}

func templateCases() []planCase {
	from := func(template string) postgres.Desired {
		return wanting(func(d *postgres.Database) { d.Template = template })
	}
	unmarked, unread := templated(admin18), templated(admin18)
	unmarked.Databases["base"] = with(unmarked.Databases["base"], func(d *postgres.DatabaseState) { d.Template = false })
	delete(unread.Contents, "base")
	begun := templated(admin18)
	for name, role := range withRoles(admin18).Roles {
		begun.Roles[name] = role
	}
	for name, members := range withRoles(admin18).Members {
		begun.Members[name] = members
	}
	begun.Databases["orders"] = withClosedDatabase(admin18).Databases["orders"]
	return []planCase{
		{"template_14", templated(admin{14, false}), from("base")},
		{"template_superuser", templated(super18), from("base")},
		{"template", templated(admin18), from("base")},
		{"template_begun", begun, from("base")},
		{"template_missing", bare(admin18), from("base")},
		{"template_not_marked", unmarked, from("base")},
		{"template_not_read", unread, from("base")},
		{"template_of_existing_database", provisioned(admin18), from("base")},
	}
}
