package postgres_test

import "github.com/dbtether/kubectl-dbtether/pkg/postgres"

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

func forcedCases() []planCase {
	s := withBilling(admin18)
	for _, database := range []string{"", "billing", "legacy"} {
		s.Dependencies = append(s.Dependencies, postgres.Dependency{Role: "orders_migrate", Database: database, Owns: true})
	}
	forced := dropping(orders(), "orders_migrate")
	forced.DropLogins[0].Force = true
	busy := provisioned(admin18)
	busy.Databases["orders"] = with(busy.Databases["orders"], func(d *postgres.DatabaseState) { d.Sessions = 2 })
	return []planCase{
		{"drop_login_forced", s, forced},
		{"drop_database_forced", busy, postgres.Desired{DropDatabases: []postgres.Drop{{Name: "orders", Marker: ordersMarker, Force: true}}}},
	}
}
