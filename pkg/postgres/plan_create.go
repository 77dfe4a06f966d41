package postgres

import (
	"fmt"
	"unicode/utf8"
)

// defaultTemplate is what a new database is a copy of where none is named.
const defaultTemplate = "template0"

// template returns what a new database is a copy of.
func (d Database) template() string {
	if d.Template == "" {
		return defaultTemplate
	}
	return d.Template
}

// createDatabase plans a database that nobody can connect to until it is marked
// and isolated.
func (p *planner) createDatabase(want Database) {
	p.needCreateDB = true
	fragments := []any{"CREATE DATABASE ", ident(want.Name), " TEMPLATE "}
	encoding := want.Encoding
	if want.template() == defaultTemplate {
		fragments = append(fragments, defaultTemplate)
		if encoding == "" {
			encoding = "UTF8"
		}
	} else {
		fragments = append(fragments, ident(want.Template))
	}
	add := func(option, value string) {
		if value != "" {
			fragments = append(fragments, " "+option+" ", literal(value))
		}
	}
	add("ENCODING", encoding)
	if p.state.Server.major() >= 15 && want.LocaleProvider != "" { // 14 knows libc only, and no word for it
		fragments = append(fragments, " LOCALE_PROVIDER ", ident(want.LocaleProvider))
	}
	add("LC_COLLATE", want.Collate)
	add("LC_CTYPE", want.CType)
	switch want.LocaleProvider {
	case "icu":
		add("ICU_LOCALE", want.Locale)
	case "builtin":
		add("BUILTIN_LOCALE", want.Locale)
	}
	p.create = append(p.create, Step{Verb: "create", Object: "database " + quoted(want.Name),
		Statement: sql(append(fragments, " ALLOW_CONNECTIONS false")...), Reason: "closed until it is isolated"})
}

// creatable refuses a new database that the server could not make, or that would be
// made otherwise than meant.
func (p *planner) creatable(want Database) bool {
	object := fmt.Sprintf("database %q", want.Name)
	if name := want.template(); name != defaultTemplate {
		template, exists := p.state.Databases[name]
		switch {
		case !exists:
			return p.refused(object+fmt.Sprintf(" asks for template %q, which does not exist", name), "create the template, or correct spec.template in another Database: it is immutable")
		case !template.Template:
			return p.refused(object+fmt.Sprintf(" asks for template %q, which is not marked as a template: any user could copy anybody's data", name),
				"have its owner run: "+sql("ALTER DATABASE ", ident(name), " IS_TEMPLATE true").String())
		}
	}
	for _, value := range []string{want.Encoding, want.Collate, want.CType, want.Locale} {
		if !utf8.ValidString(value) || containsControl(value) {
			return p.refused(fmt.Sprintf("encoding or locale %q of %s is not printable UTF-8", value, object), "correct the spec")
		}
	}
	return p.localeProvider(want, object)
}

// newContent is what a new database holds: what its template does. What the owners of
// the template's objects made of them, they own in the copy too.
func (p *planner) newContent(want Database, groups Groups) Content {
	content, seen := p.state.Contents[want.template()]
	if want.template() == defaultTemplate || !seen {
		return p.freshContent()
	}
	content.Defaults, content.Lacking = nil, nil
	for _, r := range content.Relations {
		for _, grantee := range groups.all() {
			if grantee == r.Owner {
				continue
			}
			for _, privilege := range relationGrants(groups, grantee, r.Sequences) {
				content.Lacking = append(content.Lacking, LackingGrant{Owner: r.Owner, Schema: r.Schema, Sequences: r.Sequences,
					Grantee: grantee, Privilege: privilege, Relations: r.Names, All: r.All})
			}
		}
	}
	return content
}

// relationGrants returns what a group may do with relations that another role owns.
func relationGrants(groups Groups, group string, sequences bool) []string {
	switch {
	case group == groups.ReadOnly:
		return []string{"SELECT"}
	case sequences:
		return []string{"SELECT", "USAGE", "UPDATE"}
	case group == groups.ReadWrite:
		return []string{"SELECT", "INSERT", "UPDATE", "DELETE"}
	default:
		return tablePrivileges
	}
}

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
