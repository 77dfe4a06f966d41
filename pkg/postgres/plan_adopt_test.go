package postgres_test

import "github.com/dbtether/kubectl-dbtether/pkg/postgres"

// legacy is a server with a database that others made: it belongs to shop, which owns
// tables, as does a superuser.
func legacy(a admin, member bool) postgres.State {
	s := bare(a)
	s.Databases["orders"] = postgres.DatabaseState{Name: "orders", Owner: "shop", Encoding: "UTF8", AllowConnections: true, ConnectionLimit: 50, Comment: "the shop's \\ orders\nsince 2009",
		Grants: merge(grants("", "CONNECT", "TEMPORARY"), grants("shop", "CREATE", "CONNECT", "TEMPORARY"))}
	s.Roles["shop"] = postgres.Role{Name: "shop", Login: true, Inherit: true, ConnectionLimit: -1}
	s.Members["shop"] = map[string]postgres.Membership{}
	if member {
		s.Members["shop"][a.name()] = postgres.Membership{Inherit: true, Set: true}
	}
	public := postgres.Schema{Owner: "pg_database_owner", Grants: grants("", "USAGE")}
	if a.version == 14 {
		public = postgres.Schema{Owner: "postgres", Grants: grants("", "USAGE", "CREATE")}
	}
	s.Contents["orders"] = postgres.Content{
		Schemas:    map[string]postgres.Schema{"public": public, "old": {Owner: "shop", Grants: grants("shop", "USAGE", "CREATE")}},
		Extensions: map[string]postgres.InstalledExtension{"pg_trgm": {Schema: "public", Version: "1.6", Owner: "postgres"}},
		Owners:     map[string]postgres.Owner{"shop": {Relations: true, Defaults: map[string]postgres.Grants{"TABLES": grants("orders_ro", "SELECT")}}, "postgres": {Superuser: true, Relations: true}},
		Lacking: []postgres.LackingGrant{
			{Owner: "postgres", Schema: "old", Grantee: "orders_ro", Privilege: "SELECT", Relations: []string{"log"}},
			{Owner: "shop", Schema: "old", Grantee: "orders_ro", Privilege: "SELECT", Relations: []string{"t"}},
			{Owner: "shop", Schema: "old", Grantee: "orders_rw", Privilege: "DELETE", Relations: []string{"t"}},
			{Owner: "shop", Schema: "old", Grantee: "orders_rw", Privilege: "INSERT", Relations: []string{"t"}},
			{Owner: "shop", Schema: "old", Sequences: true, Grantee: "orders_owner", Privilege: "USAGE", Relations: []string{"s"}, All: true},
		},
	}
	return s
}

func adoptCases() []planCase {
	adopt := func(by ...func(*postgres.Database)) postgres.Desired {
		return wanting(func(d *postgres.Database) {
			d.Adopt, d.KeepPublicConnect = true, true
			for _, b := range by {
				b(d)
			}
		})
	}
	adopted := func() postgres.State {
		return having(provisioned(admin18), func(d *postgres.DatabaseState) {
			d.ConnectionLimit, d.Comment, d.Grants = 50, d.Comment+"\nwhat it said", merge(d.Grants, grants("", "CONNECT"))
		})
	}
	predecessor := func() postgres.State {
		s := provisioned(admin18)
		for _, name := range []string{"orders_owner", "orders_rw", "orders_ro"} {
			s.Roles[name] = with(s.Roles[name], func(r *postgres.Role) {
				r.Comment = "dbtether.io: group of Database shop/orders, uid 7\nkept"
			})
		}
		return having(s, func(d *postgres.DatabaseState) { d.Comment = "dbtether.io: Database shop/orders, uid 7\nit's kept" })
	}
	powerful := predecessor()
	powerful.Roles["orders_rw"] = with(powerful.Roles["orders_rw"], func(r *postgres.Role) { r.CreateRole = true })
	foreignGroup := legacy(admin18, true)
	foreignGroup.Roles["orders_ro"] = postgres.Role{Name: "orders_ro"}
	super := having(legacy(admin18, false), func(d *postgres.DatabaseState) { d.Owner = "postgres" })
	indirect := legacy(admin18, false)
	indirect.Members["shop"]["team"] = postgres.Membership{Inherit: true}
	indirect.Members["team"] = map[string]postgres.Membership{"dbadmin": {Inherit: true}}
	settled := func(d *postgres.Database) { d.Settled = true }
	return []planCase{
		{"adopt_14", legacy(admin{14, false}, true), adopt()},
		{"adopt_superuser", legacy(super18, false), adopt()},
		{"adopt", legacy(admin18, true), adopt()},
		{"adopt_indirect_member", indirect, adopt(settled)},
		{"adopt_not_member", legacy(admin18, false), adopt()},
		{"adopt_not_member_14", legacy(admin{14, false}, false), adopt()},
		{"adopt_of_superuser", super, adopt()},
		{"adopt_barred", having(adopted(), func(d *postgres.DatabaseState) { d.Owner, d.Barred = "shop", true }), adopt()},
		{"adopt_limit_and_isolation", legacy(admin18, true), adopt(settled, func(d *postgres.Database) { d.ConnectionLimit, d.KeepPublicConnect = 9, false })},
		{"adopt_new_database", bare(admin18), adopt()},
		{"adopt_begun", withClosedDatabase(admin18), adopt()},
		{"adopt_closed", having(legacy(admin18, true), func(d *postgres.DatabaseState) { d.AllowConnections = false }), adopt()},
		{"adopt_predecessor", predecessor(), adopt()},
		{"adopt_predecessor_powerful_group", powerful, adopt()},
		{"adopt_of_another", having(legacy(admin18, true), func(d *postgres.DatabaseState) { d.Comment = "dbtether.io: Database team-b/orders, uid 7\nx" }), adopt()},
		{"adopt_foreign_group", foreignGroup, adopt()},
		{"adopt_again", adopted(), adopt()},
	}
}

// foreignCases are objects in our own databases that other roles own.
func foreignCases() []planCase {
	made := func(a admin, how postgres.Membership) postgres.State {
		s := provisioned(a)
		s.Members["orders_migrate"] = map[string]postgres.Membership{a.name(): how}
		if a.version < 16 {
			delete(s.Members, "orders_migrate")
		}
		return holding(s, func(c *postgres.Content) {
			c.Owners = map[string]postgres.Owner{"orders_migrate": {Relations: true}}
			c.Schemas["own"] = postgres.Schema{Owner: "orders_migrate", Grants: grants("orders_migrate", "USAGE", "CREATE")}
			c.Lacking = []postgres.LackingGrant{{Owner: "orders_migrate", Schema: "own", Grantee: "orders_ro", Privilege: "SELECT", Relations: []string{"t"}, All: true},
				{Owner: "orders_owner", Schema: "app", Grantee: "orders_ro", Privilege: "SELECT", Relations: []string{"t"}, All: true}}
		})
	}
	bySuperuser := func(a admin) postgres.State {
		return holding(provisioned(a), func(c *postgres.Content) {
			c.Owners = map[string]postgres.Owner{"root": {Superuser: true, Relations: true}}
			c.Lacking = []postgres.LackingGrant{{Owner: "root", Schema: "app", Grantee: "orders_ro", Privilege: "SELECT", Relations: []string{"t"}}}
		})
	}
	return []planCase{
		{"foreign_of_login_14", made(admin{14, false}, postgres.Membership{}), orders()},
		{"foreign_of_login", made(admin18, postgres.Membership{Admin: true}), orders()},
		{"foreign_of_login_that_admin_may_act_as", made(admin18, postgres.Membership{Admin: true, Set: true}), orders()},
		{"foreign_of_login_superuser", made(super18, postgres.Membership{}), orders()},
		{"foreign_of_login_not_ours", made(admin18, postgres.Membership{}), orders()},
		{"foreign_of_superuser_14", bySuperuser(admin{14, false}), orders()},
		{"foreign_of_superuser", bySuperuser(admin18), orders()},
		{"foreign_of_superuser_as_superuser", bySuperuser(super18), orders()},
	}
}

func extensionCases() []planCase {
	offer := func(s postgres.State) postgres.State {
		s.Extensions["hstore"] = postgres.AvailableExtension{DefaultVersion: "1.8", Versions: map[string]postgres.ExtensionVersion{
			"1.8": {Trusted: true, From: map[string]bool{"1.7": true}}, "1.7": {Trusted: true}}}
		return s
	}
	installed := func(a admin, schema, version, owner string) postgres.State {
		return holding(offer(provisioned(a)), func(c *postgres.Content) {
			c.Extensions = map[string]postgres.InstalledExtension{"hstore": {Schema: schema, Version: version, Owner: owner}}
		})
	}
	asking := func(e postgres.Extension, by ...func(*postgres.Database)) postgres.Desired {
		return wanting(func(d *postgres.Database) {
			d.Extensions = []postgres.Extension{e}
			for _, b := range by {
				b(d)
			}
		})
	}
	allow := func(names ...string) func(*postgres.Database) {
		return func(d *postgres.Database) { d.AllowedExtensions = names }
	}
	hstore := func(schema, version string) postgres.Desired {
		return asking(postgres.Extension{Name: "hstore", Schema: schema, Version: version})
	}
	noPublic := holding(installed(admin18, "app", "1.8", ""), func(c *postgres.Content) { delete(c.Schemas, "public"); c.Extensions = nil })
	return []planCase{
		{"extension_schema_and_version", offer(bare(admin18)), hstore("app", "1.7")},
		{"extension_schema_missing", offer(bare(admin18)), hstore("nosuch", "")},
		{"extension_without_public", noPublic, hstore("", "")},
		{"extension_version_unknown", offer(bare(admin18)), hstore("", "9'9")},
		{"extension_schema_not_its_own", bare(admin18), asking(postgres.Extension{Name: "tied", Schema: "app"})},
		{"extension_allowed", bare(admin18), asking(postgres.Extension{Name: "plpython3u", Schema: "app"}, allow("plpython3u"))},
		{"extension_allowed_superuser", provisioned(super18), asking(postgres.Extension{Name: "plpython3u"}, allow("x", "plpython3u"))},
		{"extension_update", installed(admin18, "public", "1.7", "orders_owner"), hstore("", "1.8")},
		{"extension_update_of_admin", installed(admin18, "public", "1.7", "dbadmin"), hstore("public", "1.8")},
		{"extension_update_of_another", installed(admin18, "public", "1.7", "postgres"), hstore("", "1.8")},
		{"extension_update_backwards", installed(admin18, "public", "1.8", "orders_owner"), hstore("", "1.7")},
		{"extension_update_unknown", installed(admin18, "public", "1.8", "orders_owner"), hstore("", "2.0")},
		{"extension_in_another_schema", installed(admin18, "public", "1.8", "orders_owner"), hstore("app", "1.8")},
	}
}
