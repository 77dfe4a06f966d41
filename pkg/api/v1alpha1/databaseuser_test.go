package v1alpha1_test

import (
	"fmt"
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
			"spec: Invalid value: exactly one of databaseRef and databaseRefs must be set",
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
		{name: "another database", old: unnamed, spec: "{databaseRef: {name: other, namespace: billing}}"},
		{name: "several databases later", old: unnamed, spec: "{databaseRefs: [{name: orders}, {name: other}]}"},
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
		{name: "Secret name of a revision", spec: with("secretTemplate: {name: reports-credentials.v2}"), errors: []string{
			`spec.secretTemplate.name: Invalid value: "reports-credentials.v2": a name that ends with .v and a number is that of a revision of another Secret`,
		}},
		{name: "Secret name like that of a revision", spec: with("secretTemplate: {name: reports.v2-credentials}")},
		{name: "Secret name of 244 bytes", spec: with("secretTemplate: {name: " + strings.Repeat("s", 244) + "}"), errors: []string{
			"spec.secretTemplate.name: Too long: may not be more than 243 bytes",
		}},
	})
}

func TestDatabaseUserReferences(t *testing.T) {
	const name = `'^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'`
	const exactlyOne = "spec: Invalid value: exactly one of databaseRef and databaseRefs must be set"
	var many []string
	for i := range 33 {
		many = append(many, fmt.Sprintf("{name: d%d}", i))
	}
	answer(t, "databaseusers", "DatabaseUser", []request{
		{name: "of another namespace, with privileges", spec: "{databaseRef: {name: orders, namespace: billing, privileges: admin}}"},
		{name: "several", spec: "{databaseRefs: [{name: orders}, {name: orders, namespace: billing}, {name: reports, privileges: readwrite}]}"},
		{name: "one of several", spec: "{databaseRefs: [{name: orders}]}"},
		{name: "32 of them", spec: "{databaseRefs: [" + strings.Join(many[:32], ", ") + "]}"},
		{name: "33 of them", spec: "{databaseRefs: [" + strings.Join(many, ", ") + "]}", errors: []string{
			"spec.databaseRefs: Too many: 33: must have at most 32 items",
		}},
		{name: "both", spec: "{databaseRef: {name: orders}, databaseRefs: [{name: orders}]}", errors: []string{exactlyOne}},
		{name: "neither", spec: "{}", errors: []string{exactlyOne}},
		{name: "none", spec: "{databaseRefs: []}", errors: []string{
			"spec.databaseRefs: Invalid value: 0: spec.databaseRefs in body should have at least 1 items",
		}},
		{name: "removed later", old: "{databaseRefs: [{name: a}, {name: b}]}", spec: "{databaseRefs: [{name: b}]}"},
		{name: "without a name", spec: "{databaseRefs: [{namespace: shop}]}", errors: []string{"spec.databaseRefs[0].name: Required value"}},
		{name: "one twice", spec: "{databaseRefs: [{name: orders}, {name: reports}, {name: orders, privileges: admin}]}", errors: []string{
			"spec: Invalid value: databaseRefs names one Database twice",
		}},
		{name: "one twice in one namespace", spec: "{databaseRefs: [{name: orders, namespace: billing}, {name: orders, namespace: billing}]}", errors: []string{
			"spec: Invalid value: databaseRefs names one Database twice",
		}},
		{name: "hostile name and namespace", spec: "{databaseRef: {name: ../x, namespace: a/b}}", errors: []string{
			`spec.databaseRef.name: Invalid value: "../x": spec.databaseRef.name in body should match ` + name,
			`spec.databaseRef.namespace: Invalid value: "a/b": spec.databaseRef.namespace in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'`,
		}},
		{name: "unknown privileges", spec: "{databaseRefs: [{name: orders, privileges: owner}]}", errors: []string{
			`spec.databaseRefs[0].privileges: Unsupported value: "owner": supported values: "readonly", "readwrite", "admin"`,
		}},
	})
}

func TestDatabaseUserGrants(t *testing.T) {
	with := func(grant string) string {
		return "{databaseRefs: [{name: orders}, {name: reports, namespace: billing}], additionalGrants: [" + grant + "]}"
	}
	unlike := func(shown string) []string {
		return []string{"spec.additionalGrants[0].tables[0]: Invalid value: " + shown +
			": spec.additionalGrants[0].tables[0] in body should match '^[A-Za-z_][A-Za-z0-9_-]{0,62}([.][A-Za-z_][A-Za-z0-9_-]{0,62})?$'"}
	}
	requests := []request{
		{name: "every privilege", spec: with("{tables: [orders, App-2.Lines], privileges: [SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER]}")},
		{name: "in one database", spec: with("{database: reports, tables: [t], privileges: [SELECT]}, {database: orders, tables: [t], privileges: [SELECT]}")},
		{name: "in the only database", spec: "{databaseRef: {name: orders}, additionalGrants: [{database: orders, tables: [t], privileges: [SELECT]}]}"},
		{name: "in a database that is none of the user's", spec: with("{database: other, tables: [t], privileges: [SELECT]}"), errors: []string{
			"spec: Invalid value: additionalGrants names a Database that the user does not refer to",
		}},
		{name: "schema and table of 63 bytes", spec: with("{tables: [" + strings.Repeat("s", 63) + "." + strings.Repeat("t", 63) + "], privileges: [SELECT]}")},
		{name: "table of 64 bytes", spec: with("{tables: [" + strings.Repeat("t", 64) + "], privileges: [SELECT]}"), errors: unlike(`"` + strings.Repeat("t", 64) + `"`)},
		{name: "no tables, no privileges", spec: with("{tables: [], privileges: []}"), errors: []string{
			"spec.additionalGrants[0].privileges: Invalid value: 0: spec.additionalGrants[0].privileges in body should have at least 1 items",
			"spec.additionalGrants[0].tables: Invalid value: 0: spec.additionalGrants[0].tables in body should have at least 1 items",
		}},
		{name: "neither said", spec: with("{database: orders}"), errors: []string{
			"spec.additionalGrants[0].privileges: Required value", "spec.additionalGrants[0].tables: Required value",
		}},
		{name: "table and privilege twice", spec: with("{tables: [t, t], privileges: [SELECT, SELECT]}"), errors: []string{
			`spec.additionalGrants[0].privileges[1]: Duplicate value: "SELECT"`, `spec.additionalGrants[0].tables[1]: Duplicate value: "t"`,
		}},
	}
	for yaml, shown := range map[string]string{
		`'"t"; DROP TABLE x'`: `"\"t\"; DROP TABLE x"`, `"t' --"`: `"t' --"`, "a.b.c": `"a.b.c"`, "'.t'": `".t"`, "'s.'": `"s."`, "'*'": `"*"`, "'t, u'": `"t, u"`,
		"'ALL TABLES IN SCHEMA public'": `"ALL TABLES IN SCHEMA public"`, `"t\n"`: `"t\n"`, `"t\0"`: `"t\x00"`, "'оrders'": `"оrders"`, "'1t'": `"1t"`,
	} {
		requests = append(requests, request{name: "table " + yaml, spec: with("{tables: [" + yaml + "], privileges: [SELECT]}"), errors: unlike(shown)})
	}
	for _, privilege := range []string{"ALL", "select", "SELECT ON t TO PUBLIC; --", "MAINTAIN", "SELECT (password)"} {
		requests = append(requests, request{name: "privilege " + privilege, spec: with("{tables: [t], privileges: ['" + privilege + "']}"), errors: []string{
			`spec.additionalGrants[0].privileges[0]: Unsupported value: "` + privilege + `": supported values: ` +
				`"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"`,
		}})
	}
	answer(t, "databaseusers", "DatabaseUser", requests)
}

func TestDatabaseUserLife(t *testing.T) {
	with := func(fields string) string { return "{databaseRef: {name: orders}, " + fields + "}" }
	period := func(value string) string { return with("rotation: {gracePeriod: " + value + "}") }
	requests := append([]request{
		{name: "adopt", spec: with("adopt: true")},
		{name: "rotation of the original operator", spec: with("rotation: {days: 30}")},
		{name: "rotation of 1 and 365 days", old: with("rotation: {days: 1}"), spec: with("rotation: {days: 365, strategy: InPlace}")},
		{name: "rotation without days", spec: with("rotation: {strategy: Alternate}")},
		{name: "rotation of no days", spec: with("rotation: {days: 0}"), errors: []string{
			"spec.rotation.days: Invalid value: 0: spec.rotation.days in body should be greater than or equal to 1",
		}},
		{name: "rotation of 366 days", spec: with("rotation: {days: 366}"), errors: []string{
			"spec.rotation.days: Invalid value: 366: spec.rotation.days in body should be less than or equal to 365",
		}},
		{name: "unknown strategy", spec: with("rotation: {strategy: inplace}"), errors: []string{
			`spec.rotation.strategy: Unsupported value: "inplace": supported values: "Alternate", "InPlace"`,
		}},
		{name: "gracePeriod 0", spec: period("0s")},
		{name: "gracePeriod of three units", spec: period("1h30m15s")},
		{name: "gracePeriod of a year", spec: period("8760h")},
		{name: "gracePeriod of a year and a second", spec: period("8760h1s"), errors: []string{
			`spec.rotation.gracePeriod: Invalid value: "8760h1s": gracePeriod is at most 8760h, a year`,
		}},
		{name: "gracePeriod as long as can be written", spec: period("999999h999999h9h"), errors: []string{
			`spec.rotation.gracePeriod: Invalid value: "999999h999999h9h": gracePeriod is at most 8760h, a year`,
		}},
		{name: "gracePeriod longer than that", spec: period("999999h999999h99h"), errors: []string{
			"spec.rotation.gracePeriod: Too long: may not be more than 16 bytes",
		}},
		{name: "expiresAt", old: with("expiresAt: '2030-01-31T12:00:00Z'"), spec: with("expiresAt: '2030-02-28T12:00:00+01:00'")},
		{name: "expiresAt is a day", spec: with("expiresAt: '2030-01-31'"), errors: []string{
			`spec.expiresAt: Invalid value: "2030-01-31": spec.expiresAt in body must be of type date-time: "2030-01-31"`,
		}},
	}, settingRequests("settings", with)...)
	for _, value := range []string{"24", "1d", "h", "-1h", "1.5h", "24H", "24h ", "9999999h", "1h, 2h"} {
		requests = append(requests, request{name: "gracePeriod " + value, spec: period("'" + value + "'"), errors: []string{
			`spec.rotation.gracePeriod: Invalid value: "` + value + `": spec.rotation.gracePeriod in body should match '^([0-9]{1,6}(h|m|s))+$'`,
		}})
	}
	answer(t, "databaseusers", "DatabaseUser", requests)
}

func TestDatabaseUserServiceAccounts(t *testing.T) {
	with := func(list string) string { return "{databaseRef: {name: orders}, serviceAccounts: " + list + "}" }
	requests := []request{
		{name: "two", spec: with("[api, jobs.nightly]")},
		{name: "none", old: with("[api]"), spec: with("[]")},
		{name: "later", old: "{databaseRef: {name: orders}}", spec: with("[api]")},
		{name: "one twice", spec: with("[api, api]"), errors: []string{`spec.serviceAccounts[1]: Duplicate value: "api"`}},
		{name: "253 characters", spec: with("[" + strings.Repeat("s", 253) + "]")},
		{name: "254 characters", spec: with("[" + strings.Repeat("s", 254) + "]"), errors: []string{
			"spec.serviceAccounts[0]: Too long: may not be more than 253 bytes",
		}},
	}
	for _, name := range []string{"Api", "*", "shop/api", "system:serviceaccount:shop:api", "api-"} {
		requests = append(requests, request{name: "named " + name, spec: with("['" + name + "']"), errors: []string{
			`spec.serviceAccounts[0]: Invalid value: "` + name + `": spec.serviceAccounts[0] in body should match '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'`,
		}})
	}
	answer(t, "databaseusers", "DatabaseUser", requests)
}

func TestDatabaseUserSecrets(t *testing.T) {
	with := func(fields string) string { return "{databaseRefs: [{name: orders}, {name: reports}], " + fields + "}" }
	const tooLong = "spec.secretGeneration: Invalid value: with secretGeneration perDatabase the resource's name and that of each Database have at most 230 characters together"
	answer(t, "databaseusers", "DatabaseUser", []request{
		{name: "perDatabase", spec: with("secretGeneration: perDatabase, secretTemplate: {format: POSTGRES}")},
		{name: "perDatabase later", old: with("username: u"), spec: with("username: u, secretGeneration: perDatabase")},
		{name: "primary with a name", spec: with("secretGeneration: primary, secretTemplate: {name: s}")},
		{name: "perDatabase with a name", spec: with("secretGeneration: perDatabase, secretTemplate: {name: s}"), errors: []string{
			"spec: Invalid value: secretGeneration perDatabase derives the names of the Secrets: leave secretTemplate.name out",
		}},
		{name: "unknown generation", spec: with("secretGeneration: PerDatabase"), errors: []string{
			`spec.secretGeneration: Unsupported value: "PerDatabase": supported values: "primary", "perDatabase"`,
		}},
		{name: "perDatabase, one name in two namespaces", spec: "{databaseRefs: [{name: a}, {name: a, namespace: billing}], secretGeneration: perDatabase}", errors: []string{
			"spec: Invalid value: secretGeneration perDatabase names each Secret after its Database: Databases of one name in several namespaces need secretGeneration primary",
		}},
		{name: "perDatabase with names of 230 characters", resource: strings.Repeat("u", 60),
			spec: "{databaseRefs: [{name: a}, {name: " + strings.Repeat("d", 170) + "}], secretGeneration: perDatabase}"},
		{name: "perDatabase with names of 231 characters", resource: strings.Repeat("u", 60),
			spec: "{databaseRefs: [{name: a}, {name: " + strings.Repeat("d", 171) + "}], secretGeneration: perDatabase}", errors: []string{tooLong}},
		{name: "perDatabase with one of 231 characters", resource: strings.Repeat("u", 60),
			spec: "{databaseRef: {name: " + strings.Repeat("d", 171) + "}, secretGeneration: perDatabase}", errors: []string{tooLong}},
		{name: "primary with names of 231 characters", resource: strings.Repeat("u", 60), spec: "{databaseRef: {name: " + strings.Repeat("d", 171) + "}}"},

		{name: "onConflict Adopt", spec: with("secretTemplate: {onConflict: Adopt}")},
		{name: "onConflict Merge", old: with("secretTemplate: {onConflict: Fail}"), spec: with("secretTemplate: {onConflict: Merge}")},
		{name: "unknown onConflict", spec: with("secretTemplate: {onConflict: merge}"), errors: []string{
			`spec.secretTemplate.onConflict: Unsupported value: "merge": supported values: "Fail", "Adopt", "Merge"`,
		}},
	})
}
