package dbtether.policies.resources.cluster_allowed_test

import data.dbtether.policies.resources.cluster_allowed

# review is of a Database in namespace team-b, on a cluster that says what restriction says.
review(restriction) := {
	"request": {"kind": "Database"},
	"namespace": {"name": "team-b", "labels": {"team": "frontend", "tier": ""}},
	"database": {"name": "orders", "namespace": "team-b", "clusterName": "main"},
	"cluster": object.union({"name": "main", "exists": true}, restriction),
}

selector(labels, expressions) := {"namespaceSelector": {"matchLabels": labels, "matchExpressions": expressions}}

requirement(key, operator, values) := selector({}, [{"key": key, "operator": operator, "values": values}])

# user is of a DatabaseUser in namespace team-b, whose Database is on a cluster for shop.
user(database_namespace, shared) := object.union(review({"allowedNamespaces": ["shop"]}), {
	"request": {"kind": "DatabaseUser"},
	"database": {"namespace": database_namespace, "allowUsersFrom": shared},
	"role": {"name": "report", "namespace": "team-b", "databaseNamespace": database_namespace, "path": "spec.databaseRefs[2]"},
})

denied(restriction) := messages if {
	messages := {finding.message | some finding in cluster_allowed.deny} with input as review(restriction)
}

message(allowed) := {sprintf("namespace %q may not use cluster %q (allowed: %s)", ["team-b", "main", allowed])}

test_without_restriction_everyone_may if {
	count(denied({})) == 0
}

test_list_that_names_the_namespace if {
	count(denied({"allowedNamespaces": ["shop", "team-b"]})) == 0
}

test_list_that_does_not if {
	denied({"allowedNamespaces": ["shop"]}) == message("shop")
}

test_list_takes_no_prefix if {
	denied({"allowedNamespaces": ["team", "team-b2", "*"]}) == message("team, team-b2, *")
}

test_empty_list_admits_nobody if {
	denied({"allowedNamespaces": []}) == message("none")
}

test_long_list_is_cut_in_the_message if {
	denied({"allowedNamespaces": ["a", "b", "c", "d", "e"]}) == message("a, b, c, d, e")
	denied({"allowedNamespaces": ["a", "b", "c", "d", "e", "f", "g"]}) == message("a, b, c, d, e and 2 more")
}

test_selector_that_matches if {
	count(denied(selector({"team": "frontend"}, []))) == 0
}

test_selector_that_does_not if {
	denied(selector({"team": "backend"}, [])) == message("label team=backend")
}

test_selector_needs_all_of_its_labels if {
	denied(selector({"team": "frontend", "zone": "a"}, [])) == message("label team=frontend and label zone=a")
}

test_selector_needs_its_labels_and_its_expressions if {
	labels := {"team": "frontend"}
	count(denied(selector(labels, [{"key": "zone", "operator": "DoesNotExist", "values": []}]))) == 0
	denied(selector(labels, [{"key": "zone", "operator": "Exists", "values": []}])) == message("label team=frontend and label zone Exists")
	denied(selector({"team": "x"}, [{"key": "tier", "operator": "Exists", "values": []}])) == message("label team=x and label tier Exists")
}

test_empty_selector_matches_all if {
	count(denied(selector({}, []))) == 0
}

test_list_or_selector if {
	either := object.union({"allowedNamespaces": ["shop"]}, selector({"team": "backend"}, []))
	denied(either) == message("shop, or label team=backend")
	count(denied(object.union(either, {"allowedNamespaces": ["team-b"]}))) == 0
	count(denied(object.union(either, selector({"team": "frontend"}, [])))) == 0
}

test_empty_list_and_selector if {
	empty := {"allowedNamespaces": []}
	count(denied(object.union(empty, selector({"team": "frontend"}, [])))) == 0
	denied(object.union(empty, selector({"team": "backend"}, []))) == message("label team=backend")
}

test_in if {
	count(denied(requirement("team", "In", ["backend", "frontend"]))) == 0
	denied(requirement("team", "In", ["backend", "data"])) == message("label team In (backend, data)")
	denied(requirement("zone", "In", ["a"])) == message("label zone In (a)")
	denied(requirement("team", "In", [])) == message("label team In")
}

test_not_in if {
	count(denied(requirement("team", "NotIn", ["backend"]))) == 0
	count(denied(requirement("zone", "NotIn", ["a"]))) == 0
	denied(requirement("team", "NotIn", ["frontend"])) == message("label team NotIn (frontend)")
	denied(requirement("team", "NotIn", [])) == message("label team NotIn")
}

test_exists if {
	count(denied(requirement("team", "Exists", []))) == 0
	count(denied(requirement("tier", "Exists", []))) == 0
	denied(requirement("zone", "Exists", [])) == message("label zone Exists")
	denied(requirement("team", "Exists", ["frontend"])) == message("label team Exists (frontend)")
}

test_does_not_exist if {
	count(denied(requirement("zone", "DoesNotExist", []))) == 0
	denied(requirement("tier", "DoesNotExist", [])) == message("label tier DoesNotExist")
	denied(requirement("zone", "DoesNotExist", ["a"])) == message("label zone DoesNotExist (a)")
}

test_unknown_operator_matches_nothing if {
	denied(requirement("team", "Gt", ["a"])) == message("label team Gt (a)")
	denied(requirement("team", "in", ["frontend"])) == message("label team in (frontend)")
}

test_finding_of_a_database if {
	cluster_allowed.deny == {{
		"code": "CLUSTER-NOT-ALLOWED",
		"message": `namespace "team-b" may not use cluster "main" (allowed: shop)`,
		"fix": "ask its owner, or add the namespace to spec.allowedNamespaces",
		"path": "spec.clusterRef.name",
	}} with input as review({"allowedNamespaces": ["shop"]})
}

test_finding_of_a_database_user if {
	cluster_allowed.deny == {{
		"code": "CLUSTER-NOT-ALLOWED",
		"message": `namespace "team-b" may not use cluster "main" (allowed: shop)`,
		"fix": "ask its owner, or add the namespace to spec.allowedNamespaces",
		"path": "spec.databaseRefs[2].name",
	}} with input as user("team-b", [])
}

test_user_of_a_shared_database if {
	count(cluster_allowed.deny) == 1 with input as user("shop", ["team-b"])
}

# Which cluster it stands on, and that it exists, is not told to who may not use it.
test_user_of_a_database_that_is_not_shared if {
	count(cluster_allowed.deny) == 0 with input as user("shop", ["team-a"])
}

test_other_kinds_are_not_judged if {
	count(cluster_allowed.deny) == 0 with input as object.union(review({"allowedNamespaces": []}), {"request": {"kind": "DBCluster"}})
	count(cluster_allowed.deny) == 0 with input as object.union(user("team-b", []), {"request": {"kind": "Pod"}})
}

test_unknown_cluster_warns if {
	unknown := review({"exists": false})
	cluster_allowed.warn == {{
		"code": "CLUSTER-UNKNOWN",
		"message": `cluster "main" does not exist; database "orders" in namespace "team-b" waits for it`,
		"fix": "correct spec.clusterRef.name, or ask the platform team to add the cluster",
		"path": "spec.clusterRef.name",
	}} with input as unknown
	count(cluster_allowed.warn) == 0 with input as object.union(unknown, {"request": {"kind": "DatabaseUser"}})
}

test_unknown_cluster_does_not_deny if {
	count(denied({"exists": false, "allowedNamespaces": []})) == 0
}

test_known_cluster_does_not_warn if {
	count(cluster_allowed.warn) == 0 with input as review({"allowedNamespaces": []})
}
