package postgres_test

import "github.com/dbtether/kubectl-dbtether/pkg/postgres"

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
	noDefault := offer(bare(admin18))
	noDefault.Extensions["hstore"] = postgres.AvailableExtension{Versions: noDefault.Extensions["hstore"].Versions}
	return []planCase{
		{"extension_schema_and_version", offer(bare(admin18)), hstore("app", "1.7")},
		{"extension_schema_missing", offer(bare(admin18)), hstore("nosuch", "")},
		{"extension_without_public", noPublic, hstore("", "")},
		{"extension_version_unknown", offer(bare(admin18)), hstore("", "9'9")},
		{"extension_without_default_version", noDefault, hstore("", "")},
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
