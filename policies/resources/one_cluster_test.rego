package dbtether.policies.resources.one_cluster_test

import data.dbtether.policies.resources.one_cluster

# review is of DatabaseUser report in namespace team-b, for its third database.
review := {
	"request": {"kind": "DatabaseUser"},
	"namespace": {"name": "team-b", "labels": {}},
	"role": {"name": "report", "namespace": "team-b", "databaseNamespace": "team-b", "clusterName": "main", "path": "spec.databaseRefs[2]"},
	"database": {"name": "orders", "namespace": "team-b", "allowUsersFrom": [], "namespaceLabels": {}},
	"cluster": {"name": "spare"},
}

found(changes) := n if {
	n := count(one_cluster.deny) with input as object.union(review, changes)
}

test_finding if {
	one_cluster.deny == {{
		"code": "DATABASES-ON-TWO-CLUSTERS",
		"message": `user "report" has databases on two clusters: "orders" of namespace "team-b" is on "spare", those before it are on "main"`,
		"fix": "create one DatabaseUser for each cluster",
		"path": "spec.databaseRefs[2].name",
	}} with input as review
}

test_same_cluster if {
	found({"cluster": {"name": "main"}}) == 0
}

test_first_database if {
	found({"role": {"clusterName": ""}}) == 0
}

test_database_that_does_not_exist if {
	found({"cluster": {"name": ""}}) == 0
}

test_database_of_another_namespace if {
	elsewhere := {"databaseNamespace": "shop"}
	found({"role": elsewhere, "database": {"namespace": "shop", "allowUsersFrom": ["team-b"]}}) == 1

	# Where it stands is not told to who may not use it.
	found({"role": elsewhere, "database": {"namespace": "shop", "allowUsersFrom": ["team-a"]}}) == 0
}

test_other_kinds_are_not_judged if {
	found({"request": {"kind": "Database"}}) == 0
}
