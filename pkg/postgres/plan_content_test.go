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
	content := func(a admin, by func(*postgres.Content)) postgres.State { return holding(provisioned(a), by) }
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
