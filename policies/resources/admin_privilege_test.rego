package dbtether.policies.resources.admin_privilege_test

import data.dbtether.policies.resources.admin_privilege

# review is of DatabaseUser report in namespace team-b, for database orders of namespace shop.
review := {
	"request": {"kind": "DatabaseUser"},
	"namespace": {"name": "team-b", "labels": {}},
	"role": {
		"name": "report", "namespace": "team-b", "databaseNamespace": "shop",
		"privileges": "admin", "tablePrivileges": [], "path": "spec.databaseRefs[2]",
	},
	"database": {"name": "orders", "namespace": "shop", "allowUsersFrom": ["*"], "namespaceLabels": {}},
}

denied(changes) := messages if {
	messages := {finding.message | some finding in admin_privilege.deny} with input as object.union(review, changes)
}

message(privilege) := sprintf(
	"user %q of namespace %q may not have %s in database %q of namespace %q (allowed: readonly, readwrite)",
	["report", "team-b", privilege, "orders", "shop"],
)

teams(of_user, of_database) := {
	"namespace": {"labels": {"dbtether.io/team": of_user}},
	"database": {"namespaceLabels": {"dbtether.io/team": of_database}},
}

test_finding if {
	admin_privilege.deny == {{
		"code": "ADMIN-NOT-SHARED",
		"message": `user "report" of namespace "team-b" may not have admin in database "orders" of namespace "shop" (allowed: readonly, readwrite)`,
		"fix": `ask for readonly or readwrite, or ask the platform team to give the namespaces "team-b" and "shop" one dbtether.io/team label`,
		"path": "spec.databaseRefs[2].privileges",
	}} with input as review
}

test_finding_of_a_grant if {
	admin_privilege.deny == {{
		"code": "ADMIN-NOT-SHARED",
		"message": `user "report" of namespace "team-b" may not have TRIGGER on tables in database "orders" of namespace "shop" (allowed: readonly, readwrite)`,
		"fix": `ask for readonly or readwrite, or ask the platform team to give the namespaces "team-b" and "shop" one dbtether.io/team label`,
		"path": "spec.additionalGrants",
	}} with input as object.union(review, {"role": {"privileges": "readonly", "tablePrivileges": ["TRIGGER"]}})
}

test_data_is_shared if {
	count(denied({"role": {"privileges": "readonly"}})) == 0
	count(denied({"role": {"privileges": "readwrite", "tablePrivileges": ["SELECT", "INSERT", "UPDATE", "DELETE"]}})) == 0
}

test_what_is_not_known_is_not_shared if {
	denied({"role": {"privileges": "owner"}}) == {message("owner")}
	count(denied({"role": {"privileges": ""}})) == 1
	denied({"role": {"privileges": "readonly", "tablePrivileges": ["MAINTAIN"]}}) == {message("MAINTAIN on tables")}
}

test_all_at_once if {
	denied({"role": {"tablePrivileges": ["SELECT", "TRUNCATE", "REFERENCES"]}}) == {
		message("admin"), message("TRUNCATE on tables"), message("REFERENCES on tables"),
	}
}

test_own_namespace if {
	count(denied({"role": {"databaseNamespace": "team-b", "tablePrivileges": ["TRIGGER"]}})) == 0
}

test_same_team if {
	count(denied(teams("backend", "backend"))) == 0
}

test_another_team_or_none if {
	denied(teams("frontend", "backend")) == {message("admin")}
	denied(teams("", "")) == {message("admin")}
	denied({"namespace": {"labels": {"dbtether.io/team": "backend"}}}) == {message("admin")}
	denied({"database": {"namespaceLabels": {"dbtether.io/team": "backend"}}}) == {message("admin")}
}

test_other_kinds_are_not_judged if {
	count(denied({"request": {"kind": "Database"}})) == 0
}
