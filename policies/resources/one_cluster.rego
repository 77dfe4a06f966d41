# METADATA
# scope: package
# title: One cluster for each user
# description: >-
#   A DatabaseUser is one login with one credential, so all of its Databases stand on one
#   DBCluster.
# custom:
#   mode: deny
package dbtether.policies.resources.one_cluster

import data.dbtether.policies.resources.cross_namespace

# METADATA
# title: The databases of the user stand on two clusters
# description: >-
#   One of the Databases that the DatabaseUser refers to stands on another DBCluster than
#   those before it. A Database that does not exist stands on none.
# custom:
#   code: DATABASES-ON-TWO-CLUSTERS
#   fix: create one DatabaseUser for each cluster
#   examples:
#     - denied: 'a DatabaseUser with databaseRefs on cluster main and on cluster spare'
#     - allowed: 'one DatabaseUser for each of the two'
deny contains {
	"code": "DATABASES-ON-TWO-CLUSTERS",
	"message": sprintf("user %q has databases on two clusters: %q of namespace %q is on %q, those before it are on %q", [
		input.role.name, input.database.name, input.role.databaseNamespace, input.cluster.name, input.role.clusterName,
	]),
	"fix": "create one DatabaseUser for each cluster",
	"path": sprintf("%s.name", [input.role.path]),
} if {
	input.request.kind == "DatabaseUser"
	input.cluster.name != ""
	not input.role.clusterName in {"", input.cluster.name}
	cross_namespace.admitted
}
