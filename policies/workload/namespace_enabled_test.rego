package dbtether.policies.workload.namespace_enabled_test

import data.dbtether.policies.workload.namespace_enabled

denied(enabled, bindings) := findings if {
	findings := namespace_enabled.deny with input as {
		"namespace": {"name": "shop"},
		"workload": {"injectionEnabled": enabled},
		"binding": bindings,
	}
}

test_enabled if {
	denied(true, [{"user": "orders-api"}]) == set()
}

test_nothing_asked_for if {
	denied(false, []) == set()
}

test_not_enabled if {
	denied(false, [{"user": "orders-api"}]) == {{
		"code": "NAMESPACE-NOT-ENABLED",
		"message": `the pod asks for credentials (dbtether.io/inject), but namespace "shop" is not labelled for it`,
		"fix": "ask the platform team to run: kubectl label namespace shop dbtether.io/injection=enabled",
		"path": `metadata.annotations["dbtether.io/inject"]`,
	}}
}
