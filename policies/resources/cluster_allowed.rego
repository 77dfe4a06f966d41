# METADATA
# scope: package
# title: Who may use a cluster
# description: >-
#   A namespace may use a DBCluster that names it in spec.allowedNamespaces, or whose
#   spec.namespaceSelector matches its labels. With neither, every namespace may; an
#   empty list admits none.
# custom:
#   mode: deny
package dbtether.policies.resources.cluster_allowed

import data.dbtether.policies.resources.cross_namespace

# METADATA
# title: The namespace may not use the cluster
# description: >-
#   The DBCluster admits other namespaces only. This holds for a Database on it, and for a
#   DatabaseUser of a Database on it, wherever that Database is: if that admits the user.
# custom:
#   code: CLUSTER-NOT-ALLOWED
#   fix: ask its owner, or add the namespace to spec.allowedNamespaces
#   examples:
#     - denied: 'a Database in namespace lab on a DBCluster with allowedNamespaces [shop]'
#     - allowed: 'the same in namespace shop'
deny contains {
	"code": "CLUSTER-NOT-ALLOWED",
	"message": sprintf("namespace %q may not use cluster %q (allowed: %s)", [input.namespace.name, input.cluster.name, allowed]),
	"fix": "ask its owner, or add the namespace to spec.allowedNamespaces",
	"path": path,
} if {
	concerned
	input.cluster.exists
	not admitted
}

# METADATA
# title: The cluster does not exist
# description: >-
#   The Database is accepted and waits for its DBCluster. Whether its namespace may use
#   the DBCluster is decided when there is one.
# custom:
#   code: CLUSTER-UNKNOWN
#   fix: correct spec.clusterRef.name, or ask the platform team to add the cluster
#   examples:
#     - denied: 'a Database whose clusterRef names a DBCluster that nobody has registered'
#     - allowed: 'the same once it is registered'
warn contains {
	"code": "CLUSTER-UNKNOWN",
	"message": sprintf("cluster %q does not exist; database %q in namespace %q waits for it", [input.cluster.name, input.database.name, input.namespace.name]),
	"fix": "correct spec.clusterRef.name, or ask the platform team to add the cluster",
	"path": "spec.clusterRef.name",
} if {
	input.request.kind == "Database"
	not input.cluster.exists
}

concerned if input.request.kind == "Database"

concerned if {
	input.request.kind == "DatabaseUser"
	cross_namespace.admitted
}

admitted if not restricted

admitted if input.namespace.name in input.cluster.allowedNamespaces

admitted if {
	every key, value in input.cluster.namespaceSelector.matchLabels {
		input.namespace.labels[key] == value
	}
	every requirement in input.cluster.namespaceSelector.matchExpressions {
		meets(requirement)
	}
}

# An empty list restricts, too: to nobody.
restricted if input.cluster.allowedNamespaces

restricted if input.cluster.namespaceSelector

# As Kubernetes reads label selectors. One that Kubernetes would refuse matches nothing: In and
# NotIn need values, Exists and DoesNotExist take none, and there are no other operators.
meets(requirement) if {
	requirement.operator == "In"
	labelled(requirement)
}

meets(requirement) if {
	requirement.operator == "NotIn"
	count(requirement.values) > 0
	not labelled(requirement)
}

meets(requirement) if {
	requirement.operator == "Exists"
	count(requirement.values) == 0
	input.namespace.labels[requirement.key]
}

meets(requirement) if {
	requirement.operator == "DoesNotExist"
	count(requirement.values) == 0
	not input.namespace.labels[requirement.key]
}

labelled(requirement) if input.namespace.labels[requirement.key] in requirement.values

allowed := "none" if count(alternatives) == 0

allowed := concat(", or ", alternatives) if count(alternatives) > 0

alternatives := array.concat([names | count(input.cluster.allowedNamespaces) > 0], [labels | input.cluster.namespaceSelector])

names := concat(", ", input.cluster.allowedNamespaces) if count(input.cluster.allowedNamespaces) <= 5

names := sprintf("%s and %d more", [
	concat(", ", array.slice(input.cluster.allowedNamespaces, 0, 5)),
	count(input.cluster.allowedNamespaces) - 5,
]) if {
	count(input.cluster.allowedNamespaces) > 5
}

labels := concat(" and ", array.concat(
	[sprintf("label %s=%s", [key, value]) | some key, value in input.cluster.namespaceSelector.matchLabels],
	[requirement_text(requirement) | some requirement in input.cluster.namespaceSelector.matchExpressions],
))

requirement_text(requirement) := sprintf("label %s %s", [requirement.key, requirement.operator]) if count(requirement.values) == 0

requirement_text(requirement) := sprintf("label %s %s (%s)", [requirement.key, requirement.operator, concat(", ", requirement.values)]) if {
	count(requirement.values) > 0
}

default path := "spec.clusterRef.name"

path := sprintf("%s.name", [input.role.path])
