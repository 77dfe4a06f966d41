package postgres_test

import (
	"maps"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

func contentCases() []planCase {
	extensions := func(names ...string) postgres.Desired {
		d := orders()
		d.Databases[0].Extensions = nil
		for _, name := range names {
			d.Databases[0].Extensions = append(d.Databases[0].Extensions, postgres.Extension{Name: name})
		}
		return d
	}
	content := func(a admin, by func(*postgres.Content)) postgres.State {
		s := provisioned(a)
		c := s.Contents["orders"]
		by(&c)
		s.Contents["orders"] = c
		return s
	}
	foreignSchema := content(admin18, func(c *postgres.Content) {
		c.Schemas["app"] = postgres.Schema{Owner: "someone", Grants: postgres.Grants{}}
	})
	publicOfAnother := content(super18, func(c *postgres.Content) {
		c.Schemas["public"] = postgres.Schema{Owner: "someone", Grants: grants("", "USAGE", "CREATE")}
	})
	noPublic := content(admin18, func(c *postgres.Content) { delete(c.Schemas, "public") })
	lacking := content(admin18, func(c *postgres.Content) {
		c.Schemas["later"] = postgres.Schema{Owner: "orders_owner", Grants: grants("orders_owner", "USAGE", "CREATE")}
		c.Defaults = maps.Clone(c.Defaults)
		c.Defaults["TABLES"] = grants("orders_rw", "SELECT", "INSERT", "UPDATE", "DELETE")
		c.Lacking = []postgres.LackingGrant{
			{Schema: "app", Grantee: "orders_ro", Privilege: "SELECT", Relations: []string{"a", "b"}, All: true},
			{Schema: "app", Sequences: true, Grantee: "orders_rw", Privilege: "USAGE", Relations: []string{"a_id_seq"}, All: true},
			{Schema: "later", Grantee: "orders_rw", Privilege: "DELETE", Relations: []string{"t", `odd "name"`}},
			{Schema: "later", Sequences: true, Grantee: "orders_ro", Privilege: "SELECT", Relations: []string{"s"}},
		}
	})
	opened := provisioned(admin18)
	opened.Databases["orders"] = with(opened.Databases["orders"], func(d *postgres.DatabaseState) {
		d.Grants = merge(d.Grants, grants("", "CONNECT"), grants("orders_owner", "CONNECT"))
	})
	return []planCase{
		{"extension_untrusted", bare(admin18), extensions("plpython3u")},
		{"extension_unknown", bare(admin18), extensions("nosuch", "alsonot")},
		{"extension_with_schema_of_its_own", bare(admin18), extensions("tied")},
		{"extension_untrusted_but_installed", content(admin18, func(c *postgres.Content) {
			c.Extensions = map[string]postgres.InstalledExtension{"plpython3u": {Schema: "pg_catalog", Version: "1.0"}}
		}), extensions("plpython3u")},
		{"schema_of_another", foreignSchema, orders()},
		{"public_of_another", publicOfAnother, orders()},
		{"public_dropped", noPublic, orders()},
		{"grants_lacking", lacking, orders()},
		{"opened_to_public", opened, orders()},
	}
}

func dropCases() []planCase {
	depends := func(a admin, deps ...postgres.Dependency) postgres.State {
		s := provisioned(a)
		s.Databases["billing"] = postgres.DatabaseState{Name: "billing", Owner: a.name(), AllowConnections: true, ConnectionLimit: -1}
		s.Roles["billing_owner"] = postgres.Role{Name: "billing_owner", Comment: "dbtether.io: group of Database shop/billing, uid 9"}
		s.Databases["archive"] = postgres.DatabaseState{Name: "archive", Owner: a.name(), AllowConnections: true, ConnectionLimit: -1}
		s.Databases["legacy"] = postgres.DatabaseState{Name: "legacy", Owner: "someone", AllowConnections: true, ConnectionLimit: -1}
		for _, dep := range deps {
			dep.Role = "orders_migrate"
			s.Dependencies = append(s.Dependencies, dep)
		}
		return s
	}
	ownsTwo := []postgres.Dependency{{Database: "billing", Owns: true}, {Database: "orders"}, {Database: "orders", Owns: true}, {Database: "archive"}}
	drop := dropping(orders(), "orders_migrate")
	noSignal := depends(admin18, ownsTwo...)
	noSignal.Server.SignalBackend = false
	stopped := provisioned(admin18)
	stopped.Roles["orders_migrate"] = with(stopped.Roles["orders_migrate"], func(r *postgres.Role) { r.Login = false })
	foreign := provisioned(admin18)
	foreign.Roles["orders_migrate"] = with(foreign.Roles["orders_migrate"], func(r *postgres.Role) { r.Comment = "dbtether.io: DatabaseUser team-b/x, uid 7" })
	gone := provisioned(admin18)
	delete(gone.Roles, "orders_migrate")
	return append([]planCase{
		{"drop_login", provisioned(admin18), drop},
		{"drop_login_in_two_databases", depends(admin18, ownsTwo...), drop},
		{"drop_login_in_two_databases_14", depends(admin{14, false}, ownsTwo...), drop},
		{"drop_login_in_two_databases_superuser", depends(super18, ownsTwo...), drop},
		{"drop_login_without_signal", noSignal, drop},
		{"drop_login_stopped_already", stopped, drop},
		{"drop_login_in_unmanaged_database", depends(admin18, postgres.Dependency{Database: "legacy", Owns: true}), drop},
		{"drop_login_with_privileges_of_others", depends(admin18, postgres.Dependency{Database: "legacy"}), drop},
		{"drop_login_with_privileges_of_others_superuser", depends(super18, postgres.Dependency{Database: "legacy"}), drop},
		{"drop_login_that_owns_a_database", depends(admin18, postgres.Dependency{Owns: true}), drop},
		{"drop_login_with_privileges_on_a_database", depends(admin18, postgres.Dependency{}), drop},
		{"drop_login_of_another", foreign, drop},
		{"drop_login_gone", gone, drop},
	}, dropDatabaseCases()...)
}

func dropDatabaseCases() []planCase {
	all := postgres.Desired{DropDatabases: []postgres.Drop{{Name: "orders", Marker: ordersMarker}}}
	for _, l := range logins {
		all.DropLogins = append(all.DropLogins, postgres.Drop{Name: l.name, Marker: loginMarker(l.name)})
	}
	only := postgres.Desired{DropDatabases: all.DropDatabases}
	kept := postgres.Desired{DropDatabases: []postgres.Drop{{Name: "orders", Marker: ordersMarker, Keep: true}}}
	busy := provisioned(admin18)
	busy.Databases["orders"] = with(busy.Databases["orders"], func(d *postgres.DatabaseState) { d.Sessions = 2 })
	foreign := provisioned(admin18)
	foreign.Databases["orders"] = with(foreign.Databases["orders"], func(d *postgres.DatabaseState) { d.Comment = "" })
	halfGone := provisioned(admin18)
	delete(halfGone.Databases, "orders")
	delete(halfGone.Roles, "orders_owner")
	powerless := provisioned(admin18)
	powerless.Server.CreateDB, powerless.Server.CreateRole = false, false
	return []planCase{
		{"drop_database", provisioned(admin18), only},
		{"drop_database_and_logins", provisioned(admin18), all},
		{"drop_database_in_use", busy, only},
		{"drop_database_begun", withClosedDatabase(admin18), only},
		{"drop_database_of_another", foreign, only},
		{"drop_database_half_gone", halfGone, only},
		{"drop_database_kept", provisioned(admin18), kept},
		{"drop_database_kept_that_never_came_to_be", halfGone, kept},
		{"drop_database_gone", bare(admin18), only},
		{"drop_database_without_rights", powerless, only},
	}
}
