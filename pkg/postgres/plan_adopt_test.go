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
