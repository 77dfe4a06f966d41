package postgres_test

import "github.com/dbtether/kubectl-dbtether/pkg/postgres"

// wanting is orders with its database changed.
func wanting(by func(*postgres.Database)) postgres.Desired {
	d := orders()
	by(&d.Databases[0])
	return d
}

// having is a state with the row of the database changed.
func having(s postgres.State, by func(*postgres.DatabaseState)) postgres.State {
	s.Databases["orders"] = with(s.Databases["orders"], by)
	return s
}

// holding is a state with the inside of the database changed.
func holding(s postgres.State, by func(*postgres.Content)) postgres.State {
	s.Contents["orders"] = with(s.Contents["orders"], by)
	return s
}

func databaseCases() []planCase {
	return append(append(missingCases(), parameterCases()...),
		planCase{"public_kept", bare(admin18), wanting(func(d *postgres.Database) { d.KeepPublicConnect = true })},
		planCase{"public_kept_already", having(provisioned(admin18), func(d *postgres.DatabaseState) {
			d.Grants = merge(d.Grants, grants("", "CONNECT", "TEMPORARY"))
		}), wanting(func(d *postgres.Database) { d.KeepPublicConnect = true })},
		planCase{"settled", holding(provisioned(admin18), func(c *postgres.Content) { *c = postgres.Content{} }), wanting(func(d *postgres.Database) { d.Settled = true })},
		planCase{"settled_but_closed", withClosedDatabase(admin18), wanting(func(d *postgres.Database) { d.Settled = true })},
		planCase{"database_given_to_another", having(provisioned(admin18), func(d *postgres.DatabaseState) { d.Owner, d.ConnectionLimit = "someone", 3 }), orders()},
		planCase{"database_given_to_another_nothing_to_do", having(provisioned(admin18), func(d *postgres.DatabaseState) { d.Owner = "someone" }), orders()},
	)
}

// missingCases are databases that should be there, and those that are referred to.
func missingCases() []planCase {
	renamed := provisioned(admin18)
	renamed.Databases["orders_old"] = with(renamed.Databases["orders"], func(d *postgres.DatabaseState) { d.Name = "orders_old" })
	delete(renamed.Databases, "orders")
	ungrouped := provisioned(admin18)
	delete(ungrouped.Roles, "orders_rw")
	refer := wanting(func(d *postgres.Database) {
		d.ReferenceOnly, d.ConnectionLimit, d.Schemas = true, 7, []string{"unseen"}
	})
	was := wanting(func(d *postgres.Database) { d.Provisioned = true })
	again := wanting(func(d *postgres.Database) { d.Provisioned, d.Recreate = true, true })
	return []planCase{
		{"provisioned_deleted", withRoles(admin18), was},
		{"provisioned_deleted_recreate", withRoles(admin18), again},
		{"provisioned_there", provisioned(admin18), was},
		{"provisioned_renamed", renamed, was},
		{"provisioned_renamed_recreate", renamed, again},
		{"renamed_before_status", renamed, orders()},
		{"reference", provisioned(admin18), refer},
		{"reference_missing", withRoles(admin18), refer},
		{"reference_gone", withRoles(admin18), wanting(func(d *postgres.Database) { d.ReferenceOnly, d.Provisioned = true, true })},
		{"reference_begun", withClosedDatabase(admin18), refer},
		{"reference_without_group", ungrouped, refer},
		{"reference_of_another", having(provisioned(admin18), func(d *postgres.DatabaseState) { d.Comment = "dbtether.io: Database team-b/orders, uid 7" }), refer},
	}
}

func parameterCases() []planCase {
	contexts := func(s postgres.State) postgres.State {
		s.SettingContexts = map[string]string{"work_mem": "user", "TimeZone": "user", "search_path": "user", "log_statement": "superuser", "port": "postmaster",
			"role": "user", "Session_Authorization": "user", "local_preload_libraries": "user"}
		return s
	}
	set := func(by map[string]string, reset ...string) postgres.Desired {
		return wanting(func(d *postgres.Database) { d.Parameters, d.ResetParameters = by, reset })
	}
	stored := having(contexts(provisioned(admin18)), func(d *postgres.DatabaseState) {
		d.Parameters = []string{"work_mem=64MB", `search_path=app, "$user"`, "TimeZone=UTC", "jit=off"}
	})
	return []planCase{
		{"parameters_new", contexts(bare(admin18)), set(map[string]string{"work_mem": "64MB", "search_path": `app, "b c"`})},
		{"parameters_there", stored, set(map[string]string{"work_mem": "64MB", "search_path": `App,"$user"`}, "lock_timeout")},
		{"parameters_changed", stored, set(map[string]string{"work_mem": "", "TimeZone": "Europe/Vienna"}, "jit", "timezone", "search_path")},
		{"parameters_refused", contexts(provisioned(admin18)), set(map[string]string{"log_statement": "all", "port": "1", "nosuch": "x", "role": "postgres",
			"Session_Authorization": "postgres", "search_path": "a b", "local_preload_libraries": " ", "work_mem": "\x00"})},
	}
}

func localeCases() []planCase {
	icu := func(a admin) postgres.State {
		s := bare(a)
		s.ICULanguages = map[string]bool{"de": true, "und": true}
		return s
	}
	provider := func(name, locale string) postgres.Desired {
		return wanting(func(d *postgres.Database) { d.LocaleProvider, d.Locale = name, locale })
	}
	libc := wanting(func(d *postgres.Database) {
		d.Encoding, d.Collate, d.CType, d.LocaleProvider = "LATIN1", "de_AT.iso88591", "it's", "libc"
	})
	located := func() postgres.State {
		return having(provisioned(admin18), func(d *postgres.DatabaseState) {
			d.Encoding, d.Collate, d.CType, d.LocaleProvider, d.Locale = "UTF8", "en_US.utf8", "C", "icu", "de-AT-u-co-phonebk"
		})
	}
	return []planCase{
		{"locale_libc_14", bare(admin{14, false}), libc},
		{"locale_libc", bare(admin18), libc},
		{"locale_icu_14", bare(admin{14, false}), provider("icu", "de")},
		{"locale_icu_15", icu(admin{15, false}), provider("icu", "de_AT")},
		{"locale_icu", icu(admin18), wanting(func(d *postgres.Database) { d.LocaleProvider, d.Locale, d.Collate, d.CType = "icu", "de-AT", "C", "C" })},
		{"locale_icu_unknown", icu(admin18), provider("icu", "xx-AT")},
		{"locale_icu_unnamed", icu(admin18), provider("icu", "")},
		{"locale_icu_not_built", bare(admin18), provider("icu", "de")},
		{"locale_builtin", bare(admin18), provider("builtin", "PG_UNICODE_FAST")},
		{"locale_builtin_16", bare(admin{16, false}), provider("builtin", "C")},
		{"locale_builtin_17", bare(admin{17, false}), provider("builtin", "PG_UNICODE_FAST")},
		{"locale_without_provider", bare(admin18), provider("", "de")},
		{"locale_provider_unknown", bare(admin18), provider("musl", "")},
		{"locale_impossible", bare(admin18), wanting(func(d *postgres.Database) { d.Collate = "a\nb" })},
		{"locale_same", located(), wanting(func(d *postgres.Database) {
			d.Encoding, d.Collate, d.CType, d.LocaleProvider, d.Locale = "utf-8", "en_US.UTF-8", "POSIX", "icu", "de_at@collation=phonebook"
		})},
		{"locale_differs", located(), wanting(func(d *postgres.Database) {
			d.Encoding, d.Collate, d.CType, d.LocaleProvider, d.Locale = "LATIN1", "en_US", "C.UTF-8", "builtin", "C"
		})},
		{"locale_differs_adopted", having(located(), func(d *postgres.DatabaseState) { d.Comment = "" }), wanting(func(d *postgres.Database) { d.Adopt, d.Encoding = true, "LATIN1" })},
	}
}

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
