package dbtether.policies.guard.secret_use_test

import data.dbtether.policies.guard.secret_use

use := {
	"name": "orders-api-credentials",
	"path": "spec.containers[0].env[3]",
	"user": "orders-api",
	"requested": false,
	"serviceAccounts": [],
}

denied(changes) := findings if {
	findings := secret_use.deny with input as {
		"namespace": {"name": "shop"},
		"workload": {"serviceAccount": "web"},
		"secrets": [object.union(use, changes)],
	}
}

not_requested := {
	"code": "SECRET-NOT-REQUESTED",
	"message": `the pod uses Secret "orders-api-credentials", the credential of user "orders-api" in namespace "shop", and does not ask for it`,
	"fix": `add "orders-api" to the annotation dbtether.io/inject of the pod, which then needs no reference of its own`,
	"path": "spec.containers[0].env[3]",
}

test_requested if {
	denied({"requested": true}) == set()
}

test_not_requested if {
	denied({}) == {not_requested}
	denied({"serviceAccounts": ["api", "web"]}) == {not_requested}
}

test_not_for_this_service_account if {
	denied({"serviceAccounts": ["api", "jobs"]}) == {not_requested, {
		"code": "SERVICE-ACCOUNT-NOT-ALLOWED",
		"message": `service account "web" may not have the credential of user "orders-api" in namespace "shop" (allowed: api, jobs)`,
		"fix": `run the pod as one of those, or add "web" to spec.serviceAccounts of the DatabaseUser`,
		"path": "spec.serviceAccountName",
	}}
}

# Who asks for it is judged where it is given.
test_requested_by_another_service_account if {
	denied({"requested": true, "serviceAccounts": ["api"]}) == set()
}

test_no_secret_of_ours if {
	secret_use.deny == set() with input as {"namespace": {"name": "shop"}, "workload": {"serviceAccount": "web"}, "secrets": []}
}
