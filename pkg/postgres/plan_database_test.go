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
