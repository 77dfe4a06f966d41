package postgres

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// tablePrivileges are those that may be asked for on a table.
var tablePrivileges = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}

// validGrants refuses privileges that are none, or on what is no table of a database
// that the login uses.
func (p *planner) validGrants(want DesiredLogin) bool {
	ok := true
	refuse := func(fix, problem string, args ...any) {
		p.refuse(Refusal{Problem: fmt.Sprintf(problem, args...), Fix: fix})
		ok = false
	}
	for _, g := range want.Grants {
		ok = p.validName("schema", g.Schema, 63) && p.validName("table", g.Table, 63) && ok
		if _, access := want.Access[g.Database]; !access {
			refuse("name the database in spec.databaseRefs, or leave the grant out", "role %q has no access to database %q, but asks for privileges on table %q in it", want.Name, g.Database, g.Table)
		}
		if strings.HasPrefix(g.Schema, "pg_") || g.Schema == "information_schema" {
			refuse("leave the grant out", "table %q of schema %q belongs to PostgreSQL itself", g.Table, g.Schema)
		}
		for _, privilege := range g.Privileges {
			if !slices.Contains(tablePrivileges, privilege) {
				refuse("correct spec.additionalGrants", "privilege %q on table %q of database %q is none of %s", privilege, g.Table, g.Database, strings.Join(tablePrivileges, ", "))
			}
		}
	}
	return ok
}

// table names a table of a database.
type table struct{ database, schema, name string }

func (t table) compare(other table) int {
	return cmp.Or(strings.Compare(t.database, other.database), strings.Compare(t.schema, other.schema), strings.Compare(t.name, other.name))
}

// wantedOn collects what is asked for on each table.
func wantedOn(grants []TableGrant) map[table]map[string]bool {
	wanted := map[table]map[string]bool{}
	for _, g := range grants {
		t := table{g.Database, g.Schema, g.Table}
		if wanted[t] == nil {
			wanted[t] = map[string]bool{}
		}
		for _, privilege := range g.Privileges {
			wanted[t][privilege] = true
		}
	}
	return wanted
}

// grantTables plans the privileges on tables that the login lacks.
func (p *planner) grantTables(want DesiredLogin) {
	wanted := wantedOn(want.Grants)
	held := map[table]map[string]bool{}
	for database, content := range p.state.Contents {
		for _, d := range content.Direct {
			if d.Login == want.Name && d.Kind == "TABLE" {
				t := table{database, d.Schema, d.Name}
				if held[t] == nil {
					held[t] = map[string]bool{}
				}
				held[t][d.Privilege] = true
			}
		}
	}
	tables := make([]table, 0, len(wanted))
	for t := range wanted {
		tables = append(tables, t)
	}
	slices.SortFunc(tables, table.compare)
	for _, t := range tables {
		content, seen := p.state.Contents[t.database]
		if _, exists := p.state.Databases[t.database]; exists && !seen {
			continue // it was not read
		}
		owner, exists := content.Tables[[2]string{t.schema, t.name}]
		lacking := slices.DeleteFunc(slices.Clone(tablePrivileges), func(privilege string) bool { return !wanted[t][privilege] || held[t][privilege] })
		switch {
		case !exists:
			p.warn("table %q of database %q does not exist so far: its grants wait for it", t.schema+"."+t.name, t.database)
		case len(lacking) > 0 && owner != want.Name:
			p.grantTable(want.Name, t, owner, lacking)
		}
	}
}

func (p *planner) grantTable(login string, t table, owner string, privileges []string) {
	statement := sql("GRANT "+strings.Join(privileges, ", ")+" ON TABLE ", qualified{t.schema, t.name}, " TO ", ident(login))
	step := Step{Verb: "grant", Object: fmt.Sprintf("table %q to %q", t.schema+"."+t.name, login), Reason: "asked for in spec.additionalGrants", Statement: statement}
	if !p.as(owner, t.database, false, step) {
		p.warn("table %q of database %q belongs to %q: that role or a superuser grants what is asked for, there, with: %s", t.schema+"."+t.name, t.database, owner, statement)
	}
}
