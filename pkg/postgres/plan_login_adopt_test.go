package postgres_test

import (
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

func adoptLoginCases() []planCase {
	adopting := login("orders_api", func(l *postgres.DesiredLogin) { l.Adopt, l.SetPassword = true, true })
	state := func(a admin, comment string, by func(postgres.State)) postgres.State {
		s := provisioned(a)
		s.Roles["orders_api"] = with(s.Roles["orders_api"], func(r *postgres.Role) { r.Comment = comment })
		s.Members["orders_api"] = map[string]postgres.Membership{"dbadmin": {Admin: true}}
		by(s)
		return s
	}
	plain := func(postgres.State) {}
	role := func(by func(*postgres.Role)) func(postgres.State) {
		return func(s postgres.State) { s.Roles["orders_api"] = with(s.Roles["orders_api"], by) }
	}
	chain := func(by func(*postgres.Role), names ...string) func(postgres.State) {
		return func(s postgres.State) {
			from := "orders_api"
			for _, name := range names {
				member(s, name, from)
				s.Roles[name] = with(s.Roles[name], func(r *postgres.Role) { r.Name = name })
				from = name
			}
			s.Roles[from] = with(s.Roles[from], by)
			if from != "postgres" {
				member(s, "orders_api", from) // a cycle, which no server makes but a reader must survive
			}
		}
	}
	none := func(*postgres.Role) {}
	own := postgres.Marker{Kind: "DatabaseUser", Resource: "shop/orders-api", UID: userUID + "2"}
	newMember := bare(admin18)
	newMember.Members["pg_write_server_files"] = map[string]postgres.Membership{"orders_rw": {}}
	renamedTo := func(names ...string) postgres.State {
		s := provisioned(admin18)
		delete(s.Roles, "orders_api")
		for _, name := range names {
			s.Roles[name] = postgres.Role{Name: name, Login: true, Inherit: true, ConnectionLimit: -1, Comment: own.String() + own.UID}
		}
		return s
	}
	pair := orders()
	pair.Logins = append(pair.Logins, postgres.DesiredLogin{Name: "orders_api_b", Marker: own, ConnectionLimit: -1, Access: map[string]postgres.Privilege{"orders": postgres.ReadWrite}})
	ending := orders()
	ending.DropLogins = []postgres.Drop{{Name: "orders_api_b", Marker: own}}
	azure := orders()
	azure.Logins[0].Name = "azure_thing"
	azure.Logins[0].Adopt = true
	azureState := provisioned(admin18)
	azureState.Roles["azure_thing"] = postgres.Role{Name: "azure_thing", Login: true}
	self := orders()
	self.Logins[0].Name, self.Logins[0].Adopt = "dbadmin", true
	return append([]planCase{
		{"adopt_login", state(admin18, "the old\nservice's login", plain), adopting},
		{"adopt_login_14", state(admin{14, false}, "", plain), adopting},
		{"adopt_login_noinherit", state(super18, "", role(func(r *postgres.Role) { r.Inherit = false })), adopting},
		{"adopt_login_of_a_predecessor", state(admin18, "dbtether.io: DatabaseUser shop/orders-api, uid 7\nkept", plain), adopting},
		{"adopt_login_of_another_resource", state(admin18, "dbtether.io: DatabaseUser team-b/api, uid 7", plain), adopting},
		{"adopt_login_that_is_a_group", state(admin18, "dbtether.io: group of Database shop/x, uid 7", plain), adopting},
		{"adopt_login_without_admin_option", state(admin18, "", func(s postgres.State) { delete(s.Members, "orders_api") }), adopting},
		{"adopt_login_the_admin_is_in", state(admin18, "", func(s postgres.State) { member(s, "orders_api", "dbadmin") }), adopting},
		{"adopt_the_admin", provisioned(admin18), self},
		{"adopt_a_providers_role", azureState, azure},
		{"renamed_login", renamedTo(`orders "old"`), orders()},
		{"login_deleted_by_somebody", renamedTo(), orders()},
		{"login_alternating", renamedTo("orders_api_b"), pair},
		{"login_alternating_ends", renamedTo("orders_api_b"), ending},
		{"new_login_in_a_dangerous_group", newMember, orders()},
		{"danger_path_of_marked", state(admin18, own.String()+own.UID, chain(none, "a", `b"`, "pg_read_all_data")), orders()},
	}, dangerCases(adopting, func(by func(*postgres.Role), names ...string) postgres.State {
		return state(super18, "", chain(by, names...))
	})...)
}

func dangerCases(adopting postgres.Desired, through func(by func(*postgres.Role), names ...string) postgres.State) []planCase {
	var cases []planCase
	for name, by := range map[string]func(*postgres.Role){
		"superuser":   func(r *postgres.Role) { r.Superuser = true },
		"createrole":  func(r *postgres.Role) { r.CreateRole = true },
		"replication": func(r *postgres.Role) { r.Replication = true },
		"bypassrls":   func(r *postgres.Role) { r.BypassRLS = true },
	} {
		cases = append(cases, planCase{"danger_" + name, through(by), adopting}, planCase{"danger_" + name + "_two_groups_away", through(by, "a", "b"), adopting})
	}
	for _, group := range []string{"pg_monitor", "rds_superuser", "cloudsqlsuperuser", "alloydbsuperuser", "azure_pg_admin", "postgres"} {
		cases = append(cases, planCase{"danger_member_of_" + group, through(func(*postgres.Role) {}, "a", group), adopting})
	}
	return append(cases, planCase{"danger_none_in_a_cycle", through(func(*postgres.Role) {}, "a", "b", "c"), adopting})
}
