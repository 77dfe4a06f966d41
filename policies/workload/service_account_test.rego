package dbtether.policies.workload.service_account_test

import data.dbtether.policies.workload.service_account

binding := {"user": "orders-api", "namespace": "shop", "serviceAccounts": ["api", "jobs"]}

denied(name, bindings) := findings if {
	findings := service_account.deny with input as {"workload": {"serviceAccount": name}, "binding": bindings}
}

test_allowed if {
	denied("api", [binding]) == set()
	denied("jobs", [binding]) == set()
}

test_everyone_is_allowed_where_none_is_named if {
	denied("default", [object.union(binding, {"serviceAccounts": []})]) == set()
}

test_not_allowed if {
	denied("default", [binding]) == {{
		"code": "SERVICE-ACCOUNT-NOT-ALLOWED",
		"message": `service account "default" may not have the credential of user "orders-api" in namespace "shop" (allowed: api, jobs)`,
		"fix": `run the pod as one of those, or add "default" to spec.serviceAccounts of the DatabaseUser`,
		"path": "spec.serviceAccountName",
	}}
}

test_each_binding_is_judged if {
	count(denied("web", [binding, object.union(binding, {"user": "reports"}), object.union(binding, {"serviceAccounts": ["web"]})])) == 2
}
