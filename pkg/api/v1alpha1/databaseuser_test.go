package v1alpha1_test

import (
	"strings"
	"testing"
)

func TestDatabaseUserRefusals(t *testing.T) {
	const unnamed = "{databaseRef: {name: orders}}"
	with := func(fields ...string) string {
		return "{" + strings.Join(append([]string{"databaseRef: {name: orders}"}, fields...), ", ") + "}"
	}
	named := func(name string) string { return with("username: " + name) }
	answer(t, "databaseusers", "DatabaseUser", []request{
		{name: "as little as possible", spec: unnamed},
		{name: "no database", spec: "{username: orders}", errors: []string{
			"spec.databaseRef: Required value",
		}},

		{name: "username of 61 bytes", spec: named(strings.Repeat("u", 61))},
		{name: "username of 62 bytes", spec: named(strings.Repeat("u", 62)), errors: []string{
			"spec.username: Too long: may not be more than 61 bytes",
		}},
		{name: "username closes the quotes", spec: named(`'"; DROP'`), errors: []string{
			`spec.username: Invalid value: "\"; DROP": spec.username in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "username with a quote", spec: named(`"o'brien"`), errors: []string{
			`spec.username: Invalid value: "o'brien": spec.username in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "username in Greek", spec: named("'οrders'"), errors: []string{
			`spec.username: Invalid value: "οrders": spec.username in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},
		{name: "username postgres", spec: named("postgres"), errors: []string{
			`spec.username: Invalid value: "postgres": this role name belongs to PostgreSQL or to a provider`,
		}},
		{name: "username public", spec: named("public"), errors: []string{
			`spec.username: Invalid value: "public": this role name belongs to PostgreSQL or to a provider`,
		}},
		{name: "username none", spec: named("none"), errors: []string{
			`spec.username: Invalid value: "none": this role name belongs to PostgreSQL or to a provider`,
		}},
		{name: "username pg_monitor", spec: named("pg_monitor"), errors: []string{
			`spec.username: Invalid value: "pg_monitor": this role name belongs to PostgreSQL or to a provider`,
		}},
		{name: "username rds_superuser", spec: named("rds_superuser"), errors: []string{
			`spec.username: Invalid value: "rds_superuser": this role name belongs to PostgreSQL or to a provider`,
		}},
		{name: "username cloudsqladmin", spec: named("cloudsqladmin"), errors: []string{
			`spec.username: Invalid value: "cloudsqladmin": this role name belongs to PostgreSQL or to a provider`,
		}},
		{name: "username azure_pg_admin", spec: named("azure_pg_admin"), errors: []string{
			`spec.username: Invalid value: "azure_pg_admin": this role name belongs to PostgreSQL or to a provider`,
		}},
		{name: "username with a reserved word inside", spec: named("my_postgres")},

		{name: "resource named public", resource: "public", spec: unnamed, errors: []string{
			"spec.username: Invalid value: as a role name this resource name belongs to PostgreSQL or to a provider: set spec.username",
		}},
		{name: "resource named public, login not", resource: "public", spec: named("orders")},
		{name: "resource named pg-monitor", resource: "pg-monitor", spec: unnamed, errors: []string{
			"spec.username: Invalid value: as a role name this resource name belongs to PostgreSQL or to a provider: set spec.username",
		}},
		{name: "resource name of 61 bytes", resource: strings.Repeat("u", 61), spec: unnamed},
		{name: "resource name of 62 bytes", resource: strings.Repeat("u", 62), spec: unnamed, errors: []string{
			"spec.username: Invalid value: a resource name over 61 characters needs spec.username",
		}},
		{name: "resource name too long for its Secret's", resource: strings.Repeat("u", 232), spec: named("orders"), errors: []string{
			"spec.secretTemplate.name: Invalid value: a resource name over 231 characters needs spec.secretTemplate.name",
		}},
		{name: "resource name of 232 bytes, Secret named", resource: strings.Repeat("u", 232), spec: with("username: orders", "secretTemplate: {name: orders}")},

		{name: "update of what may change", old: unnamed, spec: with("privileges: admin", "password: {length: 64}", "connectionLimit: 3")},
		{name: "database changed", old: unnamed, spec: "{databaseRef: {name: other}}", errors: []string{
			"spec: Invalid value: databaseRef is immutable: create another DatabaseUser",
		}},
		{name: "username changed", old: named("orders"), spec: named("orders2"), errors: []string{
			"spec: Invalid value: username is immutable and cannot be added later: create another DatabaseUser",
		}},
		{name: "username added later", old: unnamed, spec: named("orders"), errors: []string{
			"spec: Invalid value: username is immutable and cannot be added later: create another DatabaseUser",
		}},
		{name: "username removed later", old: named("orders"), spec: unnamed, errors: []string{
			"spec: Invalid value: username is immutable and cannot be added later: create another DatabaseUser",
		}},

		{name: "privileges of SQL", spec: with("privileges: 'admin WITH SUPERUSER'"), errors: []string{
			`spec.privileges: Unsupported value: "admin WITH SUPERUSER": supported values: "readonly", "readwrite", "admin"`,
		}},
		{name: "password of 12", spec: with("password: {length: 12}")},
		{name: "password of 11", spec: with("password: {length: 11}"), errors: []string{
			"spec.password.length: Invalid value: 11: spec.password.length in body should be greater than or equal to 12",
		}},
		{name: "password of 64", spec: with("password: {length: 64}")},
		{name: "password of 65", spec: with("password: {length: 65}"), errors: []string{
			"spec.password.length: Invalid value: 65: spec.password.length in body should be less than or equal to 64",
		}},

		{name: "Secret with keys", spec: with("secretTemplate: {format: custom, keys: {password: DB_PASS, user: DB_USER}}")},
		{name: "keys without format", spec: with("secretTemplate: {keys: {password: DB_PASS}}"), errors: []string{
			"spec.secretTemplate: Invalid value: keys and format: custom go together",
		}},
		{name: "keys with format PG", spec: with("secretTemplate: {format: PG, keys: {password: DB_PASS}}"), errors: []string{
			"spec.secretTemplate: Invalid value: keys and format: custom go together",
		}},
		{name: "format custom without keys", spec: with("secretTemplate: {format: custom}"), errors: []string{
			"spec.secretTemplate: Invalid value: keys and format: custom go together",
		}},
		{name: "format custom with no keys in it", spec: with("secretTemplate: {format: custom, keys: {}}"), errors: []string{
			"spec.secretTemplate: Invalid value: keys and format: custom go together",
		}},
		{name: "unknown format", spec: with("secretTemplate: {format: env}"), errors: []string{
			`spec.secretTemplate.format: Unsupported value: "env": supported values: "raw", "DB", "DATABASE", "POSTGRES", "PG", "custom"`,
		}},
		{name: "key for an unknown field", spec: with("secretTemplate: {format: custom, keys: {superuser: X}}"), errors: []string{
			"spec.secretTemplate.keys: Invalid value: keys maps host, port, database, username (or user), password, uri, jdbc-uri or sslmode to a valid Secret key",
		}},
		{name: "key that no Secret takes", spec: with("secretTemplate: {format: custom, keys: {password: 'a b'}}"), errors: []string{
			"spec.secretTemplate.keys: Invalid value: keys maps host, port, database, username (or user), password, uri, jdbc-uri or sslmode to a valid Secret key",
		}},
		{name: "empty key", spec: with("secretTemplate: {format: custom, keys: {password: ''}}"), errors: []string{
			`spec.secretTemplate.keys.password: Invalid value: "": spec.secretTemplate.keys.password in body should be at least 1 chars long`,
		}},
		{name: "hostile Secret name", spec: with("secretTemplate: {name: ../x}"), errors: []string{
			`spec.secretTemplate.name: Invalid value: "../x": spec.secretTemplate.name in body should match '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'`,
		}},
		{name: "Secret name in upper case", spec: with("secretTemplate: {name: Orders}"), errors: []string{
			`spec.secretTemplate.name: Invalid value: "Orders": spec.secretTemplate.name in body should match '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'`,
		}},
		{name: "Secret name of 244 bytes", spec: with("secretTemplate: {name: " + strings.Repeat("s", 244) + "}"), errors: []string{
			"spec.secretTemplate.name: Too long: may not be more than 243 bytes",
		}},
	})
}
