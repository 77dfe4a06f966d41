package v1alpha1_test

import (
	"strings"
	"testing"
)

func TestDatabaseRefusals(t *testing.T) {
	named := func(name string) string { return "{clusterRef: {name: main}, databaseName: " + name + "}" }
	const unnamed = "{clusterRef: {name: main}}"
	answer(t, "databases", "Database", []request{
		{name: "as little as possible", spec: unnamed},
		{name: "no cluster", spec: "{databaseName: orders}", errors: []string{
			"spec.clusterRef: Required value",
		}},
		{name: "hostile cluster", spec: "{clusterRef: {name: ../x}}", errors: []string{
			`spec.clusterRef.name: Invalid value: "../x": spec.clusterRef.name in body should match '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'`,
		}},

		{name: "databaseName mixed case", spec: named("Orders_2")},
		{name: "databaseName of 57 bytes", spec: named(strings.Repeat("d", 57))},
		{name: "databaseName of 58 bytes", spec: named(strings.Repeat("d", 58)), errors: []string{
			"spec.databaseName: Too long: may not be more than 57 bytes",
		}},
		{name: "databaseName empty", spec: named("''"), errors: []string{
			`spec.databaseName: Invalid value: "": spec.databaseName in body should be at least 1 chars long`,
		}},
		{name: "databaseName closes the quotes", spec: named(`'"; DROP'`), errors: []string{
			`spec.databaseName: Invalid value: "\"; DROP": spec.databaseName in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "databaseName with a quote", spec: named(`"o'rders"`), errors: []string{
			`spec.databaseName: Invalid value: "o'rders": spec.databaseName in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "databaseName with a backslash", spec: named(`'a\b'`), errors: []string{
			`spec.databaseName: Invalid value: "a\\b": spec.databaseName in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "databaseName in Cyrillic", spec: named("'оrders'"), errors: []string{
			`spec.databaseName: Invalid value: "оrders": spec.databaseName in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "databaseName with a line break", spec: named(`"orders\n"`), errors: []string{
			`spec.databaseName: Invalid value: "orders\n": spec.databaseName in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "databaseName with a zero byte", spec: named(`"orders\0"`), errors: []string{
			`spec.databaseName: Invalid value: "orders\x00": spec.databaseName in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "databaseName begins with a digit", spec: named("'1st'"), errors: []string{
			`spec.databaseName: Invalid value: "1st": spec.databaseName in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "databaseName postgres", spec: named("postgres"), errors: []string{
			`spec.databaseName: Invalid value: "postgres": this database name belongs to PostgreSQL or to a provider`,
		}},
		{name: "databaseName template1", spec: named("template1"), errors: []string{
			`spec.databaseName: Invalid value: "template1": this database name belongs to PostgreSQL or to a provider`,
		}},
		{name: "databaseName rdsadmin", spec: named("rdsadmin"), errors: []string{
			`spec.databaseName: Invalid value: "rdsadmin": this database name belongs to PostgreSQL or to a provider`,
		}},
		{name: "databaseName pg_orders", spec: named("pg_orders"), errors: []string{
			`spec.databaseName: Invalid value: "pg_orders": this database name belongs to PostgreSQL or to a provider`,
		}},
		{name: "databaseName pgorders", spec: named("pgorders")},

		{name: "resource named postgres", resource: "postgres", spec: unnamed, errors: []string{
			"spec.databaseName: Invalid value: as a database name this resource name belongs to PostgreSQL or to a provider: set spec.databaseName",
		}},
		{name: "resource named postgres, database not", resource: "postgres", spec: named("orders")},
		{name: "resource named azure-sys", resource: "azure-sys", spec: unnamed, errors: []string{
			"spec.databaseName: Invalid value: as a database name this resource name belongs to PostgreSQL or to a provider: set spec.databaseName",
		}},
		{name: "resource named pg.orders", resource: "pg.orders", spec: unnamed, errors: []string{
			"spec.databaseName: Invalid value: as a database name this resource name belongs to PostgreSQL or to a provider: set spec.databaseName",
		}},
		{name: "resource name of 57 bytes", resource: strings.Repeat("d", 57), spec: unnamed},
		{name: "resource name of 58 bytes", resource: strings.Repeat("d", 58), spec: unnamed, errors: []string{
			"spec.databaseName: Invalid value: a resource name over 57 characters needs spec.databaseName",
		}},
		{name: "resource name of 58 bytes, databaseName set", resource: strings.Repeat("d", 58), spec: named("orders")},

		{name: "update of nothing", old: named("orders"), spec: named("orders")},
		{name: "update of what may change", old: unnamed, spec: "{clusterRef: {name: main}, schemas: [app], connectionLimit: 5, deletionPolicy: Delete}"},
		{name: "cluster changed", old: unnamed, spec: "{clusterRef: {name: other}}", errors: []string{
			"spec: Invalid value: clusterRef is immutable: create another Database",
		}},
		{name: "databaseName changed", old: named("orders"), spec: named("orders2"), errors: []string{
			"spec: Invalid value: databaseName is immutable and cannot be added later: create another Database",
		}},
		{name: "databaseName added later", old: unnamed, spec: named("orders"), errors: []string{
			"spec: Invalid value: databaseName is immutable and cannot be added later: create another Database",
		}},
		{name: "databaseName removed later", old: named("orders"), spec: unnamed, errors: []string{
			"spec: Invalid value: databaseName is immutable and cannot be added later: create another Database",
		}},

		{name: "schemas", spec: "{clusterRef: {name: main}, schemas: [app, Audit_2]}"},
		{name: "schema of PostgreSQL", spec: "{clusterRef: {name: main}, schemas: [app, pg_toast, information_schema]}", errors: []string{
			`spec.schemas[1]: Invalid value: "pg_toast": this schema name belongs to PostgreSQL`,
			`spec.schemas[2]: Invalid value: "information_schema": this schema name belongs to PostgreSQL`,
		}},
		{name: "hostile schema", spec: `{clusterRef: {name: main}, schemas: ['app"; DROP SCHEMA public; --']}`, errors: []string{
			`spec.schemas[0]: Invalid value: "app\"; DROP SCHEMA public; --": spec.schemas[0] in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "schema twice", spec: "{clusterRef: {name: main}, schemas: [app, app]}", errors: []string{
			`spec.schemas[1]: Duplicate value: "app"`,
		}},
		{name: "schema of 64 bytes", spec: "{clusterRef: {name: main}, schemas: [" + strings.Repeat("s", 64) + "]}", errors: []string{
			"spec.schemas[0]: Too long: may not be more than 63 bytes",
		}},
		{name: "connectionLimit 0", spec: "{clusterRef: {name: main}, connectionLimit: 0}"},
		{name: "connectionLimit -2", spec: "{clusterRef: {name: main}, connectionLimit: -2}", errors: []string{
			"spec.connectionLimit: Invalid value: -2: spec.connectionLimit in body should be greater than or equal to -1",
		}},
		{name: "deletionPolicy of other spelling", spec: "{clusterRef: {name: main}, deletionPolicy: delete}", errors: []string{
			`spec.deletionPolicy: Unsupported value: "delete": supported values: "Retain", "Delete"`,
		}},
	})
}

func TestDatabaseExtensions(t *testing.T) {
	const grammar = `'^[a-z][a-z0-9_-]{0,62}( SCHEMA [A-Za-z_][A-Za-z0-9_-]{0,62})?( VERSION [A-Za-z0-9._-]{1,32})?$'`
	const reserved = "this schema name belongs to PostgreSQL"
	with := func(extensions string) string { return "{clusterRef: {name: main}, extensions: [" + extensions + "]}" }
	unlike := func(shown string) []string {
		return []string{"spec.extensions[0]: Invalid value: " + shown + ": spec.extensions[0] in body should match " + grammar}
	}
	answer(t, "databases", "Database", []request{
		{name: "names", spec: with("hstore, uuid-ossp, pg_trgm")},
		{name: "with a schema", spec: with("hstore SCHEMA App-2")},
		{name: "with a version", spec: with("'postgis VERSION 3.4.2'")},
		{name: "with both", spec: with("hstore SCHEMA app VERSION 1.8")},
		{name: "schema whose name only resembles PostgreSQL's", spec: with("hstore SCHEMA pgx, citext SCHEMA information_schema_2")},
		{name: "changed later", old: with("hstore"), spec: with("hstore SCHEMA app VERSION 1.8, citext")},
		{name: "closes the quotes", spec: with(`"hstore'; SELECT 1"`), errors: unlike(`"hstore'; SELECT 1"`)},
		{name: "closes the identifier", spec: with(`'hstore SCHEMA a"b'`), errors: unlike(`"hstore SCHEMA a\"b"`)},
		{name: "version that closes the quotes", spec: with(`"hstore VERSION 1'"`), errors: unlike(`"hstore VERSION 1'"`)},
		{name: "words in the other order", spec: with("hstore VERSION 1.8 SCHEMA app"), errors: unlike(`"hstore VERSION 1.8 SCHEMA app"`)},
		{name: "words in lower case", spec: with("hstore schema app"), errors: unlike(`"hstore schema app"`)},
		{name: "a word without a value", spec: with("hstore SCHEMA"), errors: unlike(`"hstore SCHEMA"`)},
		{name: "one word more", spec: with("hstore CASCADE"), errors: unlike(`"hstore CASCADE"`)},
		{name: "two spaces", spec: with("'hstore  SCHEMA app'"), errors: unlike(`"hstore  SCHEMA app"`)},
		{name: "a line break", spec: with(`"hstore\nSCHEMA app"`), errors: unlike(`"hstore\nSCHEMA app"`)},
		{name: "schema of 64 bytes", spec: with("hstore SCHEMA " + strings.Repeat("s", 64)),
			errors: unlike(`"hstore SCHEMA ` + strings.Repeat("s", 64) + `"`)},
		{name: "schema of PostgreSQL", spec: with("hstore SCHEMA pg_catalog, citext SCHEMA information_schema VERSION 1.6"), errors: []string{
			`spec.extensions[0]: Invalid value: "hstore SCHEMA pg_catalog": ` + reserved,
			`spec.extensions[1]: Invalid value: "citext SCHEMA information_schema VERSION 1.6": ` + reserved,
		}},
		{name: "one line twice", spec: with("hstore, hstore"), errors: []string{`spec.extensions[1]: Duplicate value: "hstore"`}},
		{name: "one extension in two ways", spec: with("hstore, hstore SCHEMA app"), errors: []string{
			"spec: Invalid value: extensions names one extension twice",
		}},
	})
}

func TestDatabaseOrigin(t *testing.T) {
	with := func(fields string) string { return "{clusterRef: {name: main}, " + fields + "}" }
	const unnamed = "{clusterRef: {name: main}}"
	const brought = "spec: Invalid value: encoding and locale can be chosen with template0 only: another template brings its own"
	requests := []request{
		{name: "template", spec: with("template: gold_2")},
		{name: "template0 with all", spec: with("template: template0, encoding: UTF8, lcCollate: C, lcCtype: en_US.UTF-8")},
		{name: "encoding and locale without template", spec: with("encoding: LATIN1, lcCollate: de_DE@euro, lcCtype: C")},
		{name: "encoding with another template", spec: with("template: gold, encoding: UTF8"), errors: []string{brought}},
		{name: "lcCollate with another template", spec: with("template: gold, lcCollate: C"), errors: []string{brought}},
		{name: "lcCtype with another template", spec: with("template: gold, lcCtype: C"), errors: []string{brought}},
		{name: "provider with another template", spec: with("template: template1, localeProvider: icu, icuLocale: de"), errors: []string{brought}},
		{name: "hostile template", spec: with(`template: 'a" OWNER x'`), errors: []string{
			`spec.template: Invalid value: "a\" OWNER x": spec.template in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "hostile encoding", spec: with(`encoding: "UTF8' x"`), errors: []string{
			`spec.encoding: Invalid value: "UTF8' x": spec.encoding in body should match '^[A-Za-z][A-Za-z0-9_]*$'`,
		}},
		{name: "hostile locale", spec: with(`lcCollate: "C'", lcCtype: 'a b'`), errors: []string{
			`spec.lcCollate: Invalid value: "C'": spec.lcCollate in body should match '^[A-Za-z][A-Za-z0-9_.@-]*$'`,
			`spec.lcCtype: Invalid value: "a b": spec.lcCtype in body should match '^[A-Za-z][A-Za-z0-9_.@-]*$'`,
		}},

		{name: "provider libc", spec: with("localeProvider: libc, lcCollate: C")},
		{name: "provider icu", spec: with("localeProvider: icu, icuLocale: de-DE-u-co-phonebk")},
		{name: "provider builtin", spec: with("localeProvider: builtin, builtinLocale: C.UTF-8")},
		{name: "unknown provider", spec: with("localeProvider: ICU"), errors: []string{
			`spec.localeProvider: Unsupported value: "ICU": supported values: "libc", "icu", "builtin"`,
		}},
		{name: "provider icu without its locale", spec: with("localeProvider: icu"), errors: []string{
			"spec: Invalid value: icuLocale and localeProvider: icu go together",
		}},
		{name: "icuLocale without provider", spec: with("icuLocale: de"), errors: []string{
			"spec: Invalid value: icuLocale and localeProvider: icu go together",
		}},
		{name: "icuLocale with libc", spec: with("localeProvider: libc, icuLocale: de"), errors: []string{
			"spec: Invalid value: icuLocale and localeProvider: icu go together",
		}},
		{name: "provider builtin without its locale", spec: with("localeProvider: builtin"), errors: []string{
			"spec: Invalid value: builtinLocale and localeProvider: builtin go together",
		}},
		{name: "builtinLocale with icu", spec: with("localeProvider: icu, icuLocale: de, builtinLocale: C"), errors: []string{
			"spec: Invalid value: builtinLocale and localeProvider: builtin go together",
		}},
		{name: "hostile icuLocale", spec: with(`localeProvider: icu, icuLocale: "de'"`), errors: []string{
			`spec.icuLocale: Invalid value: "de'": spec.icuLocale in body should match '^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$'`,
		}},
		{name: "unknown builtinLocale", spec: with("localeProvider: builtin, builtinLocale: de"), errors: []string{
			`spec.builtinLocale: Unsupported value: "de": supported values: "C", "C.UTF-8", "PG_UNICODE_FAST"`,
		}},
	}
	for _, c := range []struct{ field, value, other string }{
		{"template", "gold", "gold2"}, {"encoding", "UTF8", "LATIN1"}, {"lcCollate", "C", "POSIX"}, {"lcCtype", "C", "POSIX"}, {"localeProvider", "libc", ""},
	} {
		immutable := []string{"spec: Invalid value: " + c.field + " is immutable and cannot be added later: create another Database"}
		requests = append(requests,
			request{name: c.field + " as it was", old: with(c.field + ": " + c.value), spec: with(c.field + ": " + c.value)},
			request{name: c.field + " added later", old: unnamed, spec: with(c.field + ": " + c.value), errors: immutable},
			request{name: c.field + " removed later", old: with(c.field + ": " + c.value), spec: unnamed, errors: immutable})
		if c.other != "" {
			requests = append(requests, request{name: c.field + " changed", old: with(c.field + ": " + c.value), spec: with(c.field + ": " + c.other), errors: immutable})
		}
	}
	requests = append(requests,
		request{name: "icuLocale changed", old: with("localeProvider: icu, icuLocale: de"), spec: with("localeProvider: icu, icuLocale: fr"), errors: []string{
			"spec: Invalid value: icuLocale is immutable and cannot be added later: create another Database",
		}},
		request{name: "builtinLocale changed", old: with("localeProvider: builtin, builtinLocale: C"), spec: with("localeProvider: builtin, builtinLocale: C.UTF-8"), errors: []string{
			"spec: Invalid value: builtinLocale is immutable and cannot be added later: create another Database",
		}})
	answer(t, "databases", "Database", requests)
}

func TestDatabaseLife(t *testing.T) {
	with := func(fields string) string { return "{clusterRef: {name: main}, " + fields + "}" }
	answer(t, "databases", "Database", append([]request{
		{name: "owner", spec: with("owner: orders-api")},
		{name: "owner is a role", spec: with("owner: orders_api"), errors: []string{
			`spec.owner: Invalid value: "orders_api": spec.owner in body should match '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'`,
		}},
		{name: "owner changed", old: with("owner: a"), spec: with("owner: b")},
		{name: "owner added later", old: "{clusterRef: {name: main}}", spec: with("owner: a")},
		{name: "adopt, now and later", old: "{clusterRef: {name: main}}", spec: with("adopt: true")},
		{name: "adopt is no word", spec: with("adopt: 'yes'"), errors: []string{
			`spec.adopt: Invalid value: "string": spec.adopt in body must be of type boolean: "string"`,
		}},
		{name: "revokePublicConnect", old: with("revokePublicConnect: false"), spec: with("revokePublicConnect: true")},
		{name: "forceDrop", spec: with("forceDrop: true, deletionProtection: false")},
		{name: "deletionProtection", spec: with("forceDrop: false, deletionProtection: true, deletionPolicy: Delete")},
		{name: "forceDrop with deletionProtection", spec: with("forceDrop: true, deletionProtection: true"), errors: []string{
			"spec: Invalid value: forceDrop and deletionProtection exclude each other",
		}},
	}, settingRequests("parameters", with)...))
}

// settingRequests are those of the fields whose keys are names of settings.
func settingRequests(field string, with func(string) string) []request {
	refused := []string{"spec." + field + ": Invalid value: " + field + " are names of settings; role and session_authorization are not among them"}
	setting := func(name, value string) string { return with(field + ": {" + name + ": " + value + "}") }
	requests := []request{
		{name: field, spec: setting("statement_timeout", "30s")},
		{name: field + " of an extension", spec: setting("My_app.tenant.id", `"it's; --"`)},
		{name: field + " of 63 bytes", spec: setting(strings.Repeat("s", 63), "x")},
		{name: field + " changed later", old: setting("work_mem", "8MB"), spec: setting("search_path", "'app, public'")},
		{name: field + " with a number", spec: setting("work_mem", "8"), errors: []string{
			`spec.` + field + `.work_mem: Invalid value: "integer": spec.` + field + `.work_mem in body must be of type string: "integer"`,
		}},
		{name: field + " with 1025 bytes", spec: setting("work_mem", strings.Repeat("v", 1025)), errors: []string{
			"spec." + field + ".work_mem: Too long: may not be more than 1024 bytes",
		}},
	}
	for _, name := range []string{
		"role", "ROLE", "Role", "session_authorization", "SESSION_authorization", "''", strings.Repeat("s", 64), "a b", `"a'"`, `'a"b'`, "a;b", "a=b", "'1a'", "a.", ".a", "a..b",
		`"work_mem\n"`, `"work\0mem"`, "'ѕearch_path'", "a-b",
	} {
		requests = append(requests, request{name: field + " named " + name, spec: setting(name, "x"), errors: refused})
	}
	return requests
}
