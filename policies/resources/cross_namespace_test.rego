package dbtether.policies.resources.cross_namespace_test

import data.dbtether.policies.resources.cross_namespace

# review is of DatabaseUser report in namespace team-b, whose Database is orders of namespace shop.
review := {
	"request": {"kind": "DatabaseUser"},
	"namespace": {"name": "team-b", "labels": {}},
	"role": {"name": "report", "namespace": "team-b", "databaseNamespace": "shop", "path": "spec.databaseRefs[2]"},
	"database": {"name": "orders", "namespace": "shop", "allowUsersFrom": [], "namespaceLabels": {}},
}

denied(changes) := messages if {
	messages := {finding.message | some finding in cross_namespace.deny} with input as object.union(review, changes)
}

message(allowed) := {sprintf("user %q of namespace %q may not use database %q of namespace %q (allowed: %s)", ["report", "team-b", "orders", "shop", allowed])}

teams(of_user, of_database) := {
	"namespace": {"labels": {"dbtether.io/team": of_user}},
	"database": {"namespaceLabels": {"dbtether.io/team": of_database}},
}

test_finding if {
	cross_namespace.deny == {{
		"code": "DATABASE-NOT-SHARED",
		"message": `user "report" of namespace "team-b" may not use database "orders" of namespace "shop" (allowed: shop)`,
		"fix": `ask the owner of namespace "shop" to add "team-b" to the annotation dbtether.io/allow-users-from of the Database`,
		"path": "spec.databaseRefs[2].namespace",
	}} with input as review
}

test_own_namespace if {
	count(denied({"role": {"databaseNamespace": "team-b"}, "database": {"namespace": "team-b"}})) == 0
}

test_listed_namespace if {
	count(denied({"database": {"allowUsersFrom": ["team-a", "team-b"]}})) == 0
}

test_other_namespaces_listed_and_not_told if {
	denied({"database": {"allowUsersFrom": ["team-a", "team-b2"]}}) == message("shop")
}

test_everyone_listed if {
	count(denied({"database": {"allowUsersFrom": ["*"]}})) == 0
}

test_star_is_no_pattern if {
	denied({"database": {"allowUsersFrom": ["team-*"]}}) == message("shop")
}

test_same_team if {
	count(denied(teams("backend", "backend"))) == 0
}

test_other_team if {
	denied(teams("frontend", "backend")) == message("shop, or label dbtether.io/team=backend")
}

test_team_of_one_side_only if {
	denied({"namespace": {"labels": {"dbtether.io/team": "backend"}}}) == message("shop")
	denied({"database": {"namespaceLabels": {"dbtether.io/team": "backend"}}}) == message("shop, or label dbtether.io/team=backend")
}

test_empty_team_is_no_team if {
	denied(teams("", "")) == message("shop")
}

test_same_value_of_another_label if {
	denied({
		"namespace": {"labels": {"team": "backend"}},
		"database": {"namespaceLabels": {"team": "backend"}},
	}) == message("shop")
}

test_listed_and_team if {
	denied(object.union(teams("x", "backend"), {"database": {"allowUsersFrom": ["team-a"]}})) == message("shop, or label dbtether.io/team=backend")
}

test_other_kinds_are_not_judged if {
	count(denied({"request": {"kind": "Database"}})) == 0
}
