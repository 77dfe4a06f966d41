package postgres_test

import "github.com/dbtether/kubectl-dbtether/pkg/postgres"

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
