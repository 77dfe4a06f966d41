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
		{name: "hostile extension", spec: "{clusterRef: {name: main}, extensions: [\"hstore'; SELECT 1\"]}", errors: []string{
			`spec.extensions[0]: Invalid value: "hstore'; SELECT 1": spec.extensions[0] in body should match '^[a-z][a-z0-9_-]*$'`,
		}},
		{name: "extension twice", spec: "{clusterRef: {name: main}, extensions: [hstore, hstore]}", errors: []string{
			`spec.extensions[1]: Duplicate value: "hstore"`,
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
