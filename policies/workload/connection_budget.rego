# METADATA
# scope: package
# title: Connections that a workload may open
# description: >-
#   What the annotation dbtether.io/pool-size says that each pod opens, times the pods, is
#   no more than the DatabaseUser, its first Database and the server take. Other workloads
#   and other databases of the server are not counted: it is a warning, not a reservation.
# custom:
#   mode: warn
#   on_error: warn
package dbtether.policies.workload.connection_budget

# METADATA
# title: More connections than there are
# description: >-
#   The pods of the workload together may open more connections than the DatabaseUser, its
#   first Database or the server takes. Some of them will be refused under load.
# custom:
#   code: CONNECTION-BUDGET
#   fix: lower dbtether.io/pool-size or the replicas, or raise the limit
#   examples:
#     - denied: 'a Deployment of 10 replicas with dbtether.io/pool-size: 20, and a DatabaseUser with connectionLimit 50'
#     - allowed: 'the same with dbtether.io/pool-size: 5'
deny contains {
	"code": "CONNECTION-BUDGET",
	"message": sprintf("%s %q may open %d connections (replicas: %d, dbtether.io/pool-size: %d), but %s %q takes %d", [
		lower(input.workload.kind), input.workload.name, input.workload.connections, input.workload.replicas,
		input.workload.poolSize, subject[limit.kind], limit.name, limit.connections,
	]),
	"fix": sprintf("lower dbtether.io/pool-size or the replicas, or %s", [remedy[limit.kind]]),
	"path": `metadata.annotations["dbtether.io/pool-size"]`,
} if {
	some binding in input.binding
	some limit in binding.limits
	input.workload.connections > limit.connections
}

subject := {"DatabaseUser": "user", "Database": "database", "DBCluster": "cluster"}

remedy := {
	"DatabaseUser": "raise spec.connectionLimit of the DatabaseUser",
	"Database": "raise spec.connectionLimit of the Database",
	"DBCluster": "ask the platform team for more connections or a pooler",
}
