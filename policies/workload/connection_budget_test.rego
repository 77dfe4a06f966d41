package dbtether.policies.workload.connection_budget_test

import data.dbtether.policies.workload.connection_budget

limits := [
	{"kind": "DatabaseUser", "name": "orders-api", "connections": 59},
	{"kind": "Database", "name": "orders", "connections": 60},
	{"kind": "DBCluster", "name": "main", "connections": 97},
]

found(connections) := findings if {
	findings := connection_budget.deny with input as {
		"workload": {"kind": "Deployment", "name": "api", "replicas": 3, "poolSize": 20, "connections": connections},
		"binding": [{"user": "orders-api", "limits": []}, {"user": "orders-api", "limits": limits}],
	}
}

test_nothing_said if {
	found(0) == set()
}

test_enough if {
	found(59) == set()
}

test_more_than_the_user_takes if {
	found(60) == {{
		"code": "CONNECTION-BUDGET",
		"message": `deployment "api" may open 60 connections (replicas: 3, dbtether.io/pool-size: 20), but user "orders-api" takes 59`,
		"fix": "lower dbtether.io/pool-size or the replicas, or raise spec.connectionLimit of the DatabaseUser",
		"path": `metadata.annotations["dbtether.io/pool-size"]`,
	}}
}

test_more_than_all_of_them_take if {
	fixes := {found_one.fix | some found_one in found(98)}
	fixes == {
		"lower dbtether.io/pool-size or the replicas, or raise spec.connectionLimit of the DatabaseUser",
		"lower dbtether.io/pool-size or the replicas, or raise spec.connectionLimit of the Database",
		"lower dbtether.io/pool-size or the replicas, or ask the platform team for more connections or a pooler",
	}
	subjects := {part | some found_one in found(98); part := split(found_one.message, "but ")[1]}
	subjects == {`user "orders-api" takes 59`, `database "orders" takes 60`, `cluster "main" takes 97`}
}
